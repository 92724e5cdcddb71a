// What an account may have, from the configuration. An account is a name on jobs; those that the
// configuration does not list are there too.
#pragma once

#include <cstdint>
#include <limits>

#include "scheduler/base/units.h"
#include "scheduler/model/job.h"

namespace heliotrope::model {

struct AccountPolicy {
  // Its share of headroom that is scarce, against other accounts: thousandths, at least 1.
  int64_t weight_milli = 1000;
  // What its tasks may hold at once, over all data centers; Max(): no limit.
  Resources most{MilliCores::Max(), Bytes::Max()};
  // How many of its tasks may wait when one more job is submitted.
  int64_t max_pending_tasks = std::numeric_limits<int64_t>::max();

  friend bool operator==(const AccountPolicy&, const AccountPolicy&) = default;
};

// How well an account is served for its weight. Who is served least comes first.
struct Served {
  int64_t milli_cores = 0;  // Held.
  int64_t weight_milli = 1000;

  // In cores for each unit of weight. Held are at most 2^43 milli-cores (8 billion cores).
  friend bool operator<(const Served& a, const Served& b) {
    return a.milli_cores * b.weight_milli < b.milli_cores * a.weight_milli;
  }
};

// What the tasks of an account hold and how many wait.
struct AccountUse {
  Resources held;          // Of all attempts that may be alive.
  int64_t held_tasks = 0;  // ASSIGNED, RUNNING or CHECKPOINTING.
  int64_t pending_tasks = 0;
};

}  // namespace heliotrope::model
