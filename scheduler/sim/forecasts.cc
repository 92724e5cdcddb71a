#include "scheduler/sim/forecasts.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>

#include "scheduler/base/check.h"

namespace heliotrope::sim {
namespace {

constexpr int64_t kBinsPerWeek = curve::kSlotsPerWeek;
constexpr int64_t kShiftBins = curve::kSlotsPerDay / 2;

// One data center's load from the beginning of its history; after the horizon its last week again.
struct Truth {
  int64_t first = 0;  // Bin index of loads.front().
  std::vector<double> loads;
  double mean = 0;
  double turn = 0;  // Lowest and highest together: what a load is inverted in.

  double At(int64_t bin) const {
    const auto count = static_cast<int64_t>(loads.size());
    const int64_t week = std::min(kBinsPerWeek, count);
    int64_t at = bin - first;
    if (at >= count) at = count - week + (at - count) % week;
    return loads[static_cast<size_t>(std::max<int64_t>(0, at))];
  }
};

Truth TruthOf(const World& world, const DataCenter& place) {
  Truth truth;
  truth.first = curve::BinIndex(world.start);
  if (!place.history.empty()) truth.first = curve::BinIndex(place.history.front().start);
  const auto before = static_cast<size_t>(curve::BinIndex(world.start) - truth.first);
  truth.loads.assign(before, place.load.front());
  for (const curve::Bin& bin : place.history) {
    truth.loads[static_cast<size_t>(curve::BinIndex(bin.start) - truth.first)] = bin.load;
  }
  truth.loads.insert(truth.loads.end(), place.load.begin(), place.load.end());
  truth.mean = std::accumulate(truth.loads.begin(), truth.loads.end(), 0.0) /
               static_cast<double>(truth.loads.size());
  const auto [low, high] = std::minmax_element(truth.loads.begin(), truth.loads.end());
  truth.turn = *low + *high;
  return truth;
}

double Told(const Truth& truth, Forecast forecast, int64_t bin) {
  switch (forecast) {
    case Forecast::kLearned:
    case Forecast::kTruth:
      return truth.At(bin);
    case Forecast::kConstant:
      return truth.mean;
    case Forecast::kInverted:
      return truth.turn - truth.At(bin);
    case Forecast::kShifted:
      return truth.At(bin - kShiftBins);
  }
  HT_CHECK(false);
  return 0;
}

// Every quantile alike: it is entirely sure of itself.
curve::Forecast Sure(double load) {
  return {.p03 = load,
          .p10 = load,
          .p25 = load,
          .p50 = load,
          .p75 = load,
          .p90 = load,
          .p95 = load,
          .p97 = load,
          .mature = true,
          .stale = false};
}

}  // namespace

core::OutlookSource OutlookOf(const World& world, Forecast forecast) {
  if (forecast == Forecast::kLearned) return {};
  auto truths = std::make_shared<std::map<DataCenterId, Truth>>();
  for (const DataCenter& place : world.data_centers) {
    truths->emplace(place.id, TruthOf(world, place));
  }
  return
      [truths, forecast](const DataCenterId& id, absl::Time, std::span<const curve::Block> blocks) {
        const Truth& truth = truths->at(id);
        std::vector<curve::BlockOutlook> outlook;
        for (const curve::Block& block : blocks) {
          const int64_t first = curve::BinIndex(block.start);
          const int64_t last = std::max(
              first + 1, curve::BinIndex(block.start + block.length - absl::Nanoseconds(1)) + 1);
          double sum = 0;
          double peak = 0;
          for (int64_t bin = first; bin < last; ++bin) {
            const double load = Told(truth, forecast, bin);
            sum += load;
            peak = std::max(peak, load);
          }
          outlook.push_back({Sure(sum / static_cast<double>(last - first)), Sure(peak)});
        }
        return outlook;
      };
}

}  // namespace heliotrope::sim
