// Text from outside, made fit to keep, to send and to show. A protobuf string that is not UTF-8 does
// not parse again, so what is cut is cut between characters.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace heliotrope {

// Whether it is UTF-8 as RFC 3629 has it: no surrogates, nothing longer than need be. NUL counts as
// any other character.
bool IsUtf8(absl::string_view text);

// At most so many bytes, with "..." where something was cut; a byte that is in no character becomes
// "?". REQUIRES: bytes >= 3.
std::string Cut(absl::string_view text, size_t bytes);

}  // namespace heliotrope
