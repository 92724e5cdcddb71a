#include "agent/core/exit_rules.h"

#include "absl/strings/str_cat.h"
#include "agent/core/reasons.h"

namespace heliotrope::agent {
namespace {

// Batch gets what the host leaves it, so even a small program may take a while to begin.
constexpr absl::Duration kTimeToListen = absl::Minutes(1);

std::string Ending(const ExitReport& exit) {
  if (exit.kind == ExitKind::kFailedToStart) return "not started";
  return exit.kind == ExitKind::kSignaled ? absl::StrCat("ended by signal ", exit.signal)
                                          : absl::StrCat("exited with code ", exit.code);
}

}  // namespace

ExitVerdict JudgeExit(const ExitReport& exit, const std::string& stop_reason) {
  using Kind = ExitVerdict::Kind;
  if (exit.kind == ExitKind::kLost) {
    return {Kind::kStopped, reasons::kProcessLost, "its shim ended without a record of the exit"};
  }
  if (exit.kind == ExitKind::kExited && exit.code == 0) {
    return {Kind::kSucceeded, reasons::kExited, ""};
  }
  if (exit.cause == StopCause::kStop) {
    return {Kind::kStopped, stop_reason.empty() ? reasons::kOrdered : stop_reason, Ending(exit)};
  }
  if (exit.cause == StopCause::kLeaseExpired) {
    return {exit.checkpointed ? Kind::kSeal : Kind::kStopped, reasons::kLeaseExpired,
            absl::StrCat("the node's lease was not renewed; ", Ending(exit))};
  }
  if (exit.kind == ExitKind::kFailedToStart) {
    if (exit.cause == StopCause::kLeave) {
      return {Kind::kStopped, reasons::kNotReadyToSave, "told to save before its start"};
    }
    return {Kind::kFailed, reasons::kExecFailed, exit.error};
  }
  if (exit.checkpointed) return {Kind::kSeal, "", ""};
  const bool just_begun = exit.started.has_value() && exit.ended - *exit.started < kTimeToListen;
  if (exit.cause == StopCause::kLeave && exit.kind == ExitKind::kSignaled && !exit.grace_exceeded &&
      just_begun) {
    return {Kind::kStopped, reasons::kNotReadyToSave,
            absl::StrCat("told to save just after its start, ", Ending(exit))};
  }
  if (exit.cause == StopCause::kLeave) {
    return {
        Kind::kUnsaved, reasons::kCheckpointFailed,
        absl::StrCat("told to save, ",
                     exit.grace_exceeded ? "did not end within its grace period" : Ending(exit))};
  }
  return {Kind::kFailed, exit.kind == ExitKind::kSignaled ? reasons::kSignaled : reasons::kExited,
          Ending(exit)};
}

}  // namespace heliotrope::agent
