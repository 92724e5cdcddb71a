#include "scheduler/model/price.h"

#include <algorithm>
#include <numeric>

#include "scheduler/base/check.h"

namespace heliotrope::model {

namespace {

constexpr size_t kHoursPerWeek = 168;

size_t HourOfWeek(const absl::TimeZone& zone, absl::Time time) {
  const absl::CivilSecond local = absl::ToCivilSecond(time, zone);
  const auto day = static_cast<size_t>(absl::GetWeekday(local));  // Monday is 0.
  return day * 24 + static_cast<size_t>(local.hour());
}

}  // namespace

void FillWeek(PriceSeries& series, const absl::TimeZone& zone) {
  if (series.usd_per_mwh.empty()) return;
  std::vector<double> sums(kHoursPerWeek, 0.0);
  std::vector<int> counts(kHoursPerWeek, 0);
  double total = 0;
  for (const auto& [time, price] : series.usd_per_mwh) {
    const size_t hour = HourOfWeek(zone, time);
    sums[hour] += price;
    ++counts[hour];
    total += price;
  }
  const double mean = total / static_cast<double>(series.usd_per_mwh.size());
  series.week.resize(kHoursPerWeek);
  for (size_t hour = 0; hour < kHoursPerWeek; ++hour) {
    series.week[hour] = counts[hour] > 0 ? sums[hour] / counts[hour] : mean;
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
