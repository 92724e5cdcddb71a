// When batch gives way to the foreground (Promise 7): freezing at a spike, thawing when it is over.
// Leaving after a lasting spike is a timer of the machine's.
#pragma once

#include <cstddef>
#include <vector>

#include "agent/core/types.h"

namespace heliotrope::agent {

// An attempt whose process is running or frozen.
struct YieldCandidate {
  MilliCores cores;
  // Grows with each attempt that was accepted: the newest is frozen first, having least to lose,
  // and thawed last.
  uint64_t order = 0;
  bool frozen = false;
};

// Indices into the candidates.
struct YieldDecision {
  std::vector<size_t> freeze;
  std::vector<size_t> thaw;
};

// Batch is frozen while foreground and batch together exceed `freeze_above` of the cores, or the
// pressure its limit, but never while the foreground is within 1 - freeze_above of the cores: then
// nobody needs the room, and a single large task may fill the node.
//
// A frozen attempt goes on once it fits below `thaw_below`, or the foreground is within half of
// 1 - freeze_above; and the pressure is below 5/6 of its limit. What lies between the two shares is
// the hysteresis. At most one thaws per sample, so that its effect is measured before the next.
YieldDecision DecideYield(const NodeSpec& node, const LoadSample& sample,
                          const std::vector<YieldCandidate>& candidates);

}  // namespace heliotrope::agent
