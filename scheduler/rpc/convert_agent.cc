#include "scheduler/rpc/convert_agent.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/base/text.h"
#include "scheduler/model/reason.h"
#include "scheduler/rpc/convert_job.h"
#include "scheduler/wire/time.h"

namespace heliotrope::rpc {

namespace {

constexpr size_t kDigestBytes = 32;
constexpr int64_t kMaxNodeMilliCores = 4'096'000;

model::AttemptKey KeyFromProto(const v1::AttemptKey& key) {
  return {TaskId{JobUid(key.job_uid()), key.task_index()}, AttemptNumber(key.attempt())};
}

void KeyToProto(const model::AttemptKey& key, v1::AttemptKey& proto) {
  proto.set_job_uid(key.task.job.value());
  proto.set_task_index(key.task.index);
  proto.set_attempt(key.attempt.value());
}

void KeyToProto(const model::CheckpointKey& key, v1::CheckpointKey& proto) {
  KeyToProto(key.attempt, *proto.mutable_attempt());
  proto.set_sequence(key.sequence);
}

absl::StatusOr<model::AttemptPhase> PhaseFromProto(v1::AttemptStatus::Phase phase) {
  switch (phase) {
    case v1::AttemptStatus::PHASE_FETCHING:
      return model::AttemptPhase::kFetching;
    case v1::AttemptStatus::PHASE_VERIFIED:
      return model::AttemptPhase::kVerified;
    case v1::AttemptStatus::PHASE_RUNNING:
      return model::AttemptPhase::kRunning;
    case v1::AttemptStatus::PHASE_FROZEN:
      return model::AttemptPhase::kFrozen;
    case v1::AttemptStatus::PHASE_CHECKPOINTING:
      return model::AttemptPhase::kCheckpointing;
    case v1::AttemptStatus::PHASE_LEFT:
      return model::AttemptPhase::kLeft;
    case v1::AttemptStatus::PHASE_SUCCEEDED:
      return model::AttemptPhase::kSucceeded;
    case v1::AttemptStatus::PHASE_FAILED:
      return model::AttemptPhase::kFailed;
    case v1::AttemptStatus::PHASE_STOPPED:
      return model::AttemptPhase::kStopped;
    case v1::AttemptStatus::PHASE_REFUSED:
      return model::AttemptPhase::kRefused;
    case v1::AttemptStatus::PHASE_FETCH_FAILED:
      return model::AttemptPhase::kFetchFailed;
    case v1::AttemptStatus::PHASE_UNSAVED:
      return model::AttemptPhase::kUnsaved;
    default:
      return InvalidField("attempts.phase",
                          absl::StrCat("unknown phase ", static_cast<int>(phase)));
  }
}

absl::StatusOr<core::HeldCheckpoint> HeldFromProto(const v1::CheckpointStatus& proto) {
  core::HeldCheckpoint held;
  held.key = {KeyFromProto(proto.key().attempt()), proto.key().sequence()};
  held.failure = Cut(proto.failure(), kMaxMessageBytes);
  if (held.failure.empty() && proto.digest().size() != kDigestBytes) {
    return InvalidField("checkpoints.digest",
                        absl::StrCat(proto.digest().size(), " bytes: a SHA-256 has 32"));
  }
  if (proto.size_bytes() < 0) return InvalidField("checkpoints.size_bytes", "below zero");
  held.digest = proto.digest();
  held.size = Bytes::FromBytes(proto.size_bytes());
  return held;
}

absl::StatusOr<core::AttemptStatus> StatusFromProto(const v1::AttemptStatus& proto,
                                                    const os::SchedulingClock& clock) {
  core::AttemptStatus status;
  status.key = KeyFromProto(proto.key());
  HT_ASSIGN_OR_RETURN(status.phase, PhaseFromProto(proto.phase()));
  if (proto.has_start_time()) {
    HT_ASSIGN_OR_RETURN(const absl::Time start,
                        wire::FromProto(proto.start_time(), "attempts.start_time"));
    status.start_time = clock.ToScheduling(start);
  }
  if (proto.has_end_time()) {
    HT_ASSIGN_OR_RETURN(const absl::Time end,
                        wire::FromProto(proto.end_time(), "attempts.end_time"));
    status.end_time = clock.ToScheduling(end);
  }
  if (proto.has_exit_code()) status.exit_code = proto.exit_code();
  if (proto.has_exit_signal()) status.exit_signal = proto.exit_signal();
  status.reason = Cut(proto.reason(), kMaxMessageBytes);
  status.detail = Cut(proto.detail(), kMaxMessageBytes);
  HT_ASSIGN_OR_RETURN(const absl::Duration cpu,
                      wire::NonNegativeFromProto(proto.cpu_time(), "attempts.cpu_time"));
  status.cpu_seconds = absl::ToDoubleSeconds(cpu);
  if (proto.has_checkpoint()) {
    HT_ASSIGN_OR_RETURN(core::HeldCheckpoint held, HeldFromProto(proto.checkpoint()));
    HT_ASSIGN_OR_RETURN(
        const absl::Duration run,
        wire::NonNegativeFromProto(proto.checkpoint().run_time(), "attempts.checkpoint.run_time"));
    if (held.failure.empty()) {
      status.checkpoint = core::SealedCheckpoint{held.key, std::move(held.digest), held.size,
                                                 clock.ToScheduling(run)};
    }
  }
  return status;
}

template <class Message>
absl::Status FillLists(const Message& message, const os::SchedulingClock& clock,
                       std::vector<core::AttemptStatus>& attempts,
                       std::vector<core::HeldCheckpoint>& checkpoints) {
  if (static_cast<size_t>(message.attempts_size()) > kMaxAttemptsPerNode) {
    return InvalidField("attempts", absl::StrCat(message.attempts_size(), " attempts: at most ",
                                                 kMaxAttemptsPerNode, " a node"));
  }
  for (const v1::AttemptStatus& proto : message.attempts()) {
    HT_ASSIGN_OR_RETURN(core::AttemptStatus status, StatusFromProto(proto, clock));
    attempts.push_back(std::move(status));
  }
  for (const v1::CheckpointStatus& proto : message.checkpoints()) {
    HT_ASSIGN_OR_RETURN(core::HeldCheckpoint held, HeldFromProto(proto));
    checkpoints.push_back(std::move(held));
  }
  return absl::OkStatus();
}

void SourceToProto(const core::RestoreSource& source, v1::RestoreSource& proto) {
  KeyToProto(source.key, *proto.mutable_key());
  proto.set_digest(source.digest);
  proto.set_size_bytes(source.size.value());
  for (const std::string& address : source.addresses) proto.add_addresses(address);
}

v1::AttemptOrder::Action ActionToProto(core::AttemptAction action) {
  switch (action) {
    case core::AttemptAction::kStart:
      return v1::AttemptOrder::ACTION_START;
    case core::AttemptAction::kLeave:
      return v1::AttemptOrder::ACTION_LEAVE;
    case core::AttemptAction::kStop:
      return v1::AttemptOrder::ACTION_STOP;
    case core::AttemptAction::kForget:
      return v1::AttemptOrder::ACTION_FORGET;
  }
  return v1::AttemptOrder::ACTION_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<core::NodeHello> HelloFromProto(const v1::Hello& hello,
                                               const os::SchedulingClock& clock) {
  HT_RETURN_IF_ERROR(CheckId("hello.node_id", hello.node_id()));
  if (hello.instance_id().empty() || hello.instance_id().size() > 64) {
    return InvalidField("hello.instance_id", "1 to 64 characters are needed");
  }
  if (hello.capacity_milli_cores() <= 0 || hello.capacity_milli_cores() > kMaxNodeMilliCores) {
    return InvalidField(
        "hello.capacity_milli_cores",
        absl::StrCat(hello.capacity_milli_cores(), " is not 1 to ", kMaxNodeMilliCores));
  }
  if (hello.capacity_memory_bytes() <= 0) {
    return InvalidField("hello.capacity_memory_bytes", "a node has more than no memory");
  }
  if (hello.address().empty() || hello.address().size() > 256) {
    return InvalidField("hello.address", "the agent's host:port is needed, at most 256 characters");
  }
  core::NodeHello command;
  command.node = NodeId(hello.node_id());
  command.instance = hello.instance_id();
  command.version = Cut(hello.version(), kMaxMessageBytes);
  command.data_center = DataCenterId(hello.data_center());
  command.jurisdiction = JurisdictionCode(hello.jurisdiction());
  command.capacity = {MilliCores::FromMilli(hello.capacity_milli_cores()),
                      Bytes::FromBytes(hello.capacity_memory_bytes())};
  command.address = hello.address();
  HT_RETURN_IF_ERROR(FillLists(hello, clock, command.attempts, command.checkpoints));
  return command;
}

absl::StatusOr<core::NodeHeartbeat> HeartbeatFromProto(const v1::Heartbeat& heartbeat,
                                                       const os::SchedulingClock& clock) {
  core::NodeHeartbeat command;
  HT_RETURN_IF_ERROR(FillLists(heartbeat, clock, command.attempts, command.checkpoints));
  return command;
}

absl::StatusOr<core::NodeReport> ReportFromProto(const v1::StatusReport& report,
                                                 const os::SchedulingClock& clock) {
  core::NodeReport command;
  HT_RETURN_IF_ERROR(FillLists(report, clock, command.attempts, command.checkpoints));
  return command;
}

absl::StatusOr<core::NodeLoad> LoadFromProto(const v1::LoadReport& report) {
  core::NodeLoad command;
  for (const v1::LoadReport::Sample& proto : report.samples()) {
    core::LoadSample sample;
    HT_ASSIGN_OR_RETURN(sample.time, wire::FromProto(proto.time(), "load.samples.time"));
    if (proto.foreground_milli_cores() < 0 || proto.foreground_memory_bytes() < 0) {
      return InvalidField("load.samples", "a foreground below zero");
    }
    sample.foreground = MilliCores::FromMilli(proto.foreground_milli_cores());
    sample.foreground_memory = Bytes::FromBytes(proto.foreground_memory_bytes());
    command.samples.push_back(sample);
  }
  return command;
}

void OrderToProto(const core::OrderAttempt& order, v1::AttemptOrder& proto) {
  KeyToProto(order.key, *proto.mutable_key());
  proto.set_action(ActionToProto(order.action));
  proto.set_reason(std::string(model::ReasonName(order.reason)));
  if (!order.start) return;
  v1::StartOrder& start = *proto.mutable_start();
  start.set_job_name(JobName(order.start->job));
  TaskTemplateToProto(*order.start->spec, *start.mutable_task());
  if (order.start->spec->deadline != absl::InfiniteFuture()) {
    *start.mutable_deadline() = wire::ToProto(order.start->spec->deadline);
  }
  for (const std::string& code : order.start->jurisdictions) start.add_jurisdictions(code);
  start.set_account(order.start->spec->account.value());
  if (order.start->restore) SourceToProto(*order.start->restore, *start.mutable_restore());
}

void OrderToProto(const core::OrderCheckpoint& order, v1::CheckpointOrder& proto) {
  KeyToProto(order.key, *proto.mutable_key());
  proto.set_action(order.hold ? v1::CheckpointOrder::ACTION_HOLD
                              : v1::CheckpointOrder::ACTION_RELEASE);
  if (order.source) SourceToProto(*order.source, *proto.mutable_source());
  for (const std::string& code : order.jurisdictions) proto.add_jurisdictions(code);
}

}  // namespace heliotrope::rpc
