// The product in a world: the real core and the real planner, driven as core/README.md asks.
#pragma once

#include "scheduler/sim/policy.h"

namespace heliotrope::sim {

Journal RunProduct(const World& world, const Options& options);

}  // namespace heliotrope::sim
