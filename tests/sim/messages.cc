#include "tests/sim/messages.h"

#include <string>

#include "scheduler/base/check.h"
#include "scheduler/model/reason.h"

namespace heliotrope::faultsim {
namespace {

model::AttemptPhase ToCore(agent::Phase phase) {
  // Both enums list the phases of agent_stream.proto in its order.
  static_assert(static_cast<int>(agent::Phase::kFetching) ==
                static_cast<int>(model::AttemptPhase::kFetching));
  static_assert(static_cast<int>(agent::Phase::kLeft) ==
                static_cast<int>(model::AttemptPhase::kLeft));
  static_assert(static_cast<int>(agent::Phase::kUnsaved) ==
                static_cast<int>(model::AttemptPhase::kUnsaved));
  return static_cast<model::AttemptPhase>(phase);
}

agent::RestoreSource SourceOf(const core::RestoreSource& source) {
  return {.key = ToAgentKey(source.key),
          .digest = source.digest,
          .size = source.size,
          .addresses = source.addresses};
}

}  // namespace

agent::AttemptKey ToAgentKey(const model::AttemptKey& key) {
  return {.task = key.task, .attempt = key.attempt};
}

agent::CheckpointKey ToAgentKey(const model::CheckpointKey& key) {
  return {.attempt = ToAgentKey(key.attempt), .sequence = CheckpointSeq(key.sequence)};
}

model::AttemptKey ToCore(const agent::AttemptKey& key) { return {key.task, key.attempt}; }

model::CheckpointKey ToCore(const agent::CheckpointKey& key) {
  return {ToCore(key.attempt), key.sequence.value()};
}

core::HeldCheckpoint ToCore(const agent::CheckpointInfo& info) {
  return {ToCore(info.key), info.digest, info.size, info.failure};
}

core::AttemptStatus ToCore(const agent::AttemptStatus& status) {
  core::AttemptStatus made;
  made.key = ToCore(status.key);
  made.phase = ToCore(status.phase);
  made.start_time = status.start_time;
  made.end_time = status.end_time;
  made.exit_code = status.exit_code;
  made.exit_signal = status.exit_signal;
  made.reason = status.reason;
  made.detail = status.detail;
  made.cpu_seconds = absl::ToDoubleSeconds(status.cpu_time);
  if (status.checkpoint) {
    made.checkpoint =
        core::SealedCheckpoint{ToCore(status.checkpoint->key), status.checkpoint->digest,
                               status.checkpoint->size, status.checkpoint->run_time};
  }
  return made;
}

agent::Order ToAgentOrder(const core::OrderAttempt& order) {
  const agent::AttemptKey key = ToAgentKey(order.key);
  const std::string reason(model::ReasonName(order.reason));
  switch (order.action) {
    case core::AttemptAction::kStart: {
      const model::JobSpec& spec = *order.start->spec;
      agent::StartOrder start{.key = key, .spec = {}};
      start.spec.cores = spec.request.cores;
      start.spec.memory = spec.request.memory;
      start.spec.jurisdictions = order.start->jurisdictions;
      start.spec.can_checkpoint = spec.checkpoint.has_value();
      if (spec.checkpoint) start.spec.checkpoint_interval = spec.checkpoint->interval;
      start.spec.outlives_lease = spec.on_disconnect == model::OnDisconnect::kContinue;
      if (order.start->restore) start.spec.restore = SourceOf(*order.start->restore);
      return start;
    }
    case core::AttemptAction::kLeave:
      return agent::LeaveOrder{.key = key, .reason = reason};
    case core::AttemptAction::kStop:
      return agent::StopOrder{.key = key, .reason = reason};
    case core::AttemptAction::kForget:
      return agent::ForgetOrder{.key = key};
  }
  HT_CHECK(false);
}

agent::Order ToAgentOrder(const core::OrderCheckpoint& order) {
  if (!order.hold) return agent::ReleaseOrder{.key = ToAgentKey(order.key)};
  return agent::HoldOrder{.source = SourceOf(*order.source), .jurisdictions = order.jurisdictions};
}

}  // namespace heliotrope::faultsim
