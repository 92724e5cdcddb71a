// History from elsewhere brought to five-minute bins.
#pragma once

#include <vector>

#include "scheduler/curve/bin.h"

namespace heliotrope::curve {

// A measured load at a time; `load` is a fraction of capacity.
struct Sample {
  absl::Time time;
  double load = 0;
};

// Bins from samples of any step, in order of time. A bin with several samples is their mean; else
// it is the line between the samples around its start, if these are at most two hours apart (so
// that hourly data with one value missing stay whole); longer gaps stay gaps. Nothing is
// extrapolated, except that a sample within a bin stands for it. Samples may come in any order;
// those that are not finite, or negative, are left out, and of several at one time the first one
// counts. Pure; O(n log n).
std::vector<Bin> Resample(std::vector<Sample> samples);

}  // namespace heliotrope::curve
