// The clairvoyant bound: what the work would cost if everything were known and work could be
// divided at will. A min-cost flow over hourly cells, with releases rounded down and deadlines up:
// no schedule without misses is below it, and none reaches it exactly.
#pragma once

#include <optional>

#include "scheduler/sim/flow_solver.h"
#include "scheduler/sim/world.h"

namespace heliotrope::sim {

// Work flows from jobs through stretches of hours into cells. Amounts are core-seconds; costs are
// of one of them, in hundred-thousandths of a USD per MWh. Jobs are those of the first `days`; of
// one residency, first and last hour they are one node.
FlowNetwork BoundNetwork(const World& world, int days);

// USD per MWh of a useful core-hour. Nothing if the work does not fit before its deadlines.
std::optional<double> BoundPrice(const World& world, int days);

}  // namespace heliotrope::sim
