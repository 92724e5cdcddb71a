// What scheduler and agent say to each other, as the plain values of the two cores; the product
// carries the same as protobuf (proto/heliotrope/v1/agent_stream.proto).
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/core/event.h"
#include "scheduler/base/ids.h"
#include "scheduler/core/command.h"
#include "scheduler/core/effect.h"

namespace heliotrope::faultsim {

struct Heartbeat {
  int64_t sequence = 0;
  core::NodeHeartbeat all;
};
using ToScheduler = std::variant<core::NodeHello, Heartbeat, core::NodeReport, core::NodeLoad>;

struct Welcome {
  absl::Duration lease;
  absl::Duration heartbeat_interval;
};
struct LeaseGrant {
  int64_t sequence = 0;
  absl::Duration duration;
};
struct Orders {
  std::vector<core::OrderAttempt> attempts;
  std::vector<core::OrderCheckpoint> checkpoints;
};
struct ToAgent {
  Term term;
  std::variant<Welcome, LeaseGrant, Orders> message;
};

// Between the words of the two cores.
core::AttemptStatus ToCore(const agent::AttemptStatus& status);
core::HeldCheckpoint ToCore(const agent::CheckpointInfo& info);
agent::Order ToAgentOrder(const core::OrderAttempt& order);
agent::Order ToAgentOrder(const core::OrderCheckpoint& order);
agent::AttemptKey ToAgentKey(const model::AttemptKey& key);
agent::CheckpointKey ToAgentKey(const model::CheckpointKey& key);
model::CheckpointKey ToCore(const agent::CheckpointKey& key);
model::AttemptKey ToCore(const agent::AttemptKey& key);

}  // namespace heliotrope::faultsim
