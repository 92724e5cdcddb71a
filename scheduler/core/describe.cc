#include "scheduler/core/describe.h"

#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heliotrope::core {

namespace {

std::string Key(const model::AttemptKey& key) {
  return absl::StrCat(ToString(key.task), "#", key.attempt.value());
}

std::string Key(const model::CheckpointKey& key) {
  return absl::StrCat(Key(key.attempt), ".", key.sequence);
}

const char* ActionWord(AttemptAction action) {
  switch (action) {
    case AttemptAction::kStart:
      return "start";
    case AttemptAction::kLeave:
      return "leave";
    case AttemptAction::kStop:
      return "stop";
    case AttemptAction::kForget:
      return "forget";
  }
  return "";
}

const char* KindWord(DecisionKind kind) {
  switch (kind) {
    case DecisionKind::kPlace:
      return "place";
    case DecisionKind::kMove:
      return "move";
    case DecisionKind::kYield:
      return "yield";
    case DecisionKind::kNodeLost:
      return "node-lost";
    case DecisionKind::kEnd:
      return "end";
    case DecisionKind::kAgent:
      return "agent";
    case DecisionKind::kLate:
      return "late";
    case DecisionKind::kInTime:
      return "in-time";
  }
  return "";
}

std::string SourceText(const RestoreSource& source) {
  return absl::StrCat(" restore ", Key(source.key), " from ",
                      source.addresses.empty() ? "itself" : absl::StrJoin(source.addresses, ","));
}

struct EffectText {
  std::string operator()(const OrderAttempt& order) const {
    std::string text =
        absl::StrCat(ActionWord(order.action), " ", order.node.value(), " ", Key(order.key));
    if (order.start && order.start->restore)
      absl::StrAppend(&text, SourceText(*order.start->restore));
    if (order.reason != model::Reason::kNone) {
      absl::StrAppend(&text, " ", model::ReasonName(order.reason));
    }
    return text;
  }
  std::string operator()(const OrderCheckpoint& order) const {
    return absl::StrCat(order.hold ? "hold " : "release ", order.node.value(), " ", Key(order.key),
                        order.source ? SourceText(*order.source) : "");
  }
  std::string operator()(const JobChanged& changed) const {
    return absl::StrCat("changed ", changed.job.value());
  }
  std::string operator()(const Decision& decision) const {
    std::string text = absl::StrCat("decided ", KindWord(decision.kind));
    if (decision.task) absl::StrAppend(&text, " ", ToString(*decision.task));
    if (decision.from) absl::StrAppend(&text, " from ", decision.from->value());
    if (decision.to) absl::StrAppend(&text, " to ", decision.to->value());
    absl::StrAppend(&text, " ", model::ReasonName(decision.reason));
    return text;
  }
  std::string operator()(const PlanWanted&) const { return "plan wanted"; }
};

std::string TaskText(const TaskId& id, const model::Task& task) {
  std::string text = absl::StrCat("  task ", ToString(id), " ", model::TaskStateName(task.state));
  if (task.run == nullptr) return text;
  if (!task.run->attempts.empty()) {
    const model::AttemptRecord& last = task.run->attempts.back();
    absl::StrAppend(&text, " attempt ", task.attempt.value(), " on ", last.node.value());
    if (last.end != model::Reason::kNone) {
      absl::StrAppend(&text, " ended ", model::ReasonName(last.end));
    }
  }
  if (task.failures > 0) absl::StrAppend(&text, " failures ", task.failures);
  if (task.run->checkpoint) {
    absl::StrAppend(&text, " checkpoint ", Key(task.run->checkpoint->key), " of ",
                    absl::FormatDuration(task.run->checkpoint->progress), " at");
    for (const NodeId& node : task.run->checkpoint->holders) {
      absl::StrAppend(&text, " ", node.value());
    }
  }
  if (task.run->move) {
    absl::StrAppend(&text, " moving ", model::ReasonName(task.run->move->reason));
    if (task.run->move->to) absl::StrAppend(&text, " to ", task.run->move->to->value());
  }
  return text;
}

}  // namespace

std::string Describe(const Effect& effect) { return std::visit(EffectText{}, effect); }

std::string Describe(const Machine& machine) {
  std::string text;
  for (const auto& [id, node] : machine.nodes()) {
    absl::StrAppend(&text, "node ", id.value(), " in ", node.data_center.value(), " ",
                    node.lost        ? "lost"
                    : node.connected ? "ready"
                                     : "silent",
                    node.drained ? " drained" : "", " batch ", ToString(node.batch.cores), " of ",
                    ToString(node.capacity.cores), "\n");
  }
  for (const auto& [uid, job] : machine.jobs()) {
    const TaskCounts& c = job->counts;
    absl::StrAppend(&text, "job ", uid.value(), " ", job->id.value(), " pending ", c.pending,
                    " assigned ", c.assigned, " running ", c.running, " checkpointing ",
                    c.checkpointing, " succeeded ", c.succeeded, " failed ", c.failed,
                    " cancelled ", c.cancelled, job->Ended() ? " ended" : "", "\n");
    for (uint32_t index = 0; index < job->tasks.size(); ++index) {
      if (job->tasks[index].run == nullptr) continue;
      absl::StrAppend(&text, TaskText(TaskId{uid, index}, job->tasks[index]), "\n");
    }
  }
  return text;
}

}  // namespace heliotrope::core
