// The agent stream's messages to the core's commands, and its orders to messages. Agents speak in
// real time, the core in scheduling time: the border is here.
#pragma once

#include "absl/status/statusor.h"
#include "heliotrope/v1/agent_stream.pb.h"
#include "scheduler/core/command.h"
#include "scheduler/core/effect.h"
#include "scheduler/os/clock.h"

namespace heliotrope::rpc {

// INVALID_ARGUMENT names the field that is missing, malformed or over its limit.
absl::StatusOr<core::NodeHello> HelloFromProto(const v1::Hello& hello,
                                               const os::SchedulingClock& clock);
absl::StatusOr<core::NodeHeartbeat> HeartbeatFromProto(const v1::Heartbeat& heartbeat,
                                                       const os::SchedulingClock& clock);
absl::StatusOr<core::NodeReport> ReportFromProto(const v1::StatusReport& report,
                                                 const os::SchedulingClock& clock);
absl::StatusOr<core::NodeLoad> LoadFromProto(const v1::LoadReport& report);

void OrderToProto(const core::OrderAttempt& order, v1::AttemptOrder& proto);
void OrderToProto(const core::OrderCheckpoint& order, v1::CheckpointOrder& proto);

}  // namespace heliotrope::rpc
