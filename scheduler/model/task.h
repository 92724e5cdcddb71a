// A task and its attempts, as plain values. Times and durations are scheduling time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"
#include "scheduler/model/reason.h"

namespace heliotrope::model {

// PENDING -> ASSIGNED -> RUNNING -> SUCCEEDED | FAILED | CANCELLED, and for a move
// RUNNING -> CHECKPOINTING -> PENDING (holding a checkpoint) -> ASSIGNED (attempt n+1).
// An expired lease sends ASSIGNED, RUNNING and CHECKPOINTING back to PENDING.
enum class TaskState : unsigned char {
  kPending,
  kAssigned,
  kRunning,
  kCheckpointing,
  kSucceeded,
  kFailed,
  kCancelled,
};

constexpr bool IsTerminal(TaskState state) {
  return state == TaskState::kSucceeded || state == TaskState::kFailed ||
         state == TaskState::kCancelled;
}
// An attempt may be live: the task holds room on a node.
constexpr bool HoldsNode(TaskState state) {
  return state == TaskState::kAssigned || state == TaskState::kRunning ||
         state == TaskState::kCheckpointing;
}
// As it is shown: "PENDING".
absl::string_view TaskStateName(TaskState state);

// How far a move has come; each step is durable and may be repeated.
enum class MoveStep : unsigned char { kAsked, kSealed, kCarried, kVerified, kStarted };

// What an agent reports of an attempt; agent_stream.proto explains each.
enum class AttemptPhase : unsigned char {
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
constexpr bool IsTerminal(AttemptPhase phase) { return phase >= AttemptPhase::kLeft; }
// As it is shown: "FETCH_FAILED".
absl::string_view AttemptPhaseName(AttemptPhase phase);
// As it is shown: "CARRIED".
absl::string_view MoveStepName(MoveStep step);

struct AttemptKey {
  TaskId task;
  AttemptNumber attempt;

  friend auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
};

struct CheckpointKey {
  AttemptKey attempt;
  uint32_t sequence = 0;  // From 1 within the attempt.

  friend auto operator<=>(const CheckpointKey&, const CheckpointKey&) = default;
};

// A sealed checkpoint. Invariant: holders is not empty; every holder is within residency.
struct Checkpoint {
  CheckpointKey key;
  std::string digest;  // SHA-256 of the manifest, 32 bytes.
  Bytes size;
  absl::Duration progress;      // Useful running time of the task that it holds.
  std::vector<NodeId> holders;  // Sorted. Nodes that reported it complete.
};

// One run of one task on one node.
struct AttemptRecord {
  AttemptNumber number;
  NodeId node;
  DataCenterId data_center;
  std::string agent_address;
  absl::Time assign_time = absl::InfinitePast();
  absl::Time start_time = absl::InfiniteFuture();  // InfiniteFuture: not yet.
  absl::Time end_time = absl::InfiniteFuture();    // InfiniteFuture: not yet.
  Reason placement = Reason::kNone;
  std::string placement_detail;  // The recorded inputs of the decision.
  Reason end = Reason::kNone;
  std::string end_detail;
  std::optional<int> exit_code;
  std::optional<int> exit_signal;
  double cpu_seconds = 0;
};

// Set from the moment a running task is told to leave until its next attempt runs.
struct Move {
  MoveStep step = MoveStep::kAsked;
  Reason reason = Reason::kNone;
  std::string detail;
  NodeId from;
  // The reserved target; empty: it waits for a place after it has left.
  std::optional<NodeId> to;
};

// What only tasks that have been touched carry.
struct TaskRun {
  std::vector<AttemptRecord> attempts;   // Oldest first, the newest kMaxHistoryPerTask.
  std::optional<Checkpoint> checkpoint;  // The newest complete one.
  // An older one that is not released yet, because the newest has one holder only.
  std::optional<Checkpoint> previous_checkpoint;
  std::optional<Move> move;
  // The checkpoint that the live attempt was started from: its progress. Zero: from the beginning.
  absl::Duration base_progress = absl::ZeroDuration();
  absl::Time last_moved = absl::InfinitePast();
  std::string detail;  // Of Task::reason, for people.
};

// Invariant: run != nullptr unless the task was never touched (PENDING, attempt 0, no failures).
// Invariant: HoldsNode(state) implies run->attempts.back() is the live attempt, number == attempt.
struct Task {
  TaskState state = TaskState::kPending;
  Reason reason = Reason::kSubmitted;
  AttemptPhase phase = AttemptPhase::kFetching;  // Of the live attempt, as last reported.
  AttemptNumber attempt{0};                      // The newest given out; never falls.
  uint32_t failures = 0;
  absl::Time ready_time = absl::InfinitePast();  // PENDING: not before this (backoff).
  uint64_t class_id = 0;  // PENDING and ready: the class it is planned with. Else 0. Not durable.
  std::unique_ptr<TaskRun> run;
};

}  // namespace heliotrope::model
