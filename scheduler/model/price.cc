#include "scheduler/model/price.h"

#include <algorithm>
#include <cmath>

#include "scheduler/base/check.h"

namespace heliotrope::model {

namespace {

constexpr size_t kHoursPerWeek = 168;
constexpr size_t kHoursPerDay = 24;
// What is usual: half of it as in the last weeks at that hour of the week, half as in the last days
// at that hour of the day, for prices drift from week to week.
constexpr int kWeeks = 4;
constexpr absl::Duration kLastDays = absl::Hours(72);
constexpr double kChoice = 0.1;

class Means {
 public:
  explicit Means(size_t size) : sums_(size, 0.0), counts_(size, 0) {}
  void Add(size_t at, double value) {
    sums_[at] += value;
    ++counts_[at];
  }
  int Count(size_t at) const { return counts_[at]; }
  double MeanOr(size_t at, double otherwise) const {
    return counts_[at] > 0 ? sums_[at] / counts_[at] : otherwise;
  }

 private:
  std::vector<double> sums_;
  std::vector<int> counts_;
};

size_t HourOfWeek(const absl::TimeZone& zone, absl::Time time) {
  const absl::CivilSecond local = absl::ToCivilSecond(time, zone);
  const auto day = static_cast<size_t>(absl::GetWeekday(local));  // Monday is 0.
  return day * 24 + static_cast<size_t>(local.hour());
}

}  // namespace

void FillWeek(PriceSeries& series, const absl::TimeZone& zone) {
  if (series.usd_per_mwh.empty()) return;
  Means by_week(kHoursPerWeek);
  Means by_day(kHoursPerDay);
  Means all(1);
  // The newest first: of each hour only so many count.
  const absl::Time end = series.usd_per_mwh.back().first;
  for (auto entry = series.usd_per_mwh.rbegin(); entry != series.usd_per_mwh.rend(); ++entry) {
    const size_t hour = HourOfWeek(zone, entry->first);
    if (by_week.Count(hour) < kWeeks) by_week.Add(hour, entry->second);
    if (entry->first > end - kLastDays) by_day.Add(hour % kHoursPerDay, entry->second);
    all.Add(0, entry->second);
  }
  series.week.resize(kHoursPerWeek);
  for (size_t hour = 0; hour < kHoursPerWeek; ++hour) {
    const double week = by_week.MeanOr(hour, all.MeanOr(0, 0));
    const double usual = (week + by_day.MeanOr(hour % kHoursPerDay, week)) / 2;
    series.week[hour] = usual - kChoice * std::abs(usual);
  }
}

double PriceAt(const PriceSeries& series, const absl::TimeZone& zone, absl::Time time) {
  if (series.usd_per_mwh.empty()) return 0;
  HT_CHECK_EQ(series.week.size(), kHoursPerWeek);
  const auto after = std::upper_bound(
      series.usd_per_mwh.begin(), series.usd_per_mwh.end(), time,
      [](absl::Time t, const std::pair<absl::Time, double>& entry) { return t < entry.first; });
  if (after != series.usd_per_mwh.begin() && time < std::prev(after)->first + absl::Hours(1)) {
    return std::prev(after)->second;
  }
  return series.week[HourOfWeek(zone, time)];
}

}  // namespace heliotrope::model
