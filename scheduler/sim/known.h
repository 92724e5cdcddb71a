// What may be known of a world at a moment: prices a day ahead, and the load until now, from which
// curves learn. Everything that plans in a simulation reads the future from here alone.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/model/price.h"
#include "scheduler/sim/world.h"

namespace heliotrope::sim {

// The prices of a data center that are known at `now`: of the last four weeks, and a day ahead as
// on a day-ahead market.
std::vector<std::pair<absl::Time, double>> KnownPrices(const World& world, size_t data_center,
                                                       Seconds now);

}  // namespace heliotrope::sim
