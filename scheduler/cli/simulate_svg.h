// A picture of simulations for a report: what batch paid, by policy, and how full it made the data
// centers. Pure: the script for gnuplot.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "scheduler/cli/simulate_runs.h"
#include "scheduler/sim/world.h"

namespace heliotrope::cli {

// REQUIRES: runs is not empty; the heat map is the first one's.
std::string SimulationScript(const sim::World& world, const std::vector<SimulationRun>& runs);

}  // namespace heliotrope::cli
