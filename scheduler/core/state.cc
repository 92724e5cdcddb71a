#include "scheduler/core/state.h"

#include "scheduler/base/check.h"

namespace heliotrope::core {

uint32_t& TaskCounts::Of(model::TaskState state) {
  switch (state) {
    case model::TaskState::kPending:
      return pending;
    case model::TaskState::kAssigned:
      return assigned;
    case model::TaskState::kRunning:
      return running;
    case model::TaskState::kCheckpointing:
      return checkpointing;
    case model::TaskState::kSucceeded:
      return succeeded;
    case model::TaskState::kFailed:
      return failed;
    case model::TaskState::kCancelled:
      return cancelled;
  }
  HT_CHECK(false);
  return pending;
}

JobState Job::State() const {
  if (Ended()) {
    if (counts.cancelled > 0) return JobState::kCancelled;
    return counts.failed > 0 ? JobState::kFailed : JobState::kSucceeded;
  }
  return started ? JobState::kRunning : JobState::kPending;
}

bool Changes::Empty() const {
  return !meta && jobs.empty() && removed_jobs.empty() && tasks.empty() && nodes.empty() &&
         requests.empty() && removed_requests.empty() && bins.empty() && curves.empty() &&
         arrivals.empty() && removed_arrivals.empty() && durations.empty() &&
         removed_durations.empty();
}

}  // namespace heliotrope::core
