// Attempts: what agents report of them, and what follows.
//
//   reported \ task    ASSIGNED          RUNNING           CHECKPOINTING
//   fetching, verified note              note              note
//   running, frozen    -> RUNNING        note              note (the order is repeated)
//   checkpointing      -> CHECKPOINTING: the agent lets    note
//                      it go (host pressure)
//   left               -> PENDING        -> PENDING        -> PENDING, or -> ASSIGNED at the
//                                                          move's target
//   succeeded          -> SUCCEEDED      -> SUCCEEDED      -> SUCCEEDED
//   failed             retry or FAILED   retry or FAILED   retry or FAILED
//   stopped, unsaved   -> PENDING        -> PENDING        -> PENDING, from the checkpoint before
//   refused, no fetch  -> PENDING, after a backoff         (the same)
//
// With a cancel requested, what would go to PENDING goes to CANCELLED. In every other state, for
// another attempt number or from another node the report is stale: the agent is told to stop and
// forget (Promise 3, Promise 5).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/mark.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

using model::AttemptPhase;
using model::Reason;
using model::TaskState;

namespace {

// What a task waits after an agent could not start it: long enough not to spin.
constexpr absl::Duration kRefusedBackoff = absl::Minutes(2);
constexpr int kMaxUnsaved = 3;

std::string Described(const AttemptStatus& status) {
  std::string text = status.detail;
  if (status.exit_code) text = absl::StrCat("exit code ", *status.exit_code, " ", text);
  if (status.exit_signal) text = absl::StrCat("signal ", *status.exit_signal, " ", text);
  if (text.empty()) text = status.reason;
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

void Machine::OnAttempt(Node& node, const AttemptStatus& status) {
  const TaskId id = status.key.task;
  auto found = jobs_.find(id.job);
  if (found != jobs_.end() && id.index < found->second->tasks.size()) {
    Job& job = *found->second;
    model::Task& task = job.tasks[id.index];
    const bool newest = task.attempt == status.key.attempt && task.attempt.value() > 0 &&
                        task.run->attempts.back().node == node.id;
    if (newest && HoldsNode(task.state)) {
      OnLiveAttempt(job, id, node, status);
      return;
    }
    // It saved its work when its lease ran out, and nothing has been started since.
    if (newest && task.state == TaskState::kPending && status.checkpoint) {
      HT_MARK(checkpoint_of_an_expired_lease_taken);
      Dequeue(job, id);
      OnSealed(job, id, node, *status.checkpoint);
      Enqueue(job, id);
    }
  }
  if (IsTerminal(status.phase)) {
    OrderStop(node, status.key, AttemptAction::kForget, Reason::kNone);
  } else {
    HT_MARK(stale_attempt_stopped);
    stale_.push_back(status.key);
    OrderStop(node, status.key, AttemptAction::kStop, Reason::kStale);
  }
}

void Machine::OnLiveAttempt(Job& job, const TaskId& id, Node& node, const AttemptStatus& status) {
  model::Task& task = job.tasks[id.index];
  if (status.cpu_seconds > 0) task.run->attempts.back().cpu_seconds = status.cpu_seconds;
  if (status.checkpoint) OnSealed(job, id, node, *status.checkpoint);
  if (IsTerminal(status.phase)) {
    task.phase = status.phase;
    OnEnded(job, id, node, status);
    OrderStop(node, status.key, AttemptAction::kForget, Reason::kNone);
    return;
  }
  if (task.phase != status.phase) {
    task.phase = status.phase;
    Touch(id);
  }
  switch (status.phase) {
    case AttemptPhase::kFetching:
      break;
    case AttemptPhase::kVerified:
      if (task.run->move && task.run->move->step < model::MoveStep::kVerified) {
        task.run->move->step = model::MoveStep::kVerified;
        Touch(id);
      }
      break;
    case AttemptPhase::kRunning:
    case AttemptPhase::kFrozen:
      OnRunning(job, id, node, status);
      break;
    case AttemptPhase::kCheckpointing:
      OnRunning(job, id, node, status);
      if (task.state == TaskState::kRunning) OnAgentLeaves(job, id, status);
      break;
    case AttemptPhase::kLeft:
    case AttemptPhase::kSucceeded:
    case AttemptPhase::kFailed:
    case AttemptPhase::kStopped:
    case AttemptPhase::kRefused:
    case AttemptPhase::kFetchFailed:
    case AttemptPhase::kUnsaved:
      HT_CHECK(false);
  }
  // Orders may have been lost with a stream.
  if (job.cancel_requested) {
    HT_MARK(cancel_repeated_to_its_node);
    OrderStop(node, status.key, AttemptAction::kStop, Reason::kCancelled);
  } else if (!MayBeOn(*job.spec, node)) {
    HT_MARK(narrowed_residency_stops_an_attempt);
    OrderStop(node, status.key, AttemptAction::kStop, Reason::kResidency);
  } else if (task.state == TaskState::kCheckpointing &&
             status.phase != AttemptPhase::kCheckpointing) {
    HT_MARK(leave_repeated_to_its_node);
    OrderStop(node, status.key, AttemptAction::kLeave,
              task.run->move ? task.run->move->reason : Reason::kNone);
  }
}

void Machine::OnRunning(Job& job, const TaskId& id, Node& node, const AttemptStatus& status) {
  model::Task& task = job.tasks[id.index];
  if (task.state != TaskState::kAssigned) return;
  model::AttemptRecord& record = task.run->attempts.back();
  record.start_time = std::clamp(status.start_time.value_or(now_), record.assign_time, now_);
  task.run->move.reset();  // Started: the move's last step.
  SetState(job, id, TaskState::kRunning, record.placement, record.placement_detail);
  TrimHolders(job, id, node.id);
}

// The agent's own decision: the host's load stayed high (Promise 7).
void Machine::OnAgentLeaves(Job& job, const TaskId& id, const AttemptStatus& status) {
  model::Task& task = job.tasks[id.index];
  const model::AttemptRecord& record = task.run->attempts.back();
  model::Move move;
  HT_MARK(agent_lets_a_task_go);
  move.reason = Reason::kHostPressure;
  move.detail = Described(status);
  move.from = record.node;
  Decision decision;
  decision.from = record.data_center;
  decision.node = record.node;
  decision.attempt = task.attempt;
  decision.reason = Reason::kHostPressure;
  decision.detail = move.detail;
  task.run->move = std::move(move);
  SetState(job, id, TaskState::kCheckpointing, Reason::kHostPressure, Described(status));
  Decide(DecisionKind::kAgent, job, id, std::move(decision));
}

void Machine::OnEnded(Job& job, const TaskId& id, Node& node, const AttemptStatus& status) {
  switch (status.phase) {
    case AttemptPhase::kSucceeded:
      if (job.cancel_requested) HT_MARK(cancel_meets_a_completion);
      EndAttempt(id, Reason::kSucceeded, "exit code 0", &status);
      LearnDuration(job, job.tasks[id.index]);
      Vacate(node, id, job.spec->request);
      EndTask(job, id, TaskState::kSucceeded, Reason::kSucceeded, "exit code 0");
      dispatch_needed_ = true;
      return;
    case AttemptPhase::kFailed:
      OnFailed(job, id, status, status.exit_signal ? Reason::kSignal : Reason::kExitCode);
      return;
    case AttemptPhase::kLeft:
      OnLeft(job, id, status);
      return;
    case AttemptPhase::kUnsaved:
      OnUnsaved(job, id, status);
      return;
    case AttemptPhase::kStopped: {
      const Reason why = job.cancel_requested        ? Reason::kCancelled
                         : !MayBeOn(*job.spec, node) ? Reason::kResidency
                                                     : Reason::kInterrupted;
      EndAttempt(id, why, Described(status), &status);
      BackToPending(job, id, Reason::kWaitingForCapacity, Described(status), absl::ZeroDuration());
      return;
    }
    case AttemptPhase::kRefused:
      EndAttempt(id, Reason::kRefusedByAgent, Described(status), &status);
      BackToPending(job, id, Reason::kRefusedByAgent, Described(status), kRefusedBackoff);
      return;
    case AttemptPhase::kFetchFailed:
      EndAttempt(id, Reason::kFetchFailed, Described(status), &status);
      BackToPending(job, id, Reason::kFetchFailed, Described(status), kRefusedBackoff);
      return;
    case AttemptPhase::kFetching:
    case AttemptPhase::kVerified:
    case AttemptPhase::kRunning:
    case AttemptPhase::kFrozen:
    case AttemptPhase::kCheckpointing:
      HT_CHECK(false);
  }
}

// Its host may have been too busy to let it save: that alone fails no task. One that never saves
// would lose all its work again and again, so the last of several since its newest checkpoint
// counts as a failure.
void Machine::OnUnsaved(Job& job, const TaskId& id, const AttemptStatus& status) {
  const model::TaskRun& run = *job.tasks[id.index].run;
  const AttemptNumber saved =
      run.checkpoint ? run.checkpoint->key.attempt.attempt : AttemptNumber(0);
  const auto unsaved =
      std::count_if(run.attempts.begin(), run.attempts.end(), [&](const auto& attempt) {
        return attempt.number > saved && attempt.end == Reason::kGraceExceeded;
      });
  if (unsaved + 1 >= kMaxUnsaved && status.key.attempt > saved && !job.cancel_requested) {
    HT_MARK(never_saved_counts_as_a_failure);
    OnFailed(job, id, status, Reason::kGraceExceeded);
    return;
  }
  EndAttempt(id, Reason::kGraceExceeded, Described(status), &status);
  BackToPending(job, id, Reason::kWaitingForCapacity, Described(status), absl::ZeroDuration());
}

void Machine::OnFailed(Job& job, const TaskId& id, const AttemptStatus& status, Reason reason) {
  model::Task& task = job.tasks[id.index];
  const std::string detail = Described(status);
  EndAttempt(id, reason, detail, &status);
  ++task.failures;
  const model::RetryPolicy& retry = job.spec->retry;
  if (job.cancel_requested || task.failures <= static_cast<uint32_t>(retry.max_retries)) {
    absl::Duration backoff = retry.initial_backoff;
    for (uint32_t i = 1; i < task.failures && backoff < retry.max_backoff; ++i) backoff *= 2;
    BackToPending(job, id, Reason::kWaitingForBackoff,
                  absl::StrCat("attempt ", task.attempt.value(), " failed (", detail, "); retry ",
                               task.failures, " of ", retry.max_retries),
                  std::min(backoff, retry.max_backoff));
    return;
  }
  HT_MARK(retries_exhausted);
  Vacate(nodes_.at(task.run->attempts.back().node), id, job.spec->request);
  EndTask(job, id, TaskState::kFailed, task.failures > 1 ? Reason::kRetriesExhausted : reason,
          detail);
  dispatch_needed_ = true;
}

// Left with a sealed checkpoint: goes on at the move's target at once, or waits for a place.
void Machine::OnLeft(Job& job, const TaskId& id, const AttemptStatus& status) {
  model::Task& task = job.tasks[id.index];
  EndAttempt(id, Reason::kLeft, Described(status), &status);
  if (!task.run->move || !task.run->move->to || job.cancel_requested) {
    BackToPending(job, id, Reason::kWaitingForCapacity, "holds a checkpoint; waits for a place",
                  absl::ZeroDuration());
    return;
  }
  const NodeId target = *task.run->move->to;
  const Reason why = task.run->move->reason;
  const std::string detail = task.run->move->detail;
  Node& node = nodes_.at(target);
  const auto site = SiteOf(node.data_center);
  const bool usable = node.connected && !node.drained && site &&
                      (AllowedSites(job.spec->residency) >> *site & 1) != 0;
  task.run->move->step = model::MoveStep::kSealed;
  BackToPending(job, id, Reason::kMoveTarget, "sealed; on its way", absl::ZeroDuration());
  // Its quota may have been lowered since it was told to go.
  if (!usable || !WithinQuota(job.spec->account, job.spec->request)) {
    HT_MARK(target_of_a_move_not_usable);
    return;
  }
  HT_MARK(move_goes_on_at_its_target);
  Dequeue(job, id);
  StartAttempt(job, id, node,
               {Reason::kMoveTarget, absl::StrCat(model::ReasonName(why), ": ", detail)});
}

void Machine::EndAttempt(const TaskId& id, Reason reason, std::string detail,
                         const AttemptStatus* status) {
  model::AttemptRecord& record = TaskAt(id).run->attempts.back();
  if (record.end != Reason::kNone) return;
  record.end = reason;
  record.end_detail = std::move(detail);
  record.end_time = now_;
  if (status != nullptr) {
    if (status->end_time) {
      record.end_time = std::clamp(*status->end_time, record.assign_time, now_);
    }
    // A short attempt may be reported first when it has ended.
    if (record.start_time == absl::InfiniteFuture() && status->start_time) {
      record.start_time = std::clamp(*status->start_time, record.assign_time, record.end_time);
    }
    record.exit_code = status->exit_code;
    record.exit_signal = status->exit_signal;
    record.cpu_seconds = std::max(record.cpu_seconds, status->cpu_seconds);
  }
  Touch(id);
}

void Machine::BackToPending(Job& job, const TaskId& id, Reason reason, std::string detail,
                            absl::Duration backoff) {
  model::Task& task = job.tasks[id.index];
  EndAttempt(id, reason, detail, nullptr);
  Vacate(nodes_.at(task.run->attempts.back().node), id, job.spec->request);
  DropReservation(id);
  dispatch_needed_ = true;
  if (job.cancel_requested) {
    EndTask(job, id, TaskState::kCancelled, Reason::kCancelled, std::move(detail));
    return;
  }
  SetState(job, id, TaskState::kPending, reason, std::move(detail));
  task.ready_time = now_ + backoff;
  Enqueue(job, id);
}

void Machine::StartAttempt(Job& job, const TaskId& id, Node& node, Placement placement) {
  model::Task& task = job.tasks[id.index];
  HT_CHECK(task.state == TaskState::kPending);
  HT_CHECK(!job.cancel_requested);  // Promise 12.
  const auto site = SiteOf(node.data_center);
  HT_CHECK(site && (AllowedSites(job.spec->residency) >> *site & 1) != 0);  // Promise 6.
  HT_CHECK(WithinQuota(job.spec->account, job.spec->request));              // Promise 12.
  model::TaskRun& run = RunOf(task);
  task.attempt = task.attempt.next();
  model::AttemptRecord record;
  record.number = task.attempt;
  record.node = node.id;
  record.data_center = node.data_center;
  record.agent_address = node.address;
  record.assign_time = now_;
  record.placement = placement.reason;
  record.placement_detail = placement.detail;
  Decision decision;
  decision.to = node.data_center;
  decision.node = node.id;
  decision.attempt = task.attempt;
  decision.reason = placement.reason;
  decision.detail = placement.detail;
  if (!run.attempts.empty() && run.attempts.back().data_center != node.data_center) {
    decision.from = run.attempts.back().data_center;
    run.last_moved = now_;
  }
  if (run.attempts.size() >= kMaxHistoryPerTask) run.attempts.erase(run.attempts.begin());
  run.attempts.push_back(std::move(record));
  run.base_progress = run.checkpoint ? run.checkpoint->progress : absl::ZeroDuration();
  task.phase = AttemptPhase::kFetching;
  if (!job.started) {
    job.started = true;
    effects_->push_back(JobChanged{job.uid});
  }
  SetState(job, id, TaskState::kAssigned, placement.reason, std::move(placement.detail));
  Occupy(node, id, job.spec->request);
  effects_->push_back(MakeStart(job, id));
  Decide(DecisionKind::kPlace, job, id, std::move(decision));
}

OrderAttempt Machine::MakeStart(const Job& job, const TaskId& id) const {
  const model::Task& task = job.tasks[id.index];
  const NodeId& node = task.run->attempts.back().node;
  OrderAttempt order;
  order.node = node;
  order.session = nodes_.at(node).session;
  order.key = {id, task.attempt};
  order.action = AttemptAction::kStart;
  StartOrder start;
  start.job = job.id;
  start.spec = job.spec;
  start.jurisdictions = fleet_.jurisdictions.Expand(job.spec->residency);
  if (task.run->checkpoint) start.restore = SourceOf(*task.run->checkpoint, node);
  order.start = std::move(start);
  return order;
}

void Machine::OrderStop(const Node& node, const model::AttemptKey& key, AttemptAction action,
                        Reason reason) {
  OrderAttempt order;
  order.node = node.id;
  order.session = node.session;
  order.key = key;
  order.action = action;
  order.reason = reason;
  effects_->push_back(std::move(order));
}

void Machine::Occupy(Node& node, const TaskId& id, const model::Resources& request) {
  if (!node.tasks.insert(id).second) return;
  AddBatch(node, request, +1);
  if (!JobAt(id.job).spec->checkpoint) AddPinned(node, request.cores);
}

void Machine::Vacate(Node& node, const TaskId& id, const model::Resources& request) {
  if (node.tasks.erase(id) == 0) return;
  const model::JobSpec& spec = *JobAt(id.job).spec;
  if (!spec.checkpoint) AddPinned(node, request.cores * -1);
  if (put_off_by_quota_.erase(spec.account) > 0) WantPlan();
  AddBatch(node, request, -1);
}

void Machine::Reserve(Node& node, const TaskId& id, const model::Resources& request) {
  if (node.reserved.insert(id).second) AddBatch(node, request, +1);
}

void Machine::DropReservation(const TaskId& id) {
  const Job& job = JobAt(id.job);
  model::Task& task = TaskAt(id);
  if (task.run == nullptr || !task.run->move || !task.run->move->to) return;
  Node& node = nodes_.at(*task.run->move->to);
  if (node.reserved.erase(id) != 0) AddBatch(node, job.spec->request, -1);
  task.run->move->to.reset();
}

void Machine::AddPinned(Node& node, MilliCores cores) {
  node.pinned += cores;
  HT_CHECK_GE(node.pinned.value(), 0);
  const auto site = SiteOf(node.data_center);
  if (site && *site < board_.sites.size() && Counts(node)) board_.sites[*site].pinned_now += cores;
}

void Machine::AddBatch(Node& node, const model::Resources& request, int sign) {
  node.batch.cores += request.cores * sign;
  node.batch.memory += request.memory * sign;
  HT_CHECK_GE(node.batch.cores.value(), 0);
  const auto site = SiteOf(node.data_center);
  if (site && *site < board_.sites.size() && Counts(node)) {
    board_.sites[*site].batch_now += request.cores * sign;
    board_.sites[*site].batch_memory += request.memory * sign;
  }
  IndexNode(node);
  if (sign < 0) dispatch_needed_ = true;
}

}  // namespace heliotrope::core
