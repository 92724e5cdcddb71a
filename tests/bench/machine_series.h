// The core with a long queue, replanned every five minutes as its README asks, with agents that do
// what they are told at once. Parts of a replan are timed apart.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/random.h"
#include "scheduler/core/machine.h"
#include "tests/bench/plan_load.h"

namespace heliotrope::bench {

class MachineSeries {
 public:
  // Seconds of real time. Planning is the planner thread's; the others hold up the core.
  struct Parts {
    double board = 0;     // A bin has ended: curves, forecasts and prices of the new grid.
    double snapshot = 0;  // Classes and running tasks to the plan's input.
    double planning = 0;
    double adoption = 0;
    double dispatch = 0;  // What the plan lets start is started.
    // Not of the replan: what comes after it is placed at once. The mean by new job.
    double placement = 0;

    double sum() const { return board + snapshot + planning + adoption + dispatch; }
  };

  // A fleet with four weeks of history and a full queue.
  MachineSeries(int percent, uint64_t seed);

  // Five minutes on: load is measured, work ends, all is planned anew, and jobs come until the
  // queue is full again.
  Parts Replan();

  // The longest Ticks when so many jobs come at once, with deadlines a minute apart, that deadlines
  // are grouped.
  struct Crowding {
    double placement = 0;
    double regroup = 0;
  };
  Crowding Crowd();

  size_t classes() const { return classes_; }  // Of the last plan.
  const core::Machine& machine() const { return machine_; }

 private:
  struct Attempt {
    NodeId node;
    absl::Time since;
  };
  void BeginFleet(int percent);
  void SetPrices();
  int FillQueue();  // Returns how many jobs came.
  void TimeTicks(Crowding& longest);
  void MeasureLoad();
  void EndWork();
  void Talk();
  void OnOrder(const core::OrderAttempt& order);
  void Leave(const core::OrderAttempt& order);
  void Report(const NodeId& node, core::AttemptStatus status);
  void Do(const core::Command& command);

  Random random_;
  absl::Time now_;
  core::Machine machine_;
  std::vector<std::pair<NodeId, size_t>> nodes_;  // With their sites.
  std::vector<absl::Duration> work_;              // Of a task, by job: uids are given out from 1.
  std::map<TaskId, absl::Duration> done_;         // What a checkpoint holds.
  std::map<model::AttemptKey, Attempt> attempts_;
  // When attempts will be done; void if there is no such attempt any more.
  std::set<std::pair<absl::Time, model::AttemptKey>> ends_;
  std::deque<core::OrderAttempt> orders_;
  size_t classes_ = 0;
};

}  // namespace heliotrope::bench
