// What ran where and when: the only outcome of a simulation. Every figure is computed from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scheduler/sim/world.h"

namespace heliotrope::sim {

// A stretch in which an attempt held its cores. A freeze ends one and a thaw begins the next, of
// the same attempt.
struct Segment {
  size_t job = 0;        // Row of the world's jobs.
  uint32_t attempt = 0;  // From 1.
  size_t data_center = 0;
  Seconds start = 0;
  Seconds end = 0;
  Seconds useful = 0;  // Progress that was not lost later.
};

struct Journal {
  std::vector<Segment> segments;
  // Rows that were submitted; those of a shortened simulation are fewer than the world's.
  std::vector<size_t> submitted;
};

// `job,attempt,data_center,start_s,end_s,cpus,useful_s`, by job and start.
std::string JournalCsv(const World& world, const Journal& journal);

}  // namespace heliotrope::sim
