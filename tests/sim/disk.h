// An agent's disk: what the agent daemon and the shims keep there. A killed daemon loses none of
// it; a power cut may lose what was not synced, each thing on its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/core/event.h"
#include "agent/core/types.h"
#include "scheduler/core/effect.h"

namespace heliotrope::faultsim {

// An order as it came, with what the shell needs of it.
struct KeptOrder {
  agent::StartOrder order;
  core::StartOrder start;
};

// The folder of an attempt.
struct AttemptFolder {
  std::optional<KeptOrder> order;
  bool synced = false;    // Order and exit record.
  uint32_t launched = 0;  // Incarnation of the newest launch.
  bool started = false;   // Its shim has started the job,
  absl::Time started_time;
  uint64_t started_boot = 0;                    // then.
  std::optional<agent::ExitReport> exit;        // Of that launch.
  std::optional<agent::AttemptStatus> outcome;  // Written with fsync.
  // What the job finds in its checkpoint directory: progress. nullopt: no directory.
  std::optional<absl::Duration> saved;
};

// A sealed checkpoint: there as a whole or not at all, always synced; but what rests may rot.
struct StoredCheckpoint {
  agent::CheckpointInfo info;
  std::vector<std::string> jurisdictions;
  absl::Duration progress;  // What the job really had done.
  bool damaged = false;     // Its files are not what the manifest says.
  bool unreadable = false;  // Its manifest says nothing any more.
};

struct AgentDisk {
  std::string instance;
  std::map<agent::AttemptKey, AttemptFolder> attempts;
  std::map<agent::CheckpointKey, StoredCheckpoint> checkpoints;
};

}  // namespace heliotrope::faultsim
