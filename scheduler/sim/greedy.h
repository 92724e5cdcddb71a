// The best that is simple: forecasts and known prices, but no flow. Each hour every job that is not
// bound takes the cheapest hours that are left before its deadline, who can wait least first. What
// can save its work pauses in dear hours and moves to cheaper places; the rest starts once.
#pragma once

#include "scheduler/sim/policy.h"

namespace heliotrope::sim {

Journal RunGreedy(const World& world, const Options& options);

}  // namespace heliotrope::sim
