// Protobuf messages of the agent to the core's values and back. What comes from the scheduler is
// checked as if it came from anybody: an order that makes no sense is refused, not guessed at.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "agent/core/event.h"
#include "agent/core/types.h"
#include "agent/exec/attempt.h"
#include "heliotrope/v1/agent_stream.pb.h"

namespace heliotrope::agent::link {

AttemptKey FromProto(const v1::AttemptKey& proto);
CheckpointKey FromProto(const v1::CheckpointKey& proto);
v1::AttemptKey ToProto(const AttemptKey& key);
v1::CheckpointKey ToProto(const CheckpointKey& key);

v1::AttemptStatus ToProto(const AttemptStatus& status);
// INVALID_ARGUMENT for what ToProto does not make: a damaged outcome file.
absl::StatusOr<AttemptStatus> FromProto(const v1::AttemptStatus& proto);
v1::CheckpointStatus ToProto(const CheckpointInfo& info);

// One order of the scheduler. INVALID_ARGUMENT for an action that this agent does not know; a START
// that cannot be followed becomes one with `invalid` set.
absl::StatusOr<Order> FromProto(const v1::AttemptOrder& proto);
absl::StatusOr<Order> FromProto(const v1::CheckpointOrder& proto);

// What of the node goes into a launch.
struct LaunchContext {
  std::string data_center;
  std::optional<exec::JobUser> user = {};
  Bytes log_size = Bytes::FromMiB(16);
};
// INVALID_ARGUMENT says what in the order cannot be started.
absl::StatusOr<exec::AttemptLaunch> LaunchOf(const v1::AttemptOrder& order,
                                             const LaunchContext& context);

exec::AttemptKey ToExec(const AttemptKey& key);
AttemptKey FromExec(const exec::AttemptKey& key);
ExitReport ToExit(const exec::AttemptEnd& end, uint32_t incarnation);

// "SIGUSR1" to its number; empty is SIGTERM. INVALID_ARGUMENT for none, and for those that no
// process can catch.
absl::StatusOr<int> ParseSignal(const std::string& name);

// `text` as a protobuf string takes it and a log line shows it: ASCII, printable, bounded.
std::string Clean(const std::string& text);

}  // namespace heliotrope::agent::link
