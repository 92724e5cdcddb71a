#include "scheduler/curve/outlook.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "scheduler/base/check.h"

namespace heliotrope::curve {
namespace {

constexpr int64_t kStepBins = 3;

BlockOutlook OutlookOf(const Forecaster& forecaster, absl::Time now, const Block& block) {
  const int64_t first = BinIndex(block.start);
  const absl::Time end = block.start + std::max(block.length, absl::Nanoseconds(1));
  const int64_t last = std::max(first, BinIndex(end - absl::Nanoseconds(1)));
  const int64_t step = last - first < kStepBins ? 1 : kStepBins;
  std::array<double, kQuantiles> sum{};
  std::array<double, kQuantiles> peak{};
  Forecast forecast;
  int readings = 0;
  for (int64_t bin = first; bin <= last; bin += step) {
    forecast = forecaster.At(BinStart(bin), now);
    const std::array<double, kQuantiles> values = Values(forecast);
    for (size_t i = 0; i < kQuantiles; ++i) {
      sum[i] += values[i];
      peak[i] = std::max(peak[i], values[i]);
    }
    ++readings;
  }
  for (double& value : sum) value /= readings;
  BlockOutlook outlook{FromValues(sum), FromValues(peak)};
  outlook.mean.mature = outlook.peak.mature = forecast.mature;
  outlook.mean.stale = outlook.peak.stale = forecast.stale;
  return outlook;
}

}  // namespace

std::vector<BlockOutlook> Outlook(const Forecaster& forecaster, absl::Time now,
                                  std::span<const Block> blocks) {
  std::vector<BlockOutlook> outlooks;
  outlooks.reserve(blocks.size());
  for (const Block& block : blocks) outlooks.push_back(OutlookOf(forecaster, now, block));
  return outlooks;
}

Forecast RegionForecast(std::span<const RegionMember> members, absl::Time target, absl::Time now) {
  std::array<double, kQuantiles> sum{};
  double cores = 0;
  bool mature = true;
  bool stale = false;
  for (const RegionMember& member : members) {
    HT_CHECK(member.forecaster != nullptr);
    if (member.capacity <= MilliCores::Zero()) continue;
    const Forecast forecast = member.forecaster->At(target, now);
    const std::array<double, kQuantiles> values = Values(forecast);
    for (size_t i = 0; i < kQuantiles; ++i) sum[i] += values[i] * member.capacity.cores();
    cores += member.capacity.cores();
    mature = mature && forecast.mature;
    stale = stale || forecast.stale;
  }
  if (cores > 0) {
    for (double& value : sum) value /= cores;
  }
  Forecast region = FromValues(sum);
  region.mature = mature && cores > 0;
  region.stale = stale || cores == 0;
  return region;
}

}  // namespace heliotrope::curve
