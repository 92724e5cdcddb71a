// A small fleet and what must hold of the scheduler's core after every command.
#pragma once

#include <map>
#include <memory>

#include "scheduler/core/machine.h"

namespace heliotrope::fuzz {

// Three data centers in two jurisdictions, "frankfurt-1", "frankfurt-2" (DE) and "dubai" (AE); EU
// is a group.
core::FleetConfig SmallFleet();
core::MachineOptions SmallOptions();

// One of a few kinds of job, sound and feasible on nodes of 8 cores and 8 GiB.
std::shared_ptr<const model::JobSpec> SmallJob(size_t kind, absl::Time now);
inline constexpr size_t kSmallJobs = 5;

// Judges the state; remembers what must not change.
class CoreInvariants {
 public:
  void Check(const core::Machine& machine);

 private:
  void CheckTask(const core::Machine& machine, const core::Job& job, const TaskId& id,
                 const model::Task& task);

  std::map<TaskId, AttemptNumber> attempts_;
  std::map<TaskId, model::TaskState> ended_;
  std::map<NodeId, MilliCores> largest_;  // The most that a node has said it has.
};

}  // namespace heliotrope::fuzz
