// Prices by the hour: as given, and beyond that as usual at that hour of the local week.
#pragma once

#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace heliotrope::model {

// Invariant: empty, or sorted by time; each price holds from its time until the next one's, the
// last for an hour.
struct PriceSeries {
  std::vector<std::pair<absl::Time, double>> usd_per_mwh;
  // What is usual by hour of the local week, 168 of them; filled by FillWeek, empty before.
  std::vector<double> week;
};

// Learns the usual week from the newest prices of the series: half the mean of that hour in the last
// four weeks, half that of the same hour of the day in the last three days. Hours without any get
// the overall mean. Of all this a tenth less: who waits for prices that are not known yet will take
// the hours that turn out cheap.
void FillWeek(PriceSeries& series, const absl::TimeZone& zone);

// The price at `time`: the series' own where it has one, else the usual one of that hour.
// REQUIRES: FillWeek was called. 0 if the series is empty.
double PriceAt(const PriceSeries& series, const absl::TimeZone& zone, absl::Time time);

}  // namespace heliotrope::model
