// What a user would do without forecasts: start a task when it fits at this moment, never move it.
// Data centers are pools, and starts are decided every five minutes.
#pragma once

#include "scheduler/sim/policy.h"

namespace heliotrope::sim {

// REQUIRES: options.policy is kHome, kLeastLoaded, kCheapestNow or kNightWindow.
Journal RunBaseline(const World& world, const Options& options);

}  // namespace heliotrope::sim
