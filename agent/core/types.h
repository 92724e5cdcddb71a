// The plain values that the agent's core decides on: attempts, checkpoints, what the node has. They
// mirror the messages of heliotrope.v1 without knowing protobuf; only link/ and daemon/ translate.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"

namespace heliotrope::agent {

// Both clocks at one moment. Decisions about load, intervals and lasting pressure are in scheduling
// time; what a process really ran is in real time. Neither ever goes back.
struct Now {
  absl::Time scheduling;
  absl::Time real;
};

struct AttemptKey {
  TaskId task;
  AttemptNumber attempt;

  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
};
// "12/7#3": task 12/7, attempt 3.
std::string ToString(const AttemptKey& key);
std::ostream& operator<<(std::ostream& out, const AttemptKey& key);

struct CheckpointKey {
  AttemptKey attempt;
  CheckpointSeq sequence;

  friend auto operator<=>(const CheckpointKey&, const CheckpointKey&) = default;
};
// "12/7#3.2": the second of that attempt.
std::string ToString(const CheckpointKey& key);
std::ostream& operator<<(std::ostream& out, const CheckpointKey& key);

// Where an attempt stands, as the scheduler is told. The meaning of each is in agent_stream.proto.
enum class Phase {
  kFetching,
  kVerified,
  kRunning,
  kFrozen,
  kCheckpointing,
  kLeft,
  kSucceeded,
  kFailed,
  kStopped,
  kRefused,
  kFetchFailed,
  kUnsaved,
};
inline constexpr int kPhaseCount = 12;
// "fetching", "running" and so on, also as metric labels.
const char* ToString(Phase phase);
// Whether nothing can follow: the status is kept until the scheduler has it on its disk.
bool IsTerminal(Phase phase);

// A complete checkpoint on this node, or with `failure` why an ordered copy is not there.
struct CheckpointInfo {
  CheckpointKey key;
  std::string digest = {};  // SHA-256 of the manifest, 32 bytes.
  Bytes size = {};
  // Real running time of its attempt that it holds.
  absl::Duration run_time = absl::ZeroDuration();
  std::string failure = {};

  friend bool operator==(const CheckpointInfo&, const CheckpointInfo&) = default;
};

// Where a checkpoint can be had; without addresses it must be on this node.
struct RestoreSource {
  CheckpointKey key;
  std::string digest = {};
  Bytes size = {};
  std::vector<std::string> addresses = {};

  friend bool operator==(const RestoreSource&, const RestoreSource&) = default;
};

// The one word that allows every jurisdiction.
inline constexpr char kAnyJurisdiction[] = "*";
// Fails closed: an empty list allows none (Promise 6).
bool IsAllowed(const std::vector<std::string>& jurisdictions, const std::string& jurisdiction);

// What of a start order decides anything here. The command and the environment stay in the shell.
struct AttemptSpec {
  MilliCores cores = {};
  Bytes memory = {};
  std::vector<std::string> jurisdictions = {};
  bool can_checkpoint = false;
  // Scheduling time between periodic checkpoints; zero means none.
  absl::Duration checkpoint_interval = absl::ZeroDuration();
  std::optional<RestoreSource> restore = {};
  // It goes on when the lease is over (on_disconnect: continue).
  bool outlives_lease = false;

  friend bool operator==(const AttemptSpec&, const AttemptSpec&) = default;
};

// What the scheduler is told about an attempt.
struct AttemptStatus {
  AttemptKey key;
  Phase phase = Phase::kFetching;
  std::optional<absl::Time> start_time = {};  // Real, of the first process of this attempt.
  std::optional<absl::Time> end_time = {};    // Real; set in terminal phases after a start.
  std::optional<int> exit_code = {};
  std::optional<int> exit_signal = {};
  std::string reason = {};
  std::string detail = {};
  std::optional<CheckpointInfo> checkpoint = {};  // The newest sealed one of this attempt.
  absl::Duration cpu_time = absl::ZeroDuration();
  Bytes max_memory = {};
  // Real, without frozen time, over all processes of this attempt.
  absl::Duration run_time = absl::ZeroDuration();

  friend bool operator==(const AttemptStatus&, const AttemptStatus&) = default;
};

// How a process ended.
enum class ExitKind { kExited, kSignaled, kFailedToStart, kLost };
// Why its shim ended it; kNone when it ended by itself.
enum class StopCause { kNone, kLeave, kStop, kLeaseExpired };

struct ExitReport {
  // Which process of the attempt, from 1.
  uint32_t incarnation = 0;
  ExitKind kind = ExitKind::kExited;
  int code = 0;    // For kExited.
  int signal = 0;  // For kSignaled.
  StopCause cause = StopCause::kNone;
  bool checkpointed = false;               // It exited with its checkpoint code.
  bool grace_exceeded = false;             // It was asked to end and had to be killed.
  std::optional<absl::Time> started = {};  // Real.
  absl::Time ended = absl::UnixEpoch();
  absl::Duration cpu_time = absl::ZeroDuration();
  Bytes max_memory = {};
  std::string error = {};  // For kFailedToStart: what failed.
};

// When batch gives way to the foreground. Shares are of the node's cores, 0 to 1.
struct YieldRules {
  double freeze_above = 0.95;
  double thaw_below = 0.85;
  // Scheduling time that an attempt stays frozen before it leaves.
  absl::Duration leave_after = absl::Minutes(10);
  // CPU pressure in percent above which batch is frozen too; 0 turns this off.
  double freeze_above_pressure_percent = 60;
};

// One measurement of the node's load.
struct LoadSample {
  // Used by others than us.
  MilliCores foreground = {};
  // Used by us, where it can be measured; else what our attempts were promised counts.
  std::optional<MilliCores> batch = {};
  // PSI "some avg10"; negative when unknown.
  double pressure_percent = -1;
};

// What the node is and offers. Fixed for the life of the agent.
struct NodeSpec {
  MilliCores cores = {};
  Bytes memory = {};
  std::string jurisdiction = {};
  YieldRules yield = {};
};

}  // namespace heliotrope::agent
