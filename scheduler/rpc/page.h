// Page sizes and tokens of list calls (AIP-158). A token is the key of the last item sent; clients
// must not look into it, and a made-up one is an error, not a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"

namespace heliotrope::rpc {

// A page that has grown to so much ends there, with a token: what one more item can add stays within
// the largest message.
inline constexpr size_t kPageBytes = size_t{2} << 20;

// 0 means the default; more than the limit is the limit; negative is INVALID_ARGUMENT.
inline absl::StatusOr<int> PageSize(int asked) {
  if (asked < 0) {
    return InvalidField(
        "page_size",
        absl::StrCat(asked, " is below zero: leave it out, or ask for 1 to ", kMaxPageSize));
  }
  if (asked == 0) return kDefaultPageSize;
  return asked < kMaxPageSize ? asked : kMaxPageSize;
}

// The number in a token of a list that is ordered by number; `none` for an empty token.
inline absl::StatusOr<uint64_t> PageTokenNumber(absl::string_view token, uint64_t none) {
  if (token.empty()) return none;
  uint64_t number = 0;
  if (!absl::SimpleAtoi(token, &number)) {
    return InvalidField("page_token", "not a token of this list: use the one of the page before");
  }
  return number;
}

}  // namespace heliotrope::rpc
