// Batch work that is still to come: what an account submits a day, learned and forecast.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/curve/error_model.h"

namespace heliotrope::curve {

// Core hours expected in a day: a tenth, a half and nine tenths of the outcomes lie at or under them.
struct ArrivalForecast {
  double p10 = 0;
  double p50 = 0;
  double p90 = 0;
};

// The whole memory as plain values; the version fixes their number.
struct ArrivalState {
  static constexpr int kVersion = 1;
  int version = kVersion;
  std::vector<int64_t> integers;
  std::vector<double> numbers;
};

// One per account. The day's total is what can be foretold, not its hours (Radovanovic et al. 2021,
// section 4): the mean of its weekday, gain 0.3, leaning with n/(n+1) on the mean of all days while
// young, times a level, the totals of about four days over what was expected of them; and quantiles of the
// scaled error as of a load curve. Days are UTC days: an account has people in every zone. Constant
// work and some 700 bytes. Not thread-safe; concurrent reading is fine.
class Arrivals {
 public:
  Arrivals();

  // Work submitted at `now`, core hours > 0.
  void Add(absl::Time now, double core_hours);
  // Learns the days that have ended before `now`; a day without work is a day of zero.
  void Advance(absl::Time now);

  // The total of a UTC day, counted from 1970-01-01; of the day under way no less than has come.
  ArrivalForecast On(int64_t day) const;
  // Core hours that have come on the day under way.
  double today() const { return numbers_[kToday]; }
  // The day under way, 0 before the first work.
  int64_t day() const { return integers_[kDay]; }
  // Whole days that were learned.
  int64_t days_learned() const { return integers_[kDays]; }

  ArrivalState Save() const;
  // INVALID_ARGUMENT for an unknown version, a wrong size or a value that Save cannot have written.
  static absl::StatusOr<Arrivals> Restore(const ArrivalState& state);

 private:
  enum Integer : size_t { kDay, kDays, kIntegers };
  enum Number : size_t {
    kMeans,  // by weekday
    kCounts = kMeans + 7,
    kMean = kCounts + 7,
    kSeen,      // running mean of the totals, some days
    kForeseen,  // and of what had been expected of them
    kToday,
    kNumbers,
  };

  double Expected(int64_t day) const;
  double Level() const;
  void Close();

  std::array<int64_t, kIntegers> integers_{};
  std::array<double, kNumbers> numbers_{};
  ErrorModel errors_;
};

// The UTC day of a time, counted from 1970-01-01.
int64_t UtcDay(absl::Time time);

}  // namespace heliotrope::curve
