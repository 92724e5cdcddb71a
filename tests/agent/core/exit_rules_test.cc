#include "agent/core/exit_rules.h"

#include <gtest/gtest.h>

namespace heliotrope::agent {
namespace {

TEST(JudgeExit, TheTableInTheHeader) {
  using Kind = ExitVerdict::Kind;
  const auto exited = [](int code, StopCause cause, bool checkpointed = false) {
    return ExitReport{
        .kind = ExitKind::kExited, .code = code, .cause = cause, .checkpointed = checkpointed};
  };
  const auto signaled = [](StopCause cause) {
    return ExitReport{
        .kind = ExitKind::kSignaled, .signal = 9, .cause = cause, .grace_exceeded = true};
  };
  const struct {
    const char* name;
    ExitReport exit;
    Kind kind;
    const char* reason;
  } cases[] = {
      {"shim lost", {.kind = ExitKind::kLost}, Kind::kStopped, "PROCESS_LOST"},
      {"not started", {.kind = ExitKind::kFailedToStart}, Kind::kFailed, "EXEC_FAILED"},
      {"stopped before the start",
       {.kind = ExitKind::kFailedToStart, .cause = StopCause::kStop},
       Kind::kStopped,
       "CANCELLED"},
      {"told to leave before the start",
       {.kind = ExitKind::kFailedToStart, .cause = StopCause::kLeave},
       Kind::kStopped,
       "NOT_READY_TO_SAVE"},
      {"lease over before the start",
       {.kind = ExitKind::kFailedToStart, .cause = StopCause::kLeaseExpired},
       Kind::kStopped,
       "LEASE_EXPIRED"},
      {"finished", exited(0, StopCause::kNone), Kind::kSucceeded, "EXITED"},
      {"finished when told to leave", exited(0, StopCause::kLeave), Kind::kSucceeded, "EXITED"},
      {"finished when told to stop", exited(0, StopCause::kStop), Kind::kSucceeded, "EXITED"},
      {"stopped", exited(1, StopCause::kStop), Kind::kStopped, "CANCELLED"},
      {"stopped, had saved", exited(85, StopCause::kStop, true), Kind::kStopped, "CANCELLED"},
      {"lease over", signaled(StopCause::kLeaseExpired), Kind::kStopped, "LEASE_EXPIRED"},
      {"lease over, saved", exited(85, StopCause::kLeaseExpired, true), Kind::kSeal,
       "LEASE_EXPIRED"},
      {"saved when told", exited(85, StopCause::kLeave, true), Kind::kSeal, ""},
      {"saved of itself", exited(85, StopCause::kNone, true), Kind::kSeal, ""},
      {"told to save, died", signaled(StopCause::kLeave), Kind::kUnsaved, "CHECKPOINT_FAILED"},
      {"told to save too early",
       {.kind = ExitKind::kSignaled,
        .signal = 15,
        .cause = StopCause::kLeave,
        .started = absl::FromUnixSeconds(100),
        .ended = absl::FromUnixSeconds(101)},
       Kind::kStopped,
       "NOT_READY_TO_SAVE"},
      {"failed", exited(3, StopCause::kNone), Kind::kFailed, "EXITED"},
      {"crashed", signaled(StopCause::kNone), Kind::kFailed, "SIGNALED"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const ExitVerdict verdict = JudgeExit(c.exit, "CANCELLED");
    EXPECT_EQ(verdict.kind, c.kind);
    EXPECT_EQ(verdict.reason, c.reason);
  }
}

}  // namespace
}  // namespace heliotrope::agent
