// A recorded load in the place of the host's own: gives a laptop the life of a data center.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/time/civil_time.h"
#include "agent/probe/load_probe.h"
#include "scheduler/os/csv.h"

namespace heliotrope::agent::probe {

// foreground(t) = load(t) * capacity, t being scheduling time. Between two points of the series the
// load is interpolated linearly. Beyond its ends whole weeks are repeated at the same local weekday
// and time of day, so the 09:00 ramp stays at 09:00 also when the clocks change.
class ReplayProbe final : public LoadProbe {
 public:
  struct Options {
    // In order of time, spanning a week at least. Values in any unit, not negative.
    std::vector<os::Sample> series;
    // What is 100 % in the series' unit. Unset: its largest value.
    std::optional<double> peak;
    // Stretched so that the smallest value becomes this share of the capacity, and the largest
    // that. Both unset: as it is. Not with `peak`.
    std::optional<double> low;
    std::optional<double> high;
    absl::TimeZone time_zone;  // Where the series is from.
    MilliCores capacity;
    Bytes memory;  // All of it is available: a series has no memory.
  };

  // INVALID_ARGUMENT with what is wrong with the options.
  static absl::StatusOr<std::unique_ptr<ReplayProbe>> Create(Options options);

  // Never fails.
  absl::StatusOr<Sample> Measure(absl::Time now, const OwnUsage& own) override;

  // Share of the capacity, 0 to 1.
  double LoadAt(absl::Time time) const;

 private:
  explicit ReplayProbe(Options options) : options_(std::move(options)) {}

  // The moment of the series that stands for `time`.
  absl::Time InsideSeries(absl::Time time) const;
  // The series' value there, interpolated; its first or last one beyond its ends.
  double ValueAt(absl::Time inside) const;

  Options options_;
  int64_t weeks_ = 0;  // Whole ones in the series.
  // load = (value - offset_) * factor_ + low_
  double offset_ = 0;
  double factor_ = 0;
  double low_ = 0;
};

}  // namespace heliotrope::agent::probe
