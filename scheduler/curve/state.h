// The whole memory of a forecaster as plain values, for a store to keep.
#pragma once

#include <cstdint>
#include <vector>

namespace heliotrope::curve {

// A version and five flat vectors; the version fixes their sizes. A few floats are NaN ("missing"),
// and floats must come back bit for bit, so they are encoded as numbers, not as text. About 138 kB.
struct ForecasterState {
  static constexpr int kVersion = 4;
  int version = kVersion;
  std::vector<int64_t> integers;      // first and last bin, counters, bins of open forecasts
  std::vector<double> numbers;        // levels and scores, regressions, error models
  std::vector<float> profile;         // values, then counts, then the drift
  std::vector<float> samples;         // last 8 days, by bin mod 2304: loads, residuals, levels
  std::vector<float> open_forecasts;  // what was forecast for bins still to come
};

}  // namespace heliotrope::curve
