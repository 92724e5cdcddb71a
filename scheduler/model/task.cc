#include "scheduler/model/task.h"

namespace heliotrope::model {

absl::string_view TaskStateName(TaskState state) {
  switch (state) {
    case TaskState::kPending:
      return "PENDING";
    case TaskState::kAssigned:
      return "ASSIGNED";
    case TaskState::kRunning:
      return "RUNNING";
    case TaskState::kCheckpointing:
      return "CHECKPOINTING";
    case TaskState::kSucceeded:
      return "SUCCEEDED";
    case TaskState::kFailed:
      return "FAILED";
    case TaskState::kCancelled:
      return "CANCELLED";
  }
  return "UNKNOWN";
}

absl::string_view AttemptPhaseName(AttemptPhase phase) {
  switch (phase) {
    case AttemptPhase::kFetching:
      return "FETCHING";
    case AttemptPhase::kVerified:
      return "VERIFIED";
    case AttemptPhase::kRunning:
      return "RUNNING";
    case AttemptPhase::kFrozen:
      return "FROZEN";
    case AttemptPhase::kCheckpointing:
      return "CHECKPOINTING";
    case AttemptPhase::kLeft:
      return "LEFT";
    case AttemptPhase::kSucceeded:
      return "SUCCEEDED";
    case AttemptPhase::kFailed:
      return "FAILED";
    case AttemptPhase::kStopped:
      return "STOPPED";
    case AttemptPhase::kRefused:
      return "REFUSED";
    case AttemptPhase::kFetchFailed:
      return "FETCH_FAILED";
    case AttemptPhase::kUnsaved:
      return "UNSAVED";
  }
  return "UNKNOWN";
}

absl::string_view MoveStepName(MoveStep step) {
  switch (step) {
    case MoveStep::kAsked:
      return "ASKED";
    case MoveStep::kSealed:
      return "SEALED";
    case MoveStep::kCarried:
      return "CARRIED";
    case MoveStep::kVerified:
      return "VERIFIED";
    case MoveStep::kStarted:
      return "STARTED";
  }
  return "UNKNOWN";
}

}  // namespace heliotrope::model
