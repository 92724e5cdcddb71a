// How well the forecaster would have done on a recorded series: rolling origins, each forecast from
// what was known before it only, scored against what came. The same Forecaster as in production.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/curve/forecast.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/curve/resample.h"

namespace heliotrope::curve {

struct BacktestOptions {
  absl::Duration test = absl::Hours(14 * 24);  // the last part of the series, forecast and scored
  absl::Duration origin_step = absl::Hours(6);
  absl::Duration horizon = absl::Hours(24);  // at most 7 days
  bool compare = false;                      // also score the baselines
  ForecasterOptions forecaster{};
};

// One target seen from one origin, in the series' own unit.
struct BacktestPoint {
  absl::Time origin;                          // only samples before it were known
  absl::Time target;                          // >= origin, on the series' own grid
  std::array<double, kQuantiles> forecast{};  // by kQuantileLevels
  double actual = 0;                          // NaN where the series has a hole
};

// Of one method over all points with an actual value. NaN: cannot be told.
struct Scores {
  int64_t points = 0;
  double wape = 0;  // sum |error of the median| / sum |actual|
  // Mean |error of the median| over the mean |change from one day to the next| before the test.
  double mase = 0;
  // Mean pinball loss at 0.5, 0.9 and 0.95 over the mean |actual|. Baselines have the median only.
  std::array<double, 3> pinball{};
  // Share of actual values at or under each quantile, by kQuantileLevels.
  std::array<double, kQuantiles> coverage{};
};

struct Backtest {
  absl::Duration step;  // of the series' own grid
  int64_t samples = 0;
  int64_t missing = 0;  // holes in the grid
  int64_t origins = 0;
  absl::Duration trained;  // before the first origin
  std::vector<BacktestPoint> points;
  Scores scores;
  // With `compare`: the value a day before, a week before (NaN where the series is too short), and
  // the mean of the last four same weekdays plus the fading mean error of the last three hours.
  Scores naive_day;
  Scores naive_week;
  Scores profile_level;
};

// `samples` in order of time, without repeats, finite and not negative, as the CSV readers give
// them; any positive unit. The grid is the most frequent step, 5 minutes to an hour. Origins begin
// at the end of the series less `test` and go on while a whole horizon has come. INVALID_ARGUMENT
// when the series is too short (told how much is needed), has another grid, is zero throughout, or
// has nothing in the test part to score; when the options make no sense. Pure; some 5 µs for each
// five minutes of the series.
absl::StatusOr<Backtest> RunBacktest(const std::vector<Sample>& samples, const absl::TimeZone& zone,
                                     const BacktestOptions& options);

}  // namespace heliotrope::curve
