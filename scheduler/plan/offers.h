// What the sites offer one kind of task, given what is planned already: how long each could hold it
// from each block on, and what a run would cost. The one place where candidates are compared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// After so long in one place a task that can move may be better off elsewhere.
inline constexpr int64_t kStaySeconds = 6 * 3600;
// Of a run that goes on past the grid at least so much must lie in it.
inline constexpr int64_t kLeastSeenSeconds = 24 * 3600;

// One kind of task as the planner counts it.
struct Demand {
  int64_t milli_cores = 1;
  int64_t mib = 0;
  int64_t work_s = 1;     // Useful running time that is left.
  int64_t restore_s = 0;  // On top, wherever its checkpoint is not.
  std::optional<size_t> checkpoint_at;
  std::optional<size_t> home;
  int64_t move_pause_s = 0;
  // A stretch of headroom must be as long as this: minimum_run, or the whole run of a task that
  // cannot checkpoint.
  int64_t window_s = 1;
  bool checkpointable = false;
  uint64_t sites = 0;  // Allowed by residency, and with a node that is large enough.

  Amount each() const { return {.milli_cores = milli_cores, .mib = mib}; }
  bool Takes(size_t site) const { return (sites >> site & 1) != 0; }
  // How long a run in the site takes.
  int64_t RunIn(size_t site) const {
    return work_s + (checkpoint_at.has_value() && *checkpoint_at != site ? restore_s : 0);
  }
  // The part of it that is sure to be in the site when it can move, whose mean price is told.
  int64_t SeenIn(size_t site) const {
    return checkpointable ? std::min(kStaySeconds, RunIn(site)) : RunIn(site);
  }
  int64_t WindowIn(size_t site) const {
    return checkpointable ? std::min(window_s, RunIn(site)) : RunIn(site);
  }
};

// Bits of the sites that residency allows, and of those of them that have a large enough node.
uint64_t AllowedSites(const Input& input, uint64_t allowed);
uint64_t FittingSites(const Input& input, uint64_t allowed, const model::Resources& request);

Demand DemandOf(const Input& input, const Class& task_class);
// Of a task that is to leave its site: every other site.
Demand DemandOf(const Input& input, const RunningTask& task);

// As of the ledger when it was made; Refresh takes up what has changed in one site since.
class Offers {
 public:
  // Looks no further than the block that holds `until_s`.
  Offers(const Ledger& ledger, const Demand& demand, int64_t until_s = Ledger::kForever);
  void Refresh(size_t site) { FindReach(site); }

  // Until when, from this block on, there is headroom for one such task without a break; before
  // the block's start when there is none in it.
  int64_t Reach(size_t site, size_t block) const { return reach_[site * blocks_ + block]; }
  // Whether a task that starts at that moment, in this block, finds a long enough stretch.
  bool Holds(size_t site, size_t block, int64_t start_s) const;

  // What a start costs, a core-hour of useful work: the mean price of its run, a little for the
  // wait, and a little less at home. A task that can move is expected to stay for the stretch of
  // headroom or for some hours, whichever comes cheaper, and then to go on in the cheapest site
  // with headroom, for what a move costs. Lower is better.
  int64_t Score(size_t site, size_t block, int64_t start_s) const;

 private:
  void FindReach(size_t site);
  void FindElsewhere();
  int64_t ElsewhereCost(int64_t from, int64_t to) const;
  // Price times seconds of a core from the start on, with one move when that is cheaper or needed.
  int64_t RunCost(size_t site, size_t block, int64_t from, int64_t to) const;

  const Ledger& ledger_;
  const Demand demand_;
  const size_t blocks_;
  const size_t last_;                      // Blocks from here on are not looked at.
  std::vector<int64_t> reach_;             // By site, then block.
  std::vector<int64_t> elsewhere_price_;   // By block.
  std::vector<int64_t> elsewhere_before_;  // By block: price times seconds before it.
};

}  // namespace heliotrope::plan
