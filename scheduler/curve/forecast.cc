#include "scheduler/curve/forecast.h"

#include <cstddef>

namespace heliotrope::curve {

std::array<double, kQuantiles> Values(const Forecast& f) {
  return {f.p03, f.p10, f.p25, f.p50, f.p75, f.p90, f.p95, f.p97};
}

Forecast FromValues(const std::array<double, kQuantiles>& v) {
  return {.p03 = v[0],
          .p10 = v[1],
          .p25 = v[2],
          .p50 = v[3],
          .p75 = v[4],
          .p90 = v[5],
          .p95 = v[6],
          .p97 = v[7]};
}

double QuantileOf(const Forecast& forecast, double q) {
  const std::array<double, kQuantiles> values = Values(forecast);
  if (!(q > kQuantileLevels.front())) return values.front();
  for (size_t i = 1; i < kQuantiles; ++i) {
    if (q > kQuantileLevels[i]) continue;
    const double share =
        (q - kQuantileLevels[i - 1]) / (kQuantileLevels[i] - kQuantileLevels[i - 1]);
    return values[i - 1] + share * (values[i] - values[i - 1]);
  }
  return values.back();
}

}  // namespace heliotrope::curve
