#include "agent/link/convert.h"

#include <csignal>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::link {
namespace {

constexpr int kDefaultCheckpointExitCode = 85;
constexpr absl::Duration kDefaultGrace = absl::Seconds(20);
constexpr size_t kDigestBytes = 32;

constexpr std::pair<Phase, v1::AttemptStatus::Phase> kPhases[] = {
    {Phase::kFetching, v1::AttemptStatus::PHASE_FETCHING},
    {Phase::kVerified, v1::AttemptStatus::PHASE_VERIFIED},
    {Phase::kRunning, v1::AttemptStatus::PHASE_RUNNING},
    {Phase::kFrozen, v1::AttemptStatus::PHASE_FROZEN},
    {Phase::kCheckpointing, v1::AttemptStatus::PHASE_CHECKPOINTING},
    {Phase::kLeft, v1::AttemptStatus::PHASE_LEFT},
    {Phase::kSucceeded, v1::AttemptStatus::PHASE_SUCCEEDED},
    {Phase::kFailed, v1::AttemptStatus::PHASE_FAILED},
    {Phase::kStopped, v1::AttemptStatus::PHASE_STOPPED},
    {Phase::kRefused, v1::AttemptStatus::PHASE_REFUSED},
    {Phase::kFetchFailed, v1::AttemptStatus::PHASE_FETCH_FAILED},
    {Phase::kUnsaved, v1::AttemptStatus::PHASE_UNSAVED},
};
static_assert(std::size(kPhases) == kPhaseCount);

absl::StatusOr<RestoreSource> FromProto(const v1::RestoreSource& proto) {
  RestoreSource source{.key = link::FromProto(proto.key()),
                       .digest = proto.digest(),
                       .size = Bytes::FromBytes(proto.size_bytes())};
  source.addresses.assign(proto.addresses().begin(), proto.addresses().end());
  if (source.digest.size() != kDigestBytes || proto.size_bytes() < 0) {
    return absl::InvalidArgumentError("the checkpoint's digest or size is malformed");
  }
  return source;
}

// Whatever a later scheduler may say beside CONTINUE: what is not understood stops (Promise 3).
bool OutlivesLease(const v1::TaskTemplate& task) {
  return task.on_disconnect() == v1::TaskTemplate::ON_DISCONNECT_CONTINUE;
}

absl::Status FillSpec(const v1::StartOrder& proto, AttemptSpec& spec) {
  const v1::TaskTemplate& task = proto.task();
  spec.cores = MilliCores::FromMilli(task.milli_cores());
  spec.memory = Bytes::FromBytes(task.memory_bytes());
  spec.jurisdictions.assign(proto.jurisdictions().begin(), proto.jurisdictions().end());
  spec.can_checkpoint = task.has_checkpoint();
  if (task.checkpoint().has_interval()) {
    HT_ASSIGN_OR_RETURN(
        spec.checkpoint_interval,
        wire::NonNegativeFromProto(task.checkpoint().interval(), "checkpoint.interval"));
  }
  if (proto.has_restore()) {
    HT_ASSIGN_OR_RETURN(spec.restore, FromProto(proto.restore()));
  }
  spec.outlives_lease = OutlivesLease(task);
  // All that a launch needs, so that a bad order is refused before anything is made.
  v1::AttemptOrder order;
  *order.mutable_start() = proto;
  return LaunchOf(order, {}).status();
}

absl::Status FillCheckpointing(const v1::Checkpointing& proto, exec::AttemptLaunch& launch) {
  HT_ASSIGN_OR_RETURN(launch.checkpoint_signal, ParseSignal(proto.signal()));
  launch.grace = kDefaultGrace;
  if (proto.has_grace()) {
    HT_ASSIGN_OR_RETURN(launch.grace,
                        wire::NonNegativeFromProto(proto.grace(), "checkpoint.grace"));
  }
  if (launch.grace > kMaxLease) {
    return InvalidField("checkpoint.grace", absl::StrCat("is ", ShortDuration(launch.grace)));
  }
  launch.checkpoint_exit_code =
      proto.exit_code() == 0 ? kDefaultCheckpointExitCode : proto.exit_code();
  if (launch.checkpoint_exit_code < 1 || launch.checkpoint_exit_code > 255) {
    return InvalidField("checkpoint.exit_code",
                        absl::StrCat("is ", launch.checkpoint_exit_code, ", must be 1 to 255"));
  }
  return absl::OkStatus();
}

}  // namespace

AttemptKey FromProto(const v1::AttemptKey& proto) {
  return {.task = {.job = JobUid(proto.job_uid()), .index = proto.task_index()},
          .attempt = AttemptNumber(proto.attempt())};
}

CheckpointKey FromProto(const v1::CheckpointKey& proto) {
  return {.attempt = FromProto(proto.attempt()), .sequence = CheckpointSeq(proto.sequence())};
}

v1::AttemptKey ToProto(const AttemptKey& key) {
  v1::AttemptKey proto;
  proto.set_job_uid(key.task.job.value());
  proto.set_task_index(key.task.index);
  proto.set_attempt(key.attempt.value());
  return proto;
}

v1::CheckpointKey ToProto(const CheckpointKey& key) {
  v1::CheckpointKey proto;
  *proto.mutable_attempt() = ToProto(key.attempt);
  proto.set_sequence(key.sequence.value());
  return proto;
}

std::string Clean(const std::string& text) {
  std::string clean = text.substr(0, kMaxMessageBytes);
  for (char& c : clean) {
    if (static_cast<unsigned char>(c) >= 0x7f) c = '?';
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return clean;
}

v1::CheckpointStatus ToProto(const CheckpointInfo& info) {
  v1::CheckpointStatus proto;
  *proto.mutable_key() = ToProto(info.key);
  proto.set_digest(info.digest);
  proto.set_size_bytes(info.size.value());
  *proto.mutable_run_time() = wire::ToProto(info.run_time);
  proto.set_failure(Clean(info.failure));
  return proto;
}

v1::AttemptStatus ToProto(const AttemptStatus& status) {
  v1::AttemptStatus proto;
  *proto.mutable_key() = ToProto(status.key);
  for (const auto& [phase, wire_phase] : kPhases) {
    if (phase == status.phase) proto.set_phase(wire_phase);
  }
  if (status.start_time.has_value())
    *proto.mutable_start_time() = wire::ToProto(*status.start_time);
  if (status.end_time.has_value()) *proto.mutable_end_time() = wire::ToProto(*status.end_time);
  if (status.exit_code.has_value()) proto.set_exit_code(*status.exit_code);
  if (status.exit_signal.has_value()) proto.set_exit_signal(*status.exit_signal);
  proto.set_reason(Clean(status.reason));
  proto.set_detail(Clean(status.detail));
  if (status.checkpoint.has_value()) *proto.mutable_checkpoint() = ToProto(*status.checkpoint);
  *proto.mutable_cpu_time() = wire::ToProto(status.cpu_time);
  proto.set_max_memory_bytes(status.max_memory.value());
  *proto.mutable_run_time() = wire::ToProto(status.run_time);
  return proto;
}

absl::StatusOr<AttemptStatus> FromProto(const v1::AttemptStatus& proto) {
  AttemptStatus status{
      .key = FromProto(proto.key()), .reason = proto.reason(), .detail = proto.detail()};
  bool known = false;
  for (const auto& [phase, wire_phase] : kPhases) {
    if (wire_phase != proto.phase()) continue;
    status.phase = phase;
    known = true;
  }
  if (!known) return absl::InvalidArgumentError("unknown phase");
  if (proto.has_start_time()) {
    HT_ASSIGN_OR_RETURN(status.start_time, wire::FromProto(proto.start_time(), "start_time"));
  }
  if (proto.has_end_time()) {
    HT_ASSIGN_OR_RETURN(status.end_time, wire::FromProto(proto.end_time(), "end_time"));
  }
  if (proto.has_exit_code()) status.exit_code = proto.exit_code();
  if (proto.has_exit_signal()) status.exit_signal = proto.exit_signal();
  if (proto.has_checkpoint()) {
    CheckpointInfo info{.key = FromProto(proto.checkpoint().key()),
                        .digest = proto.checkpoint().digest(),
                        .size = Bytes::FromBytes(proto.checkpoint().size_bytes())};
    HT_ASSIGN_OR_RETURN(info.run_time,
                        wire::FromProto(proto.checkpoint().run_time(), "checkpoint.run_time"));
    status.checkpoint = std::move(info);
  }
  HT_ASSIGN_OR_RETURN(status.cpu_time, wire::FromProto(proto.cpu_time(), "cpu_time"));
  status.max_memory = Bytes::FromBytes(proto.max_memory_bytes());
  HT_ASSIGN_OR_RETURN(status.run_time, wire::FromProto(proto.run_time(), "run_time"));
  return status;
}

absl::StatusOr<Order> FromProto(const v1::AttemptOrder& proto) {
  const AttemptKey key = FromProto(proto.key());
  switch (proto.action()) {
    case v1::AttemptOrder::ACTION_START: {
      StartOrder order{.key = key, .spec = {}};
      if (const absl::Status filled = FillSpec(proto.start(), order.spec); !filled.ok()) {
        order.invalid = std::string(filled.message());
      }
      return order;
    }
    case v1::AttemptOrder::ACTION_LEAVE:
      return LeaveOrder{.key = key, .reason = Clean(proto.reason())};
    case v1::AttemptOrder::ACTION_STOP:
      return StopOrder{.key = key, .reason = Clean(proto.reason())};
    case v1::AttemptOrder::ACTION_FORGET:
      return ForgetOrder{.key = key};
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("order of unknown action ", static_cast<int>(proto.action())));
  }
}

absl::StatusOr<Order> FromProto(const v1::CheckpointOrder& proto) {
  switch (proto.action()) {
    case v1::CheckpointOrder::ACTION_HOLD: {
      HoldOrder order;
      HT_ASSIGN_OR_RETURN(order.source, FromProto(proto.source()));
      if (order.source.key != FromProto(proto.key())) {
        return absl::InvalidArgumentError("HOLD of another checkpoint than its source");
      }
      order.jurisdictions.assign(proto.jurisdictions().begin(), proto.jurisdictions().end());
      return order;
    }
    case v1::CheckpointOrder::ACTION_RELEASE:
      return ReleaseOrder{.key = FromProto(proto.key())};
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("order of unknown action ", static_cast<int>(proto.action())));
  }
}

absl::StatusOr<int> ParseSignal(const std::string& name) {
  if (name.empty()) return SIGTERM;
  for (int number = 1; number < NSIG && absl::StartsWith(name, "SIG"); ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (abbreviation == nullptr || name.substr(3) != abbreviation) continue;
    if (number == SIGKILL || number == SIGSTOP) break;
    return number;
  }
  return InvalidField("checkpoint.signal",
                      absl::StrCat("\"", name, "\" is not a signal that a process can catch"));
}

absl::StatusOr<exec::AttemptLaunch> LaunchOf(const v1::AttemptOrder& order,
                                             const LaunchContext& context) {
  const v1::StartOrder& start = order.start();
  HT_ASSIGN_OR_RETURN(const JobId job, ParseJobName(start.job_name()));
  exec::AttemptLaunch launch;
  launch.key = ToExec(FromProto(order.key()));
  launch.command.assign(start.task().command().begin(), start.task().command().end());
  if (launch.command.empty()) return InvalidField("task.command", "is empty");
  launch.environment.insert(start.task().environment().begin(), start.task().environment().end());
  launch.environment["HELIOTROPE_JOB_ID"] = job.value();
  launch.environment["HELIOTROPE_TASK_INDEX"] = absl::StrCat(order.key().task_index());
  launch.environment["HELIOTROPE_ATTEMPT"] = absl::StrCat(order.key().attempt());
  launch.environment["HELIOTROPE_DATACENTER"] = context.data_center;
  if (start.has_deadline()) {
    HT_ASSIGN_OR_RETURN(const absl::Time deadline, wire::FromProto(start.deadline(), "deadline"));
    launch.environment["HELIOTROPE_DEADLINE"] = Rfc3339(deadline);
  }
  launch.working_directory = start.task().working_directory();
  launch.user = context.user;
  // Without the contract there is nothing to save: the end of a lease stops it at once.
  launch.grace = absl::ZeroDuration();
  if (start.task().has_checkpoint()) {
    HT_RETURN_IF_ERROR(FillCheckpointing(start.task().checkpoint(), launch));
  }
  launch.cores = MilliCores::FromMilli(start.task().milli_cores());
  launch.memory = Bytes::FromBytes(start.task().memory_bytes());
  launch.log_size = context.log_size;
  launch.outlives_lease = OutlivesLease(start.task());
  return launch;
}

exec::AttemptKey ToExec(const AttemptKey& key) {
  return {.task = key.task, .attempt = key.attempt};
}

AttemptKey FromExec(const exec::AttemptKey& key) {
  return {.task = key.task, .attempt = key.attempt};
}

ExitReport ToExit(const exec::AttemptEnd& end, uint32_t incarnation) {
  ExitReport exit{.incarnation = incarnation,
                  .code = end.exit_code,
                  .signal = end.signal,
                  .checkpointed = end.checkpointed,
                  .grace_exceeded = end.grace_exceeded,
                  .ended = end.end_time,
                  .cpu_time = end.user_cpu + end.system_cpu,
                  .max_memory = end.max_memory,
                  .error = end.error};
  switch (end.kind) {
    case exec::AttemptEnd::Kind::kExited:
      exit.kind = ExitKind::kExited;
      break;
    case exec::AttemptEnd::Kind::kSignaled:
      exit.kind = ExitKind::kSignaled;
      break;
    case exec::AttemptEnd::Kind::kFailedToStart:
      exit.kind = ExitKind::kFailedToStart;
      break;
    case exec::AttemptEnd::Kind::kLost:
      exit.kind = ExitKind::kLost;
      break;
  }
  switch (end.stop_cause) {
    case exec::StopCause::kNone:
      exit.cause = StopCause::kNone;
      break;
    case exec::StopCause::kLeaseExpired:
      exit.cause = StopCause::kLeaseExpired;
      break;
    case exec::StopCause::kLeaveRequested:
      exit.cause = StopCause::kLeave;
      break;
    case exec::StopCause::kStopRequested:
    case exec::StopCause::kKillRequested:
      exit.cause = StopCause::kStop;
      break;
  }
  if (end.start_time != absl::InfinitePast()) exit.started = end.start_time;
  return exit;
}

}  // namespace heliotrope::agent::link
