// How a forecaster is doing, and whether a planner may use it.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heliotrope::curve {

enum class Health {
  kNoHistory,  // no sample yet
  kYoung,      // less than a week of samples
  kHealthy,
  kOutOfBand,  // the day-ahead forecast left its band: plan reactively until it returns (Promise
               // 10)
  kFrozen,     // the measured load stands still where it never does: reactive, and nothing learned
};

// "no-history", "young", "healthy", "out-of-band", "frozen".
absl::string_view ToString(Health health);

// Out of band is a day-ahead error of the last day or so that exceeds both a share of the load and
// a share of capacity (so that a nearly idle data center is not out of band for trifles), or a p97
// that covers too little of the last two weeks. It ends at 0.8 of the limits, so that it does not
// flap.
struct BandOptions {
  double max_error_of_load = 0.30;
  double max_error_of_capacity = 0.05;
  double min_cover_p97 = 0.85;
};

struct CurveStatus {
  Health health = Health::kNoHistory;
  std::string reason;  // in words, with the values
  bool reactive =
      true;  // a planner must not rely on the forecast: no day of samples, out of band, or frozen
  bool stale = true;     // no sample for more than 30 minutes: import nothing new
  int64_t samples = 0;   // bins taken or late
  int64_t repeated = 0;  // bins that were duplicates or too old
  int64_t refused = 0;   // bins that were not sane
  absl::Time first_sample = absl::InfinitePast();
  absl::Time last_sample = absl::InfinitePast();  // start of the newest bin
  double wape_hour = 0;  // sum |error| / sum load 1 h ahead, about the last week
  double wape_day = 0;   // the same 24 h ahead
  double mae_day = 0;    // mean |error| 24 h ahead, as a fraction of capacity
  double cover_p90 = 0;  // share of bins at or under the p90 of 24 h before, about two weeks
  double cover_p97 = 0;
  int64_t scored_hour =
      0;  // how many forecasts these stand on; 0 means the figures say nothing yet
  int64_t scored_day = 0;
};

}  // namespace heliotrope::curve
