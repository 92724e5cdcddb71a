// Forecasts over the blocks of a plan, and over regions.
#pragma once

#include <span>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/units.h"
#include "scheduler/curve/forecaster.h"

namespace heliotrope::curve {

// A stretch of time [start, start + length).
struct Block {
  absl::Time start;
  absl::Duration length;
};

// A block's forecast in two readings, taken quantile by quantile over the times within the block.
// `mean` is the work that fits: a fluid plan may use what is free in part of a block. `peak` is
// what must be left free for a task that runs through the whole block without yielding.
struct BlockOutlook {
  Forecast mean;
  Forecast peak;
};

// One per block, in order. A block of up to 15 minutes is read at every bin, a longer one every 15
// minutes: 7 days in 140 blocks are some 700 readings, well under a millisecond.
std::vector<BlockOutlook> Outlook(const Forecaster& forecaster, absl::Time now,
                                  std::span<const Block> blocks);

// A data center as a part of a region. The forecaster must outlive the call and not be null.
struct RegionMember {
  const Forecaster* forecaster = nullptr;
  MilliCores capacity;
};

// The load of a region as a fraction of its members' capacity: their quantiles added, weighted by
// capacity. That is exact if their errors go together entirely and otherwise too wide, on the safe
// side: data centers of one region share their holidays and their news. Mature if all members with
// capacity are, stale if one is; without capacity an empty forecast that is neither mature nor
// fresh.
Forecast RegionForecast(std::span<const RegionMember> members, absl::Time target, absl::Time now);

}  // namespace heliotrope::curve
