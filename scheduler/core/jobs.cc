// Submission and cancellation.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/mark.h"
#include "scheduler/core/machine.h"
#include "scheduler/model/validate.h"

namespace heliotrope::core {

using model::Reason;
using model::TaskState;

std::shared_ptr<const model::JobSpec> Machine::Complete(
    std::shared_ptr<const model::JobSpec> spec) const {
  const bool lacks_residency = !spec->residency.any && spec->residency.words.empty();
  const bool lacks_duration = spec->expected_duration == absl::ZeroDuration();
  if (!lacks_duration && !(lacks_residency && fleet_.default_residency)) return spec;
  auto completed = std::make_shared<model::JobSpec>(*spec);
  if (lacks_residency && fleet_.default_residency) completed->residency = *fleet_.default_residency;
  // As long as its account's tasks usually take.
  if (lacks_duration) {
    completed->expected_duration =
        durations_.Typical(spec->account).value_or(fleet_.default_expected_duration);
  }
  return completed;
}

// Refuses what can never run: no data center within residency, no node large enough, a deadline
// that passes before the work could be done.
absl::Status Machine::CheckFeasible(const model::JobSpec& spec) const {
  if (spec.home && !SiteOf(*spec.home)) {
    return InvalidField("job.home", absl::StrCat("unknown data center \"", spec.home->value(),
                                                 "\": `heliotrope datacenter list` shows them"));
  }
  const uint64_t allowed = AllowedSites(spec.residency);
  if (allowed == 0) {
    return PreconditionFailed(
        "RESIDENCY_EXCLUDES_ALL",
        absl::StrCat("residency ", absl::StrJoin(spec.residency.words, ", "),
                     " allows none of the data centers of this fleet: name another jurisdiction"),
        {{"residency", absl::StrJoin(spec.residency.words, ",")}});
  }
  const std::vector<model::Resources> sites = LargestTasks(/*connected=*/false);
  model::Resources largest;
  bool fits = false;
  for (size_t i = 0; i < sites.size(); ++i) {
    if ((allowed >> i & 1) == 0) continue;
    fits = fits || spec.request.FitsIn(sites[i]);
    largest.cores = std::max(largest.cores, sites[i].cores);
    largest.memory = std::max(largest.memory, sites[i].memory);
  }
  const bool any_node = largest.cores > MilliCores::Zero();
  if (any_node && !fits) {
    return PreconditionFailed(
        "NO_NODE_LARGE_ENOUGH",
        absl::StrCat("a task asks ", ToString(spec.request.cores), " and ",
                     ToString(spec.request.memory), "; where it may run, one may have at most ",
                     ToString(largest.cores), " (the largest node, within the target utilization ",
                     "of its data center) and ", ToString(largest.memory),
                     ": ask for less, add a larger node or raise target_utilization"),
        {{"milli_cores", absl::StrCat(spec.request.cores.value())},
         {"memory_bytes", absl::StrCat(spec.request.memory.value())}});
  }
  const absl::Time earliest = now_ + spec.expected_duration;
  if (earliest > spec.deadline && !spec.allow_late) {
    const std::string finish = absl::FormatTime(absl::RFC3339_sec, earliest, absl::UTCTimeZone());
    return PreconditionFailed(
        "DEADLINE_IMPOSSIBLE",
        absl::StrCat("deadline ",
                     absl::FormatTime(absl::RFC3339_sec, spec.deadline, absl::UTCTimeZone()),
                     " cannot be met: started now, a task is expected to finish at ", finish,
                     "; move the deadline there or later, or allow a late finish"),
        {{"earliest_finish", finish}});
  }
  return absl::OkStatus();
}

absl::Status Machine::CheckRoom(const model::JobSpec& spec) const {
  if (totals_pending_ + spec.count <= options_.max_pending_tasks) return absl::OkStatus();
  return ResourceExhausted("TOO_MANY_TASKS",
                           absl::StrCat("the job has ", spec.count, " tasks and ", totals_pending_,
                                        " wait already; at most ", options_.max_pending_tasks,
                                        " may wait: submit it when some have started, or in parts"),
                           {{"tasks", absl::StrCat(spec.count)},
                            {"waiting", absl::StrCat(totals_pending_)},
                            {"limit", absl::StrCat(options_.max_pending_tasks)}});
}

Reply Machine::CheckSubmit(const SubmitJob& command) const {
  Reply reply;
  // Promise 2: decided in the same commit as the job itself.
  if (!command.request.empty()) {
    auto known = requests_.find(command.request);
    if (known != requests_.end()) {
      if (known->second.fingerprint != command.fingerprint) {
        reply.status = InvalidField("request_id",
                                    absl::StrCat("\"", command.request.value(),
                                                 "\" was used for another request within the last ",
                                                 absl::FormatDuration(fleet_.request_retention),
                                                 ": use a fresh one for each new job"));
        return reply;
      }
      HT_MARK(request_replayed);
      reply.job = known->second.job;
      reply.replayed = true;
      if (FindJob(reply.job) == nullptr) {
        reply.status = NotFound("job", absl::StrCat("of request ", command.request.value(),
                                                    " (accepted, ended and expired since)"));
      }
      return reply;
    }
  }
  const std::shared_ptr<const model::JobSpec> spec = Complete(command.spec);
  const auto violations =
      model::ValidateJobSpec(*spec, fleet_.jurisdictions, {.lease = options_.lease_real});
  if (!violations.empty()) {
    reply.status = InvalidFields(violations);
    return reply;
  }
  if (uid_by_id_.contains(command.id.value())) {
    reply.status = AlreadyExists("job", command.id.value(), "choose another id");
    return reply;
  }
  reply.status = CheckFeasible(*spec);
  if (reply.status.ok()) reply.status = CheckRoom(*spec);
  if (reply.status.ok()) reply.status = CheckAccount(*spec);
  if (!reply.status.ok()) return reply;
  reply.spec = spec;
  reply.create_time = now_;
  return reply;
}

Reply Machine::On(const SubmitJob& command) {
  Reply reply = CheckSubmit(command);
  if (!reply.status.ok() || reply.replayed || command.validate_only) return reply;
  const std::shared_ptr<const model::JobSpec>& spec = reply.spec;

  const JobUid uid = next_uid_;
  next_uid_ = next_uid_.next();
  changes_.meta = true;
  auto job = std::make_unique<Job>();
  job->uid = uid;
  job->id = command.id;
  job->spec = spec;
  job->create_time = now_;
  job->version = 1;
  job->tasks.resize(spec->count);
  Count(*job, TaskState::kPending, spec->count);
  ++totals_active_;
  uid_by_id_.emplace(command.id.value(), uid);
  changes_.jobs.insert(uid);
  if (!command.request.empty()) {
    const absl::Time expires = now_ + fleet_.request_retention;
    requests_[command.request] = Request{uid, command.fingerprint, expires};
    request_expiry_.emplace(expires, command.request);
    changes_.requests.insert(command.request);
    changes_.removed_requests.erase(command.request);
  }
  const Job& kept = *(jobs_[uid] = std::move(job));
  for (uint32_t index = 0; index < spec->count; ++index) Enqueue(kept, TaskId{uid, index});
  LearnArrival(*spec);
  LearnDemand(kept);
  effects_->push_back(JobChanged{uid});
  reply.job = uid;
  return reply;
}

Reply Machine::On(const CancelJob& command) {
  Reply reply;
  auto found = uid_by_id_.find(command.id.value());
  if (found == uid_by_id_.end()) {
    reply.status = NotFound("job", command.id.value());
    return reply;
  }
  reply.job = found->second;
  Job& job = JobAt(found->second);
  if (job.Ended() || job.cancel_requested) return reply;
  job.cancel_requested = true;  // Promise 12: durable, and every later step asks for it.
  ++job.version;
  changes_.jobs.insert(job.uid);
  effects_->push_back(JobChanged{job.uid});
  for (uint32_t index = 0; index < job.tasks.size(); ++index) {
    const TaskId id{job.uid, index};
    model::Task& task = job.tasks[index];
    if (task.state == TaskState::kPending) {
      Dequeue(job, id);
      EndTask(job, id, TaskState::kCancelled, Reason::kCancelled, "cancelled before it ran on");
    } else if (HoldsNode(task.state)) {
      const Node& node = nodes_.at(task.run->attempts.back().node);
      OrderStop(node, {id, task.attempt}, AttemptAction::kStop, Reason::kCancelled);
    }
  }
  return reply;
}

}  // namespace heliotrope::core
