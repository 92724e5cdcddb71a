// What the core wants done, in order, as plain values. Every effect waits for the commit of the
// batch that caused it (persist, then send).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/model/job.h"
#include "scheduler/model/task.h"

namespace heliotrope::core {

struct RestoreSource {
  model::CheckpointKey key;
  std::string digest;
  Bytes size;
  std::vector<std::string> addresses;  // Empty: the node itself holds it.
};

struct StartOrder {
  JobId job;
  std::shared_ptr<const model::JobSpec> spec;
  std::vector<std::string> jurisdictions;
  std::optional<RestoreSource> restore;
};

enum class AttemptAction : unsigned char { kStart, kLeave, kStop, kForget };

// Orders are for one session of their node: they may wait long for their commit, and what a later
// session of the node is to be told is made up for when it says hello (Promise 3).
struct OrderAttempt {
  NodeId node;
  uint64_t session = 0;
  model::AttemptKey key;
  AttemptAction action = AttemptAction::kStart;
  std::optional<StartOrder> start;
  model::Reason reason = model::Reason::kNone;
};

struct OrderCheckpoint {
  NodeId node;
  uint64_t session = 0;
  model::CheckpointKey key;
  bool hold = false;  // Else release.
  std::optional<RestoreSource> source;
  std::vector<std::string> jurisdictions;
};

// Watchers of this job have something new to see.
struct JobChanged {
  JobUid job;
};

enum class DecisionKind : unsigned char {
  kPlace,
  kMove,
  kYield,
  kNodeLost,
  kEnd,
  kAgent,
  kLate,    // It is foreseen that tasks end after their deadline.
  kInTime,  // It was, and is no longer.
};

struct Decision {
  absl::Time time;
  DecisionKind kind = DecisionKind::kPlace;
  JobId job;
  std::optional<TaskId> task;
  std::optional<DataCenterId> from;
  std::optional<DataCenterId> to;
  std::optional<NodeId> node;
  AttemptNumber attempt;
  model::Reason reason = model::Reason::kNone;
  std::string detail;
};

// A plan is wanted: the shell takes Machine::PlanInput() when its planner is free.
struct PlanWanted {};

using Effect = std::variant<OrderAttempt, OrderCheckpoint, JobChanged, Decision, PlanWanted>;

}  // namespace heliotrope::core
