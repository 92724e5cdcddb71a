#include "scheduler/store/task_record.h"

#include <memory>
#include <optional>
#include <utility>

#include "scheduler/model/reason.h"
#include "scheduler/wire/time.h"

namespace heliotrope::store {
namespace {

// Enums of the model count from 0 and those of records from 1, in the same order: 0 in a record is
// a field that is missing.
template <class RecordEnum, class ModelEnum>
RecordEnum ToRecordEnum(ModelEnum value) {
  return static_cast<RecordEnum>(static_cast<int>(value) + 1);
}
template <class ModelEnum, class RecordEnum>
ModelEnum FromRecordEnum(RecordEnum value, ModelEnum last, absl::string_view field,
                         FieldReader& reader) {
  const int number = static_cast<int>(value) - 1;
  const bool known = number >= 0 && number <= static_cast<int>(last);
  reader.Require(known, field);
  return known ? static_cast<ModelEnum>(number) : ModelEnum{};
}
static_assert(static_cast<int>(model::TaskState::kCancelled) + 1 == v1::Task::STATE_CANCELLED);
static_assert(static_cast<int>(model::TaskState::kCheckpointing) + 1 ==
              v1::Task::STATE_CHECKPOINTING);
static_assert(static_cast<int>(model::AttemptPhase::kUnsaved) + 1 == v1::Task::PHASE_UNSAVED);
static_assert(static_cast<int>(model::AttemptPhase::kLeft) + 1 == v1::Task::PHASE_LEFT);
static_assert(static_cast<int>(model::MoveStep::kStarted) + 1 == v1::Move::STEP_STARTED);
static_assert(static_cast<int>(model::MoveStep::kCarried) + 1 == v1::Move::STEP_CARRIED);

std::string Name(model::Reason reason) { return std::string(model::ReasonName(reason)); }

void PutAttempt(const model::AttemptRecord& attempt, v1::Attempt& record) {
  record.set_number(attempt.number.value());
  record.set_node(attempt.node.value());
  record.set_data_center(attempt.data_center.value());
  record.set_agent_address(attempt.agent_address);
  if (attempt.assign_time != absl::InfinitePast()) {
    *record.mutable_assign_time() = wire::ToProto(attempt.assign_time);
  }
  if (attempt.start_time != absl::InfiniteFuture()) {
    *record.mutable_start_time() = wire::ToProto(attempt.start_time);
  }
  if (attempt.end_time != absl::InfiniteFuture()) {
    *record.mutable_end_time() = wire::ToProto(attempt.end_time);
  }
  record.set_placement_reason(Name(attempt.placement));
  record.set_placement_detail(attempt.placement_detail);
  record.set_end_reason(Name(attempt.end));
  record.set_end_detail(attempt.end_detail);
  if (attempt.exit_code) record.set_exit_code(*attempt.exit_code);
  if (attempt.exit_signal) record.set_exit_signal(*attempt.exit_signal);
  record.set_cpu_seconds(attempt.cpu_seconds);
}

model::AttemptRecord GetAttempt(const v1::Attempt& record, FieldReader& reader) {
  model::AttemptRecord attempt;
  attempt.number = AttemptNumber(record.number());
  attempt.node = NodeId(record.node());
  attempt.data_center = DataCenterId(record.data_center());
  attempt.agent_address = record.agent_address();
  if (record.has_assign_time()) {
    attempt.assign_time = reader.Time(record.assign_time(), "attempts.assign_time");
  }
  if (record.has_start_time()) {
    attempt.start_time = reader.Time(record.start_time(), "attempts.start_time");
  }
  if (record.has_end_time()) {
    attempt.end_time = reader.Time(record.end_time(), "attempts.end_time");
  }
  attempt.placement = model::ReasonFromName(record.placement_reason());
  attempt.placement_detail = record.placement_detail();
  attempt.end = model::ReasonFromName(record.end_reason());
  attempt.end_detail = record.end_detail();
  if (record.has_exit_code()) attempt.exit_code = record.exit_code();
  if (record.has_exit_signal()) attempt.exit_signal = record.exit_signal();
  attempt.cpu_seconds = record.cpu_seconds();
  return attempt;
}

void PutCheckpoint(const model::Checkpoint& checkpoint, v1::Checkpoint& record) {
  record.set_attempt(checkpoint.key.attempt.attempt.value());
  record.set_sequence(checkpoint.key.sequence);
  record.set_digest(checkpoint.digest);
  record.set_size_bytes(checkpoint.size.value());
  *record.mutable_progress() = wire::ToProto(checkpoint.progress);
  for (const NodeId& holder : checkpoint.holders) record.add_holders(holder.value());
}

model::Checkpoint GetCheckpoint(const TaskId& id, const v1::Checkpoint& record,
                                FieldReader& reader) {
  model::Checkpoint checkpoint;
  checkpoint.key = {.attempt = {.task = id, .attempt = AttemptNumber(record.attempt())},
                    .sequence = record.sequence()};
  checkpoint.digest = record.digest();
  checkpoint.size = Bytes::FromBytes(record.size_bytes());
  checkpoint.progress = reader.Duration(record.progress(), "checkpoint.progress");
  for (const std::string& holder : record.holders()) checkpoint.holders.emplace_back(holder);
  reader.Require(!checkpoint.holders.empty(), "checkpoint.holders is empty");
  return checkpoint;
}

void PutMove(const model::Move& move, v1::Move& record) {
  record.set_step(ToRecordEnum<v1::Move::Step>(move.step));
  record.set_reason(Name(move.reason));
  record.set_detail(move.detail);
  record.set_from(move.from.value());
  if (move.to) record.set_to(move.to->value());
}

model::Move GetMove(const v1::Move& record, FieldReader& reader) {
  model::Move move;
  move.step =
      FromRecordEnum(record.step(), model::MoveStep::kStarted, "move.step is unknown", reader);
  move.reason = model::ReasonFromName(record.reason());
  move.detail = record.detail();
  move.from = NodeId(record.from());
  if (!record.to().empty()) move.to = NodeId(record.to());
  return move;
}

void PutRun(const model::TaskRun& run, v1::Task& record) {
  record.set_detail(run.detail);
  for (const model::AttemptRecord& attempt : run.attempts) {
    PutAttempt(attempt, *record.add_attempts());
  }
  if (run.checkpoint) PutCheckpoint(*run.checkpoint, *record.mutable_checkpoint());
  if (run.previous_checkpoint) {
    PutCheckpoint(*run.previous_checkpoint, *record.mutable_previous_checkpoint());
  }
  if (run.move) PutMove(*run.move, *record.mutable_move());
  *record.mutable_base_progress() = wire::ToProto(run.base_progress);
  if (run.last_moved != absl::InfinitePast()) {
    *record.mutable_last_moved_time() = wire::ToProto(run.last_moved);
  }
}

std::unique_ptr<model::TaskRun> GetRun(const TaskId& id, const v1::Task& record,
                                       FieldReader& reader) {
  auto run = std::make_unique<model::TaskRun>();
  run->detail = record.detail();
  run->attempts.reserve(static_cast<size_t>(record.attempts_size()));
  for (const v1::Attempt& attempt : record.attempts()) {
    run->attempts.push_back(GetAttempt(attempt, reader));
  }
  if (record.has_checkpoint()) run->checkpoint = GetCheckpoint(id, record.checkpoint(), reader);
  if (record.has_previous_checkpoint()) {
    run->previous_checkpoint = GetCheckpoint(id, record.previous_checkpoint(), reader);
  }
  if (record.has_move()) run->move = GetMove(record.move(), reader);
  run->base_progress = reader.Duration(record.base_progress(), "base_progress");
  if (record.has_last_moved_time()) {
    run->last_moved = reader.Time(record.last_moved_time(), "last_moved_time");
  }
  return run;
}

}  // namespace

void ToRecord(const model::Task& task, v1::Task& record) {
  record.set_version(kRecordVersion);
  record.set_state(ToRecordEnum<v1::Task::State>(task.state));
  record.set_reason(Name(task.reason));
  record.set_phase(ToRecordEnum<v1::Task::Phase>(task.phase));
  record.set_attempt(task.attempt.value());
  record.set_failures(task.failures);
  if (task.ready_time != absl::InfinitePast()) {
    *record.mutable_ready_time() = wire::ToProto(task.ready_time);
  }
  if (task.run != nullptr) PutRun(*task.run, record);
}

model::Task FromRecord(const TaskId& id, const v1::Task& record, FieldReader& reader) {
  reader.Version(record.version());
  model::Task task;
  task.state =
      FromRecordEnum(record.state(), model::TaskState::kCancelled, "state is unknown", reader);
  task.reason = model::ReasonFromName(record.reason());
  task.phase =
      FromRecordEnum(record.phase(), model::AttemptPhase::kUnsaved, "phase is unknown", reader);
  task.attempt = AttemptNumber(record.attempt());
  task.failures = record.failures();
  if (record.has_ready_time()) task.ready_time = reader.Time(record.ready_time(), "ready_time");
  task.run = GetRun(id, record, reader);
  // Promise 3 rests on it: the number that fences is the live attempt's.
  reader.Require(
      !model::HoldsNode(task.state) ||
          (!task.run->attempts.empty() && task.run->attempts.back().number == task.attempt),
      "the task holds a node, but its newest attempt is not the live one");
  return task;
}

}  // namespace heliotrope::store
