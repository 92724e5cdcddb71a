// The simulations of one command: several at once on several cores, with a line of progress.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/cli/context.h"
#include "scheduler/sim/policy.h"
#include "scheduler/sim/score.h"

namespace heliotrope::cli {

struct SimulationRun {
  std::string name;  // As it is shown.
  sim::Options options;
  // Filled in by RunSimulations.
  sim::Journal journal;
  sim::Score score;
  absl::Duration took;
};

// Runs them all; each is deterministic, whatever runs beside it. Progress and the time that is left
// are shown on a terminal.
void RunSimulations(Context& context, const sim::World& world, std::vector<SimulationRun>& runs);

}  // namespace heliotrope::cli
