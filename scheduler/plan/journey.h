// Where the work of tasks that can move will be, as far as it can be told: in their site as long as
// there is headroom, then in the cheapest ones that have some, and later when none has. Nothing is
// promised by it; it keeps the plan from giving the same headroom away twice, and tells an end.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/plan/ledger.h"

namespace heliotrope::plan {

// Tasks alike that start together.
struct Trip {
  size_t site = 0;
  int64_t from_s = 0;
  int64_t run_s = 0;
  Amount each{.milli_cores = 1};  // Of one task.
  int64_t count = 1;
  uint64_t sites = 0;   // Where they may go.
  int64_t until_s = 0;  // What is not done by then is left over.
};

struct Journey {
  // Thousandths of a core times seconds that a block of a site is to give.
  struct Part {
    size_t site = 0;
    size_t block = 0;
    int64_t core_seconds = 0;
  };
  std::vector<Part> parts;
  Amount each;  // Of one task: its memory goes with its cores.
  int64_t end_s = 0;
  int64_t left_over = 0;  // As the parts.
};

// Cost O(blocks of the run x sites).
Journey Travel(const Ledger& ledger, const Trip& trip);
void Enter(Ledger& ledger, const Journey& journey);

// What running tasks that can move need beyond the headroom of their own site, by the sites that
// they may go to. Entered all together, since each of them comes first in its own site; of what
// lies elsewhere the cores only, since these are of many shapes.
class Overflow {
 public:
  explicit Overflow(const Ledger& ledger) : blocks_(ledger.blocks()) {}

  // Enters a running task into its site: for sure in blocks that start before `sure_until_s`, then
  // as far as there is headroom, and keeps the rest.
  struct Running {
    Ledger::Use use;
    int64_t sure_until_s = Ledger::kForever;
    uint64_t sites = 0;
  };
  void EnterRunning(Ledger& ledger, const Running& running);
  // Enters what was kept. Call once, at the end.
  void EnterRest(Ledger& ledger) const;

 private:
  size_t blocks_;
  std::map<uint64_t, std::vector<int64_t>> rest_;  // By sites: core-seconds by block.
};

}  // namespace heliotrope::plan
