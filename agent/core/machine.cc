#include "agent/core/machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "scheduler/base/check.h"
#include "scheduler/base/duration.h"

namespace heliotrope::agent {

Machine::Machine(NodeSpec node) : node_(std::move(node)) {}

Effects Machine::Apply(const Event& event, Now now) {
  HT_CHECK(now.scheduling >= now_.scheduling);
  HT_CHECK(now.real >= now_.real);
  now_ = now;
  FireTimers();
  std::visit([this](const auto& e) { On(e); }, event);
  return std::exchange(effects_, {});
}

void Machine::Arm(const AttemptKey& key, Attempt& attempt, absl::Time due) {
  if (attempt.timer == due) return;
  timers_.erase({attempt.timer, key});
  attempt.timer = due;
  if (due != absl::InfiniteFuture()) timers_.insert({due, key});
}

absl::Duration Machine::RunTime(const Attempt& attempt, absl::Time real) const {
  if (attempt.stage != Stage::kRunning && attempt.stage != Stage::kFrozen &&
      attempt.stage != Stage::kSaving && attempt.stage != Stage::kStopping) {
    return attempt.earlier_run_time;
  }
  const absl::Time until = std::min(real, attempt.frozen_since);
  const absl::Duration current = until - attempt.process_started - attempt.frozen_time;
  return attempt.earlier_run_time + std::max(current, absl::ZeroDuration());
}

AttemptStatus Machine::Reported(const Attempt& attempt, Now now) const {
  AttemptStatus status = attempt.status;
  if (attempt.stage != Stage::kEnded) status.run_time = RunTime(attempt, now.real);
  return status;
}

std::vector<AttemptStatus> Machine::Statuses(Now now) const {
  std::vector<AttemptStatus> statuses;
  statuses.reserve(attempts_.size());
  for (const auto& [key, attempt] : attempts_) statuses.push_back(Reported(attempt, now));
  return statuses;
}

std::vector<CheckpointInfo> Machine::Checkpoints() const {
  std::vector<CheckpointInfo> checkpoints;
  checkpoints.reserve(checkpoints_.size());
  for (const auto& [key, info] : checkpoints_) checkpoints.push_back(info);
  return checkpoints;
}

Machine::Changes Machine::TakeChanges(Now now) {
  Changes changes;
  for (const AttemptKey& key : changed_) {
    const auto it = attempts_.find(key);
    if (it != attempts_.end()) changes.attempts.push_back(Reported(it->second, now));
  }
  for (auto& [key, status] : answers_) {
    if (!attempts_.contains(key)) changes.attempts.push_back(std::move(status));
  }
  for (auto& [key, info] : changed_checkpoints_) changes.checkpoints.push_back(std::move(info));
  changed_.clear();
  answers_.clear();
  changed_checkpoints_.clear();
  return changes;
}

std::vector<int> Machine::CountByPhase() const {
  std::vector<int> counts(kPhaseCount, 0);
  for (const auto& [key, attempt] : attempts_) {
    ++counts[static_cast<size_t>(attempt.status.phase)];
  }
  return counts;
}

std::pair<MilliCores, Bytes> Machine::Promised(const StartOrder* candidate) const {
  MilliCores cores;
  Bytes memory;
  MilliCores task_cores;
  Bytes task_memory;
  std::optional<TaskId> task;
  const auto take = [&](const TaskId& of, const AttemptSpec& spec) {
    if (task != of) {
      cores += task_cores;
      memory += task_memory;
      task_cores = MilliCores::Zero();
      task_memory = Bytes::Zero();
      task = of;
    }
    task_cores = std::max(task_cores, spec.cores);
    task_memory = std::max(task_memory, spec.memory);
  };
  bool taken = candidate == nullptr;
  for (const auto& [key, attempt] : live_) {
    if (!taken && candidate->key < key) {
      take(candidate->key.task, candidate->spec);
      taken = true;
    }
    if (attempt->stage != Stage::kEnding) take(key.task, attempt->spec);
  }
  if (!taken) take(candidate->key.task, candidate->spec);
  return {cores + task_cores, memory + task_memory};
}

std::string Machine::Describe() const {
  std::string text = absl::StrCat("term ", term_.value(), "\n");
  for (const auto& [key, attempt] : attempts_) {
    absl::StrAppend(&text, ToString(key), " ", ToString(attempt.status.phase),
                    " incarnation=", attempt.incarnation, attempt.leave_asked ? " leave" : "",
                    attempt.stop_asked ? " stop" : "", attempt.forget_at_end ? " forget" : "");
    if (!attempt.status.reason.empty()) absl::StrAppend(&text, " ", attempt.status.reason);
    text += '\n';
  }
  for (const auto& [key, info] : checkpoints_) {
    absl::StrAppend(&text, "checkpoint ", ToString(key), " ", info.size.value(), " bytes\n");
  }
  return text;
}

void Machine::EmitNote(Note::Kind kind, const AttemptKey& key, std::string reason,
                       std::string detail) {
  Emit(Note{.kind = kind, .key = key, .reason = std::move(reason), .detail = std::move(detail)});
}

void Machine::SetPhase(const AttemptKey& key, Attempt& attempt, Stage stage, Phase phase) {
  attempt.stage = stage;
  if (attempt.status.phase == phase) return;
  attempt.status.phase = phase;
  changed_.insert(key);
}

}  // namespace heliotrope::agent
