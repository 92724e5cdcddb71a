// Reads a world directory: world.yaml, the load and price series it names, and the jobs. README.md
// has the format. Nothing is assumed of the world: other cities, zones, weeks and jobs are fine.
#pragma once

#include <string>

#include "scheduler/os/csv.h"
#include "scheduler/sim/world.h"

namespace heliotrope::sim {

// The world in `directory`. With any problem added it is not fit to be simulated: each says
// `file:line: thing, value, limit, remedy`, and all of them are found in one go.
World LoadWorld(const std::string& directory, os::FileProblems& problems);

// jobs.csv into `world`, whose fleet is known. `source` names the text in problems.
void ParseJobs(absl::string_view text, absl::string_view source, World& world,
               os::FileProblems& problems);

}  // namespace heliotrope::sim
