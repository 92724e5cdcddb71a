// What a forecast is: quantiles of the foreground load of one time.
#pragma once

#include <array>

#include "scheduler/curve/error_model.h"

namespace heliotrope::curve {

// The load of one data center or region at one time, as a fraction of its capacity.
// Invariant: 0 <= p03 <= p10 <= ... <= p97.
struct Forecast {
  double p03 = 0;
  double p10 = 0;
  double p25 = 0;
  double p50 = 0;
  double p75 = 0;
  double p90 = 0;
  double p95 = 0;
  double p97 = 0;
  bool mature = false;  // stands on at least one day of samples
  bool stale = false;   // the newest sample ended more than 30 minutes before now
  friend bool operator==(const Forecast&, const Forecast&) = default;
};

// The quantiles in the order of kQuantileLevels, and back.
std::array<double, kQuantiles> Values(const Forecast& forecast);
Forecast FromValues(const std::array<double, kQuantiles>& values);

// The value at level q, linear between the levels kept; below 0.03 it is p03, above 0.97 it is p97.
double QuantileOf(const Forecast& forecast, double q);

}  // namespace heliotrope::curve
