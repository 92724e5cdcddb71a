// The price of scarcity: what a core in a site and block is worth beyond its energy, so that those
// who can run elsewhere or later leave the cheap hours to those who cannot.
//
// Method: Lagrangian relaxation of the capacity constraints (planning.md section 3.2; Held, Wolfe
// and Crowder 1974). Given prices, everybody takes the cheapest hours of their window, one task in
// one place at a time; where more is taken than there is, the price rises, elsewhere it falls, by
// steps that shrink. Unlike a min-cost flow over the same cells it knows that a task cannot use more
// cores than it has asked for. Each plan goes on from the prices of the plan before, so a few rounds
// follow what has changed. All in int64.
//
// Memory has no price of its own: where more of it is taken than there is, the price of the cores
// beside it rises. So those who are kept from cheap hours by memory know what others will cost, at
// the price of sending away also who has little of it, and where memory is not short nothing is as
// it would not be without it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// Somebody who needs cores between two moments (seconds of the ledger) and may pause and move.
struct Want {
  uint64_t sites = 0;
  int64_t milli_cores = 0;   // At once, of all its tasks together.
  int64_t mib_per_core = 0;  // The memory that goes with them.
  int64_t work_s = 0;
  int64_t from_s = 0;
  int64_t until_s = 0;
};

// The worth of every block to those who may be in some of the sites.
class Market {
 public:
  // More than any price: it cannot wait.
  static constexpr int64_t kAnyPrice = int64_t{1} << 50;

  explicit Market(const Ledger& ledger) : ledger_(ledger) {}

  // The cheapest of the sites in each block, by worth.
  struct View {
    std::vector<int64_t> worth;
    std::vector<size_t> site;
    std::vector<size_t> cheapest_first;  // Blocks, of one worth the earlier first.
  };
  const View& ViewOf(uint64_t sites);

  // What an hour now is worth to who needs so much work before `until_s`: the worth of the dearest
  // block that would be needed if nothing ran in the first. kAnyPrice when the others do not
  // suffice.
  int64_t Bid(uint64_t sites, int64_t work_s, int64_t until_s);

 private:
  const Ledger& ledger_;
  std::map<uint64_t, View> views_;
};

// A bid with the job's priority in it, by which those who compete are ordered: one step of priority
// is worth a share of the typical price; among those who cannot wait it alone counts.
int64_t RankOf(const Ledger& ledger, int64_t bid, int priority);

// Until when the work of a class or task is planned to end: earlier than its deadline by the
// safety margin and by what it may take longer than expected. kForever without a deadline.
int64_t PlannedUntil(const Ledger& ledger, const Class& task_class);
int64_t PlannedUntil(const Ledger& ledger, const RunningTask& task);

// Settles the ledger's scarcity: from that of the plan before, by a few rounds of who wants what.
// Cost O(rounds x wants x blocks).
void SettleScarcity(Ledger& ledger);

}  // namespace heliotrope::plan
