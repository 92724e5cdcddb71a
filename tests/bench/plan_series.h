// Inputs of the planner alone, one every five minutes, each a little different from the one before:
// jobs come and end, forecasts and prices shift. What is planned is not carried out.
#pragma once

#include <cstdint>
#include <vector>

#include "scheduler/base/random.h"
#include "scheduler/model/fleet.h"
#include "scheduler/plan/plan.h"
#include "tests/bench/plan_load.h"

namespace heliotrope::bench {

class PlanSeries {
 public:
  struct Options {
    int percent = 75;  // See NodesPerSite.
    int running = 300;
    uint64_t seed = 1;
  };
  explicit PlanSeries(const Options& options);

  const plan::Input& input() const { return input_; }
  int64_t CountTasks() const;

  // Five minutes on. `last` is the plan of the input so far: what one hands to the next goes here.
  void Next(const plan::Plan& last);

 private:
  plan::Class AClass();
  plan::RunningTask ARunningTask();
  uint64_t AllowedBy(size_t residency) const;
  void FillSites();
  void ChangeClasses();
  void ChangeRunning();

  Options options_;
  Random random_;
  core::FleetConfig fleet_;
  plan::Input input_;
  uint64_t next_class_ = 1;
  uint32_t next_task_ = 0;
  std::vector<double> drift_;  // By site: how far the load is off the usual, as a share of cores.
};

}  // namespace heliotrope::bench
