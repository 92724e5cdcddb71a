// What the agent's shell is to do, in this order. It must do each once; the results come back as
// events.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "agent/core/types.h"

namespace heliotrope::agent {

// Make the attempt's directory and keep its order there. Comes before anything else about it.
struct Prepare {
  AttemptKey key;
};
// Have the checkpoint, verified, in the attempt's checkpoint directory: FetchDone or FetchFailed.
struct Fetch {
  AttemptKey key;
  RestoreSource source;
  std::vector<std::string> jurisdictions = {};
};
// The result of a Fetch is not wanted any more; there need not be one.
struct CancelFetch {
  AttemptKey key;
};
// Start a process: LaunchDone or LaunchFailed, and after LaunchDone some time ProcessExited.
struct Launch {
  AttemptKey key;
  uint32_t incarnation = 0;
};
// What the attempt's shim is to do from now on. A later wish replaces an earlier one; kLeave and
// kStop are not taken back.
struct Steer {
  enum class Wish { kRun, kFreeze, kLeave, kStop };
  AttemptKey key;
  Wish wish = Wish::kRun;
};
// Seal what the job has saved: SealDone or SealFailed. `goes_on`: a process will continue from the
// same files, so that they are copied; otherwise they may be moved.
struct Seal {
  CheckpointKey key;
  absl::Duration run_time = absl::ZeroDuration();
  bool goes_on = false;
};
// Keep a terminal status on disk, with fsync, until Forget: OutcomeSaved. It is not reported
// before.
struct SaveOutcome {
  AttemptStatus status;
};
// The scheduler has the outcome: logs and outputs are kept for their retention, the rest may go.
struct Forget {
  AttemptKey key;
};
// Get and keep a copy: HoldDone or HoldFailed.
struct Hold {
  RestoreSource source;
  std::vector<std::string> jurisdictions = {};
};
// Delete a checkpoint, complete or still coming.
struct Remove {
  CheckpointKey key;
};
// A decision worth a log line and a metric.
struct Note {
  enum class Kind {
    kRefused,
    kStarted,
    kFrozen,
    kThawed,
    kLeaving,
    kStopping,
    kCheckpointing,
    kSealed,
    kSealFailed,
    kEnded,
    kOrderIgnored,
  };
  Kind kind = Kind::kRefused;
  AttemptKey key;
  std::string reason = {};
  std::string detail = {};
  // For kEnded: as what.
  Phase phase = Phase::kFetching;
};

using Effect = std::variant<Prepare, Fetch, CancelFetch, Launch, Steer, Seal, SaveOutcome, Forget,
                            Hold, Remove, Note>;
using Effects = std::vector<Effect>;

}  // namespace heliotrope::agent
