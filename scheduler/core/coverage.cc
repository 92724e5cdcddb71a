#include "scheduler/core/coverage.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/status/status.h"

namespace heliotrope::core {
namespace {

constexpr int64_t kStride = 3;  // bins
constexpr int64_t kDay = curve::kSlotsPerDay;
// In scores.
constexpr int64_t kMemory = 14 * kDay / kStride;
constexpr int64_t kPrior = kDay / kStride;
constexpr int64_t kMostScored = int64_t{1} << 40;  // far beyond any calendar
constexpr size_t kMostOpen = static_cast<size_t>(kDay / kStride) + 1;

}  // namespace

Coverage::Coverage() = default;

void Coverage::Follow(const curve::Bin& bin, const curve::Forecaster& forecaster) {
  const int64_t index = curve::BinIndex(bin.start);
  const auto open = open_.find(index);
  if (open != open_.end() && forecaster.StatusAt(bin.start).health != curve::Health::kFrozen) {
    ++scored_;
    const double weight = 1.0 / static_cast<double>(std::min(scored_ + kPrior, kMemory));
    for (size_t i = 0; i < curve::kQuantiles; ++i) {
      const double hit = bin.load <= static_cast<double>(open->second[i]) ? 1 : 0;
      shares_[i] += weight * (hit - shares_[i]);
    }
  }
  open_.erase(open_.begin(), open_.upper_bound(index));
  if (index % kStride != 0) return;
  const curve::Forecast forecast =
      forecaster.At(curve::BinStart(index + kDay), bin.start + curve::BinLength());
  if (!forecast.mature) return;
  const std::array<double, curve::kQuantiles> values = curve::Values(forecast);
  Quantiles& noted = open_[index + kDay];
  for (size_t i = 0; i < curve::kQuantiles; ++i) noted[i] = static_cast<float>(values[i]);
}

CoverageState Coverage::Save() const {
  CoverageState state;
  state.scored = scored_;
  state.shares.assign(shares_.begin(), shares_.end());
  for (const auto& [bin, quantiles] : open_) {
    state.bins.push_back(bin);
    state.quantiles.insert(state.quantiles.end(), quantiles.begin(), quantiles.end());
  }
  return state;
}

absl::StatusOr<Coverage> Coverage::Restore(const CoverageState& state) {
  const auto share = [](double value) { return value >= 0 && value <= 1; };
  const auto load = [](float value) { return std::isfinite(value) && value >= 0; };
  const bool ascending = std::adjacent_find(state.bins.begin(), state.bins.end(),
                                            std::greater_equal<>()) == state.bins.end();
  if (state.scored < 0 || state.scored > kMostScored || state.shares.size() != curve::kQuantiles ||
      !std::all_of(state.shares.begin(), state.shares.end(), share) || !ascending ||
      state.bins.size() > kMostOpen ||
      state.quantiles.size() != curve::kQuantiles * state.bins.size() ||
      !std::all_of(state.quantiles.begin(), state.quantiles.end(), load)) {
    return absl::InvalidArgumentError("coverage state holds what this program never writes");
  }
  Coverage coverage;
  coverage.scored_ = state.scored;
  std::copy_n(state.shares.begin(), curve::kQuantiles, coverage.shares_.begin());
  for (size_t i = 0; i < state.bins.size(); ++i) {
    std::copy_n(state.quantiles.begin() + static_cast<std::ptrdiff_t>(i * curve::kQuantiles),
                curve::kQuantiles, coverage.open_[state.bins[i]].begin());
  }
  return coverage;
}

}  // namespace heliotrope::core
