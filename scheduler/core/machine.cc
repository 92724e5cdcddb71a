#include "scheduler/core/machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"

namespace heliotrope::core {

using model::Reason;
using model::TaskState;

Machine::Machine(const MachineOptions& options, FleetConfig fleet) : options_(options) {
  std::vector<Effect> none;
  effects_ = &none;
  On(SetFleet{std::move(fleet)});
  effects_ = nullptr;
  plan_wanted_ = false;  // The first Tick wants one.
  changes_ = Changes{};
}

Outcome Machine::Apply(const Command& command, absl::Time now) {
  now_ = std::max(now_, now);
  ++applied_;
  Outcome outcome;
  effects_ = &outcome.effects;
  stale_.clear();
  if (std::holds_alternative<RefreshLeases>(command)) On(RefreshLeases{});
  FireTimers();
  outcome.reply = std::visit([this](const auto& c) { return On(c); }, command);
  effects_ = nullptr;
  return outcome;
}

Changes Machine::TakeChanges() { return std::exchange(changes_, Changes{}); }

absl::Status Machine::Recover(Image image, absl::Time now) {
  now_ = std::max({now_, now, image.last_now});
  std::vector<Effect> none;
  effects_ = &none;
  next_uid_ = image.next_uid;
  for (Node& node : image.nodes) {
    const NodeId id = node.id;
    Node& kept = nodes_[id] = std::move(node);
    kept.connected = false;
    SetLease(kept);
  }
  requests_ = std::move(image.requests);
  for (const auto& [id, request] : requests_) request_expiry_.emplace(request.expire_time, id);
  for (Job& job : image.jobs) {
    if (job.uid >= next_uid_) {
      return absl::DataLossError(absl::StrCat("job record ", job.uid.value(), " (", job.id.value(),
                                              ") is above the next number to give out, ",
                                              next_uid_.value()));
    }
    if (!uid_by_id_.emplace(job.id.value(), job.uid).second) {
      return absl::DataLossError(absl::StrCat("two job records have the id ", job.id.value()));
    }
    const JobUid uid = job.uid;
    jobs_[uid] = std::make_unique<Job>(std::move(job));
  }
  for (auto& [uid, job] : jobs_) {
    if (absl::Status status = RecoverTasks(*job); !status.ok()) return status;
    LearnDemand(*job);
  }
  RecoverCurves(image);
  RebuildBoard();
  // What the configuration of today changes in the state of yesterday is a change like any other.
  changes_ = Changes{};
  EnforceResidency();
  for (const auto& [uid, job] : jobs_) {
    if (job->Ended()) continue;
    for (uint32_t index = 0; index < job->tasks.size(); ++index) {
      const model::Task& task = job->tasks[index];
      const bool waits = task.state == TaskState::kPending && task.class_id == 0;
      if (waits) Enqueue(*job, TaskId{uid, index});
    }
  }
  RefreshCapacity();
  dispatch_needed_ = true;
  effects_ = nullptr;
  plan_wanted_ = false;
  next_bin_ = absl::InfinitePast();
  return absl::OkStatus();
}

absl::Status Machine::RecoverTasks(Job& job) {
  job.counts = TaskCounts{};
  for (uint32_t index = 0; index < job.tasks.size(); ++index) {
    const TaskId id{job.uid, index};
    model::Task& task = job.tasks[index];
    Count(job, task.state, +1);
    if (task.attempt.value() > 0) job.started = true;
    if (HoldsNode(task.state)) {
      if (task.run == nullptr || task.run->attempts.empty()) {
        return absl::DataLossError(absl::StrCat("task ", ToString(id), " is ",
                                                TaskStateName(task.state),
                                                " but its record has no attempt"));
      }
      auto node = nodes_.find(task.run->attempts.back().node);
      if (node == nodes_.end()) {
        return absl::DataLossError(absl::StrCat("task ", ToString(id), " is on node ",
                                                task.run->attempts.back().node.value(),
                                                ", of which there is no record"));
      }
      Occupy(node->second, id, job.spec->request);
    }
    if (task.run == nullptr) continue;
    if (task.run->move && task.run->move->to) {
      auto node = nodes_.find(*task.run->move->to);
      if (node != nodes_.end()) {
        Reserve(node->second, id, job.spec->request);
      } else {
        task.run->move->to.reset();
      }
    }
    // So that a copy that its node holds no more is missed when it says hello.
    for (const auto* kept : {&task.run->checkpoint, &task.run->previous_checkpoint}) {
      if (!*kept) continue;
      for (const NodeId& holder : (*kept)->holders) {
        if (auto node = nodes_.find(holder); node != nodes_.end()) {
          node->second.checkpoints.insert((*kept)->key);
        }
      }
    }
    NoteUncopied(job, id);
  }
  if (!job.Ended()) ++totals_active_;
  if (job.Ended()) job_expiry_.emplace(job.end_time + fleet_.ended_job_retention, job.uid);
  return absl::OkStatus();
}

void Machine::RecoverCurves(Image& image) {
  for (const auto& [account, state] : image.arrivals) {
    // A state of another layout is learned anew.
    auto restored = curve::Arrivals::Restore(state);
    if (restored.ok()) arrivals_.emplace(account, *std::move(restored));
  }
  for (const auto& [key, state] : image.durations) {
    // The same: then it is as if nothing had been learned of it.
    durations_.Restore(key, state).IgnoreError();
  }
  for (const model::DataCenter& data_center : fleet_.data_centers) {
    auto state = image.curves.find(data_center.id);
    if (state != image.curves.end()) {
      auto restored = curve::Forecaster::Restore(
          data_center.time_zone, {.special_days = SpecialDaysOf(data_center.id)}, state->second);
      // A state of another zone or layout: the bins that follow it teach the curve anew.
      if (restored.ok()) {
        curves_.insert_or_assign(data_center.id, *std::move(restored));
        // Of a release that kept none: judged anew.
        auto coverage = Coverage::Restore(image.coverage[data_center.id]);
        if (coverage.ok()) coverage_[data_center.id] = *std::move(coverage);
      }
    }
    auto bins = image.bins.find(data_center.id);
    if (bins == image.bins.end()) continue;
    for (const curve::Bin& bin : bins->second) {
      Learn(bin, curves_.at(data_center.id), coverage_.at(data_center.id));
    }
    bins_since_state_[data_center.id] = static_cast<int>(bins->second.size());
  }
}

absl::Time Machine::NextTimer() const {
  absl::Time next = std::min(next_bin_, next_lease_);
  if (!backoffs_.empty()) next = std::min(next, backoffs_.begin()->first);
  if (!request_expiry_.empty()) next = std::min(next, request_expiry_.begin()->first);
  if (!job_expiry_.empty()) next = std::min(next, job_expiry_.begin()->first);
  if (dispatch_needed_) next = now_;
  return next;
}

void Machine::FireTimers() {
  ExpireLeases();
  ReadyBackoffs();
  CloseBins();
  ExpireRequests();
  ExpireJobs();
}

void Machine::ExpireRequests() {
  while (!request_expiry_.empty() && request_expiry_.begin()->first <= now_) {
    const RequestId id = request_expiry_.begin()->second;
    request_expiry_.erase(request_expiry_.begin());
    requests_.erase(id);
    changes_.requests.erase(id);
    changes_.removed_requests.insert(id);
  }
}

void Machine::ExpireJobs() {
  while (!job_expiry_.empty() && job_expiry_.begin()->first <= now_) {
    const JobUid uid = job_expiry_.begin()->second;
    job_expiry_.erase(job_expiry_.begin());
    Job& job = JobAt(uid);
    uid_by_id_.erase(job.id.value());
    changes_.jobs.erase(uid);
    changes_.tasks.erase(changes_.tasks.lower_bound(TaskId{uid, 0}),
                         changes_.tasks.lower_bound(TaskId{uid.next(), 0}));
    changes_.removed_jobs.insert(uid);
    jobs_.erase(uid);
  }
}

const Job* Machine::FindJob(JobUid uid) const {
  auto it = jobs_.find(uid);
  return it == jobs_.end() ? nullptr : it->second.get();
}

const Job* Machine::FindJob(const JobId& id) const {
  auto it = uid_by_id_.find(id.value());
  return it == uid_by_id_.end() ? nullptr : FindJob(it->second);
}

Job& Machine::JobAt(JobUid uid) {
  auto it = jobs_.find(uid);
  HT_CHECK(it != jobs_.end());
  return *it->second;
}

model::Task& Machine::TaskAt(const TaskId& id) {
  Job& job = JobAt(id.job);
  HT_CHECK_LT(id.index, job.tasks.size());
  return job.tasks[id.index];
}

model::TaskRun& Machine::RunOf(model::Task& task) {
  if (task.run == nullptr) task.run = std::make_unique<model::TaskRun>();
  return *task.run;
}

void Machine::Touch(const TaskId& id) {
  RunOf(TaskAt(id));
  changes_.tasks.insert(id);
  ++JobAt(id.job).version;
  if (effects_->empty() || !std::holds_alternative<JobChanged>(effects_->back()) ||
      std::get<JobChanged>(effects_->back()).job != id.job) {
    effects_->push_back(JobChanged{id.job});
  }
}

void Machine::SetState(Job& job, const TaskId& id, TaskState state, Reason reason,
                       std::string detail) {
  model::Task& task = TaskAt(id);
  HT_CHECK(!IsTerminal(task.state));  // Promise 5.
  Count(job, task.state, -1);
  task.state = state;
  task.reason = reason;
  RunOf(task).detail = std::move(detail);
  Count(job, state, +1);
  Touch(id);
}

void Machine::EndTask(Job& job, const TaskId& id, TaskState state, Reason reason,
                      const std::string& detail) {
  SetState(job, id, state, reason, detail);
  model::Task& task = TaskAt(id);
  DropReservation(id);
  task.run->move.reset();
  late_tasks_.erase(id);
  ReleaseAll(id);
  Decision decision;
  decision.reason = reason;
  decision.detail = detail;
  decision.attempt = task.attempt;
  Decide(DecisionKind::kEnd, job, id, std::move(decision));
  FinishJobIfDone(job);
}

void Machine::FinishJobIfDone(Job& job) {
  if (job.Ended() || job.counts.Ended() != job.tasks.size()) return;
  job.end_time = now_;
  --totals_active_;
  ++job.version;
  changes_.jobs.insert(job.uid);
  job_expiry_.emplace(job.end_time + fleet_.ended_job_retention, job.uid);
  effects_->push_back(JobChanged{job.uid});
}

void Machine::Decide(DecisionKind kind, const Job& job, const TaskId& id, Decision decision) {
  decision.time = now_;
  decision.kind = kind;
  decision.job = job.id;
  decision.task = id;
  effects_->push_back(std::move(decision));
}

}  // namespace heliotrope::core
