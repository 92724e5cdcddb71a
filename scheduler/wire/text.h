// Text from outside, made short enough to keep or to send.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace heliotrope::wire {

// At most so many bytes, with "..." where something was cut. Not cut within a UTF-8 character: a
// protobuf string that is not whole does not parse again.
inline std::string Cut(absl::string_view text, size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  size_t end = bytes - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace heliotrope::wire
