// What the end of a process means for its attempt.
#pragma once

#include <string>

#include "agent/core/types.h"

namespace heliotrope::agent {

struct ExitVerdict {
  enum class Kind {
    kSucceeded,
    kFailed,
    kStopped,
    // Was told to save and did not.
    kUnsaved,
    // It has saved: seal that, then go on, or leave, or with reason LEASE_EXPIRED be stopped.
    kSeal,
  };
  Kind kind = Kind::kFailed;
  std::string reason;
  std::string detail;
};

// In this order:
//
//   ended how                     | and its shim had          | verdict
//   ------------------------------+---------------------------+--------------------------------
//   shim lost                     | -                         | stopped, PROCESS_LOST
//   exit 0                        | whatever                  | succeeded: always finished
//   any other                     | been told to stop         | stopped, the order's reason
//   checkpoint code               | seen the lease expire     | seal, LEASE_EXPIRED
//   any other                     | seen the lease expire     | stopped, LEASE_EXPIRED
//   not started                   | been told to save         | stopped, NOT_READY_TO_SAVE
//   not started                   | nothing                   | failed, EXEC_FAILED
//   checkpoint code               | been told to save or not  | seal
//   the signal, in its first min. | been told to save         | stopped, NOT_READY_TO_SAVE
//   any other                     | been told to save         | unsaved, CHECKPOINT_FAILED
//   any other                     | nothing                   | failed, EXITED or SIGNALED
//
// A job that has just begun may not listen for its signal yet: that is no failure of its own.
// `stop_reason` is that of the order; empty when none was given.
ExitVerdict JudgeExit(const ExitReport& exit, const std::string& stop_reason);

}  // namespace heliotrope::agent
