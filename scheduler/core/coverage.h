// How good the forecasts of one data center are: of each quantile that is published, how often the
// load stayed at or below what had been forecast a day before. Kept apart from the forecaster, which
// watches its own quantiles only to learn from them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/curve/forecaster.h"

namespace heliotrope::core {

// The whole memory as plain values.
struct CoverageState {
  int64_t scored = 0;
  std::vector<double> shares;    // One per quantile.
  std::vector<int64_t> bins;     // That are still to come, ascending.
  std::vector<float> quantiles;  // What was forecast for each.
};

// Some 4 KiB. Every third bin is scored: neighbours differ little.
class Coverage {
 public:
  Coverage();

  // `forecaster` has just taken `bin` as its newest one. Scores what was forecast for it, and notes
  // what is forecast for a day later. Not scored: what a frozen sensor says, and forecasts from less
  // than a day of samples.
  void Follow(const curve::Bin& bin, const curve::Forecaster& forecaster);

  // Of kQuantileLevels[i], over about two weeks. It begins at the level itself, which weighs as much
  // as a day.
  double share(size_t i) const { return shares_[i]; }
  // How many forecasts the shares stand on.
  int64_t scored() const { return scored_; }

  CoverageState Save() const;
  // INVALID_ARGUMENT for what Save cannot have written.
  static absl::StatusOr<Coverage> Restore(const CoverageState& state);

 private:
  using Quantiles = std::array<float, curve::kQuantiles>;

  int64_t scored_ = 0;
  std::array<double, curve::kQuantiles> shares_ = curve::kQuantileLevels;
  std::map<int64_t, Quantiles> open_;  // By bin: within a day of the newest.
};

}  // namespace heliotrope::core
