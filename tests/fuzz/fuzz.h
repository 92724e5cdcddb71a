// What the fuzz targets share: the entry point, checks of a refusal, and typed values out of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/check.h"

// Called by libFuzzer, or by standalone.cc, once for each input. Returns 0; what is wrong aborts.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
// Called once, before.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);

namespace heliotrope::fuzz {

// What a refusal may say at most, whatever was refused: a screen of problems, not a copy of the
// input.
inline constexpr size_t kMaxRefusalBytes = size_t{64} << 10;

// A refusal says something, and not too much.
inline void CheckRefusal(absl::string_view text) {
  HT_CHECK(!text.empty());
  HT_CHECK_LE(text.size(), kMaxRefusalBytes);
}
inline void CheckRefusal(const absl::Status& status) {
  HT_CHECK(!status.ok());
  CheckRefusal(status.message());
}

// Takes values off the front of the bytes; zeros when there are none left.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const char first = rest_.front();
    rest_.remove_prefix(1);
    return static_cast<uint8_t>(first);
  }
  bool Coin() { return (Byte() & 1) != 0; }
  // 0 to n - 1. REQUIRES: 0 < n <= 256.
  size_t Below(size_t n) { return Byte() % n; }
  // Mostly small ones and those at the edges of their types.
  int64_t Number();
  // As many bytes as the next one says, rarely the next three, or what is left.
  absl::string_view Text();
  absl::string_view Rest();

 private:
  absl::string_view rest_;
};

// A directory of this process, removed at the end of it. Below TMPDIR or /tmp.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }
  // Deletes all that is in it.
  void Clear() const;

 private:
  std::string path_;
};

}  // namespace heliotrope::fuzz
