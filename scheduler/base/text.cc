#include "scheduler/base/text.h"

#include <cstdint>

namespace heliotrope {
namespace {

// The bytes of the character at the front; 0 when there is none.
size_t CharacterLength(absl::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const size_t length = first < 0xC2   ? 0
                        : first < 0xE0 ? 2
                        : first < 0xF0 ? 3
                        : first < 0xF5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  uint32_t code = first & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0) != 0x80) return 0;
    code = code << 6 | (next & 0x3Fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < kLeast[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string Cut(absl::string_view text, size_t bytes) {
  constexpr absl::string_view kDots = "...";
  const bool whole = text.size() <= bytes;
  const size_t room = whole ? bytes : bytes - kDots.size();
  std::string cut;
  while (!text.empty()) {
    const size_t length = CharacterLength(text);
    const absl::string_view next = length == 0 ? absl::string_view("?") : text.substr(0, length);
    if (cut.size() + next.size() > room) break;
    cut.append(next.data(), next.size());
    text.remove_prefix(next.size());
  }
  if (!whole) cut.append(kDots.data(), kDots.size());
  return cut;
}

}  // namespace heliotrope
