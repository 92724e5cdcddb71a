// Runs attempts on this node: what the agent daemon asks of processes, whatever runs them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/exec/attempt.h"

namespace heliotrope::agent::exec {

// What a restarted agent finds in an attempt's directory.
struct Adoption {
  enum class State {
    kNone,   // The last launch was never started and never will be, or there was none.
    kLive,   // It runs, or is being cleaned up: its end will be reported.
    kEnded,  // It ended while nobody watched: `end`.
  };
  State state = State::kNone;
  // kLive, kEnded: the process's. kNone: of the last one that was started; 0: none ever was.
  uint32_t incarnation = 0;
  std::optional<AttemptEnd> end;
  // kEnded: before the machine's last start, or nobody knows. What it wrote and nobody synced may
  // be lost, although its exit record is not.
  bool before_boot = false;
};

// One process at a time per attempt: after its end an attempt may be started again, in the same
// directory, as after a periodic checkpoint. All methods are thread-safe, and none waits for a job.
class AttemptRunner {
 public:
  // Called once for each start or adoption as kLive, from the runner's own thread, when no process
  // of the attempt is left and its exit record is written. It may call the runner; it should be
  // short.
  using EndCallback = std::function<void(const AttemptKey&, const AttemptEnd&)>;

  virtual ~AttemptRunner() = default;

  // Makes the attempt's directories; what is there stays. A checkpoint may then be restored into
  // AttemptPaths::checkpoint. FAILED_PRECONDITION when it runs.
  virtual absl::Status Prepare(const AttemptLaunch& launch) = 0;

  // Starts it. REQUIRES: prepared. INVALID_ARGUMENT when it can never be started so;
  // FAILED_PRECONDITION when it runs already. That the program itself cannot be executed is an end,
  // kFailedToStart.
  virtual absl::Status Start(const AttemptLaunch& launch) = 0;

  // To one that runs, else NOT_FOUND. Each may come twice; a stop that is under way is only
  // replaced by a stronger one. OK means told: the end comes by the callback.
  virtual absl::Status Leave(const AttemptKey& key) = 0;   // Its signal, its grace, then the kill.
  virtual absl::Status Stop(const AttemptKey& key) = 0;    // SIGTERM, the stop's grace, the kill.
  virtual absl::Status Kill(const AttemptKey& key) = 0;    // At once.
  virtual absl::Status Freeze(const AttemptKey& key) = 0;  // Without effect on one that leaves.
  virtual absl::Status Thaw(const AttemptKey& key) = 0;

  // Finds what an agent of before has started. Signals nothing that it cannot prove to be of this
  // attempt (Promise 11): FAILED_PRECONDITION when the directory and the living process disagree.
  // DATA_LOSS when its files do not say what it is: its shim and what that had running are dead by
  // then. Without cgroups, what a shim that was dead before has left may live.
  virtual absl::StatusOr<Adoption> Adopt(const AttemptKey& key) = 0;

  // Attempts with a directory here, in order of their keys.
  virtual absl::StatusOr<std::vector<AttemptKey>> List() const = 0;
  // Those of them that run.
  virtual std::vector<AttemptKey> Live() const = 0;

  // When the process started, real time. NOT_FOUND before, and when it does not run.
  virtual absl::StatusOr<absl::Time> StartTime(const AttemptKey& key) const = 0;
  // Of the process that runs. NOT_FOUND when none does.
  virtual absl::StatusOr<Usage> UsageOf(const AttemptKey& key) const = 0;
  // Of all attempts: CPU since the runner was made, or before, ended ones included; it only grows.
  // What the load probe subtracts from what the host uses.
  virtual Usage TotalUsage() const = 0;

  // Makes its end durable, where the runner's options leave that to the caller. NOT_FOUND before.
  virtual absl::Status SyncEnd(const AttemptKey& key) const = 0;
  // Deletes the directory. FAILED_PRECONDITION when it runs; RESOURCE_EXHAUSTED: call again.
  virtual absl::Status Remove(const AttemptKey& key) = 0;

  virtual AttemptPaths PathsOf(const AttemptKey& key) const = 0;
};

}  // namespace heliotrope::agent::exec
