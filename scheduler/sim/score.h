// The figures of a simulation, from its journal alone: what a policy says of itself counts nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/sim/journal.h"
#include "scheduler/sim/world.h"

namespace heliotrope::sim {

struct Score {
  int64_t jobs = 0;
  int64_t completed = 0;
  int64_t misses = 0;     // Jobs that did not end by their deadline.
  double core_hours = 0;  // Held by batch, lost work and saving included.
  double useful_core_hours = 0;
  double overload_core_hours = 0;   // Above the target at the load of each bin.
  double mean_price = 0;            // Of a useful core-hour, in USD per MWh.
  int64_t moves = 0;                // From one data center to another.
  int64_t movable_jobs = 0;         // Those that can save their work.
  std::vector<std::string> broken;  // Invariants; empty: the journal can be true.

  double miss_share() const;
  double overload_share() const;
  double moves_per_movable_job() const;
};

Score ScoreJournal(const World& world, const Journal& journal);

// Cores that batch held, in the mean of each bin: [data center][bin].
std::vector<std::vector<double>> CoresByBin(const World& world, const Journal& journal);

}  // namespace heliotrope::sim
