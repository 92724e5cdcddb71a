// Small worlds for tests.
#pragma once

#include <string>
#include <vector>

#include "scheduler/sim/world.h"

namespace heliotrope::sim {

// Two days of two data centers, "a" in jurisdiction DE and "b" in JP, each of two nodes of 8 cores
// and 16 GiB: load 0.2 and price 50 in "a", load 0.3 and price 20 in "b". No jobs.
World TwoPlaces();

// A job of an hour, submitted at 0 by the only user, home "a", anywhere, due at the second day's
// beginning.
Job AnHour();

// The world in tests/scheduler/sim/small.
World SmallWorld();

}  // namespace heliotrope::sim
