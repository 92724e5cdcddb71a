#include "tests/fuzz/fuzz.h"

#include <stdlib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include "absl/strings/str_cat.h"

namespace heliotrope::fuzz {

int64_t Input::Number() {
  constexpr std::array<int64_t, 12> kEdges = {std::numeric_limits<int64_t>::min(),
                                              std::numeric_limits<int64_t>::max(),
                                              std::numeric_limits<int32_t>::min(),
                                              std::numeric_limits<int32_t>::max(),
                                              std::numeric_limits<uint32_t>::max(),
                                              253'402'300'799,  // The end of the year 9999.
                                              -62'135'596'800,  // The begin of the year 1.
                                              315'576'000'000,  // Protobuf's longest duration.
                                              1'000'000'000,
                                              999'999'999,
                                              -1,
                                              100'000};
  const uint8_t kind = Byte();
  if (kind < 200) return kind;
  if (kind < 200 + kEdges.size()) return kEdges[kind - 200];
  uint64_t number = 0;
  for (int i = kind % 8; i >= 0; --i) number = number << 8 | Byte();
  return static_cast<int64_t>(number);
}

absl::string_view Input::Text() {
  // Mostly short: a long one leaves nothing for what comes after it.
  constexpr size_t kLongest = 250;
  size_t wanted = Byte();
  if (wanted >= kLongest) wanted = size_t{Byte()} << 8 | Byte();
  const absl::string_view text = rest_.substr(0, wanted);
  rest_.remove_prefix(text.size());
  return text;
}

absl::string_view Input::Rest() {
  const absl::string_view text = rest_;
  rest_.remove_prefix(text.size());
  return text;
}

Scratch::Scratch() {
  const char* parent = getenv("TMPDIR");
  path_ = absl::StrCat(parent == nullptr ? "/tmp" : parent, "/heliotrope-fuzz.XXXXXX");
  HT_CHECK(mkdtemp(path_.data()) != nullptr);
}

Scratch::~Scratch() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

void Scratch::Clear() const {
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    std::filesystem::remove_all(entry.path());
  }
}

}  // namespace heliotrope::fuzz
