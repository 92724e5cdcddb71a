// What the scheduler is told of the load to come in place of its own curves, to see what a forecast
// is worth and what a bad one costs.
#pragma once

#include "scheduler/core/machine.h"
#include "scheduler/sim/policy.h"

namespace heliotrope::sim {

// Empty for kLearned. `world` must outlive it.
core::OutlookSource OutlookOf(const World& world, Forecast forecast);

}  // namespace heliotrope::sim
