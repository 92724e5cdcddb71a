#include "scheduler/sim/forecasts.h"

#include <algorithm>
#include <cmath>
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

// Whether what was told is out of the band that curves are held to, by its last two weeks: with
// every quantile alike, the share of the bins that were at or under it is that of its p97, too.
bool OutOfBand(const Truth& truth, Forecast forecast, int64_t now_bin) {
  const curve::BandOptions band;
  double error = 0;
  double load = 0;
  int64_t covered = 0;
  const int64_t first = std::max(truth.first, now_bin - 2 * kBinsPerWeek);
  if (now_bin - first < curve::kSlotsPerDay) return false;
  for (int64_t bin = first; bin < now_bin; ++bin) {
    const double told = Told(truth, forecast, bin);
    if (truth.At(bin) <= told + 1e-9) ++covered;
    if (bin < now_bin - curve::kSlotsPerDay) continue;
    error += std::abs(told - truth.At(bin));
    load += truth.At(bin);
  }
  const bool large = error > band.max_error_of_load * load &&
                     error > band.max_error_of_capacity * curve::kSlotsPerDay;
  const double cover = static_cast<double>(covered) / static_cast<double>(now_bin - first);
  return large || cover < band.min_cover_p97;
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
  return [truths, forecast](const DataCenterId& id, absl::Time now,
                            std::span<const curve::Block> blocks) {
    const Truth& truth = truths->at(id);
    core::ToldOutlook outlook;
    outlook.out_of_band = OutOfBand(truth, forecast, curve::BinIndex(now));
    if (outlook.out_of_band) return outlook;
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
      outlook.blocks.push_back({Sure(sum / static_cast<double>(last - first)), Sure(peak)});
    }
    return outlook;
  };
}

}  // namespace heliotrope::sim
