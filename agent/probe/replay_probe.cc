#include "agent/probe/replay_probe.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::agent::probe {
namespace {

constexpr int64_t kDaysPerWeek = 7;
constexpr int64_t kSecondsPerDay = 24 * 3600;

bool IsShare(double value) { return value >= 0 && value <= 1; }

absl::Status CheckSeries(const std::vector<os::Sample>& series) {
  const auto bad = std::find_if(series.begin(), series.end(), [](const os::Sample& sample) {
    return !std::isfinite(sample.value) || sample.value < 0;
  });
  if (bad != series.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a load is ", bad->value, ": it must be finite and not negative"));
  }
  const auto unordered =
      std::adjacent_find(series.begin(), series.end(),
                         [](const os::Sample& a, const os::Sample& b) { return a.time >= b.time; });
  if (unordered != series.end()) return absl::InvalidArgumentError("times do not grow");
  if (series.size() < 2 || series.back().time - series.front().time < absl::Hours(24 * 7)) {
    return absl::InvalidArgumentError(
        "the series spans less than a week, so it cannot be repeated: give a longer one");
  }
  return absl::OkStatus();
}

absl::Status CheckScale(const ReplayProbe::Options& options) {
  if (options.low.has_value() != options.high.has_value()) {
    return absl::InvalidArgumentError("one of low and high is given: give both or none");
  }
  if (options.low.has_value() && options.peak.has_value()) {
    return absl::InvalidArgumentError("both peak and low and high are given: give one of them");
  }
  if (options.peak.has_value() && !(*options.peak > 0 && std::isfinite(*options.peak))) {
    return absl::InvalidArgumentError(
        absl::StrCat("peak is ", *options.peak, ": it must be above 0"));
  }
  if (options.low.has_value() &&
      !(IsShare(*options.low) && IsShare(*options.high) && *options.low <= *options.high)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "low is ", *options.low, " and high ", *options.high, ": 0 <= low <= high <= 1 is needed"));
  }
  if (options.capacity <= MilliCores::Zero()) {
    return absl::InvalidArgumentError("the capacity is zero");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReplayProbe>> ReplayProbe::Create(Options options) {
  HT_RETURN_IF_ERROR(CheckSeries(options.series));
  HT_RETURN_IF_ERROR(CheckScale(options));
  auto probe = std::unique_ptr<ReplayProbe>(new ReplayProbe(std::move(options)));
  const Options& of = probe->options_;
  probe->weeks_ = (of.series.back().time - of.series.front().time) / absl::Hours(24 * 7);
  const auto [least, most] = std::minmax_element(
      of.series.begin(), of.series.end(),
      [](const os::Sample& a, const os::Sample& b) { return a.value < b.value; });
  if (of.low.has_value()) {
    const double range = most->value - least->value;
    probe->offset_ = least->value;
    probe->factor_ = range > 0 ? (*of.high - *of.low) / range : 0;
    probe->low_ = *of.low;
  } else {
    const double peak = of.peak.value_or(most->value);
    probe->factor_ = peak > 0 ? 1 / peak : 0;
  }
  return probe;
}

absl::Time ReplayProbe::InsideSeries(absl::Time time) const {
  const absl::Time first = options_.series.front().time;
  const absl::Time last = options_.series.back().time;
  if (time >= first && time <= last) return time;
  // Steps of all the whole weeks that there are, so that each of them gets its turn; in civil days,
  // so that the local time stays.
  const int64_t days = weeks_ * kDaysPerWeek;
  const absl::Duration step = absl::Hours(24) * days;
  const int64_t steps = time > last ? -((time - last) / step + 1) : (first - time) / step + 1;
  const absl::CivilSecond local = absl::ToCivilSecond(time, options_.time_zone);
  const auto shifted = [&](int64_t by) {
    return absl::FromCivil(local + by * days * kSecondsPerDay, options_.time_zone);
  };
  // A change of the clocks in between moves it by an hour, at the joints beyond an end: one step
  // more or less then. What misses both ends by that hour has the value of the end.
  const absl::Time inside = shifted(steps);
  if (inside > last) return shifted(steps - 1);
  if (inside < first) return shifted(steps + 1);
  return inside;
}

double ReplayProbe::ValueAt(absl::Time inside) const {
  const std::vector<os::Sample>& series = options_.series;
  const auto after = std::lower_bound(
      series.begin(), series.end(), inside,
      [](const os::Sample& sample, absl::Time time) { return sample.time < time; });
  if (after == series.begin()) return series.front().value;
  if (after == series.end()) return series.back().value;
  const auto before = std::prev(after);
  const double share = absl::FDivDuration(inside - before->time, after->time - before->time);
  return before->value + (after->value - before->value) * share;
}

double ReplayProbe::LoadAt(absl::Time time) const {
  const double value = ValueAt(InsideSeries(time));
  return std::clamp((value - offset_) * factor_ + low_, 0.0, 1.0);
}

absl::StatusOr<Sample> ReplayProbe::Measure(absl::Time now, const OwnUsage&) {
  return Sample{.time = now,
                .foreground = options_.capacity.ScaledBy(LoadAt(now)),
                .capacity = options_.capacity,
                .batch = std::nullopt,
                .memory_total = options_.memory,
                .memory_available = options_.memory,
                .foreground_memory = Bytes::Zero(),
                .psi_cpu_some_avg10 = std::nullopt,
                .psi_memory_some_avg10 = std::nullopt};
}

}  // namespace heliotrope::agent::probe
