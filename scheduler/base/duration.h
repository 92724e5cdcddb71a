// Durations, sizes and times as people write them, in files and on the command line. Errors are
// INVALID_ARGUMENT without a field path: the caller knows which one it was.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/base/units.h"

namespace heliotrope {

// "90s", "5m", "1h30m", "2d", "1.5h", "250ms", "0", "-5m". Units: ns us ms s m h d w. A bare number
// other than 0 is refused: nobody can tell its unit.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);
// The two largest units that are not zero: "1h30m", "2d3h", "45s", "1.5s", "250ms", "0s".
// (Not FormatDuration: that name would clash with absl's, found by its argument.)
std::string ShortDuration(absl::Duration duration);

// "512", "4GiB", "512M", "1.5g". K, M, G, T (also KiB or Ki) are powers of 1024; KB, MB, GB, TB
// powers of 1000. Case does not count; negative sizes are refused.
absl::StatusOr<Bytes> ParseSize(absl::string_view text);

// RFC 3339 with its zone: "2026-01-31T08:00:00Z", "2026-01-31T08:00:00.5+08:00".
absl::StatusOr<absl::Time> ParseTime(absl::string_view text);
// "2026-01-31T08:00:00Z", with a fraction of a second only where there is one.
std::string Rfc3339(absl::Time time);

}  // namespace heliotrope
