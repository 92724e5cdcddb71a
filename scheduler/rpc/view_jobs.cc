// Jobs, tasks and explanations.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/names.h"
#include "scheduler/model/reason.h"
#include "scheduler/plan/remedies.h"
#include "scheduler/rpc/convert_job.h"
#include "scheduler/rpc/view.h"
#include "scheduler/wire/time.h"

namespace heliotrope::rpc {

using model::TaskState;

namespace {

// Tasks that are looked at for a job's expected end and message: the rest are like them.
constexpr size_t kTasksLookedAt = 64;

v1::Job::State StateToProto(core::JobState state) {
  switch (state) {
    case core::JobState::kPending:
      return v1::Job::STATE_PENDING;
    case core::JobState::kRunning:
      return v1::Job::STATE_RUNNING;
    case core::JobState::kSucceeded:
      return v1::Job::STATE_SUCCEEDED;
    case core::JobState::kFailed:
      return v1::Job::STATE_FAILED;
    case core::JobState::kCancelled:
      return v1::Job::STATE_CANCELLED;
  }
  return v1::Job::STATE_UNSPECIFIED;
}

v1::Task::State StateToProto(TaskState state) {
  switch (state) {
    case TaskState::kPending:
      return v1::Task::STATE_PENDING;
    case TaskState::kAssigned:
      return v1::Task::STATE_ASSIGNED;
    case TaskState::kRunning:
      return v1::Task::STATE_RUNNING;
    case TaskState::kCheckpointing:
      return v1::Task::STATE_CHECKPOINTING;
    case TaskState::kSucceeded:
      return v1::Task::STATE_SUCCEEDED;
    case TaskState::kFailed:
      return v1::Task::STATE_FAILED;
    case TaskState::kCancelled:
      return v1::Task::STATE_CANCELLED;
  }
  return v1::Task::STATE_UNSPECIFIED;
}

// When a task that has not ended is expected to start and end; InfiniteFuture: not known.
struct Expectation {
  absl::Time start = absl::InfiniteFuture();
  absl::Time end = absl::InfiniteFuture();
};

// Of a task that waits, by the verdict of its class; nullptr: not planned yet.
Expectation ExpectBy(const plan::Verdict* verdict, const core::Machine& machine,
                     const core::Job& job, const model::Task& task) {
  if (verdict == nullptr || verdict->allotments.empty()) return {};
  const plan::Allotment& first = verdict->allotments.front();
  const absl::Time start = std::max(first.start, machine.now());
  return {start, start + machine.Remaining(job, task)};
}

Expectation Expect(const core::Machine& machine, const core::Job& job, const model::Task& task) {
  if (HoldsNode(task.state)) {
    return {machine.now(), machine.now() + machine.Remaining(job, task)};
  }
  return ExpectBy(machine.VerdictOf(job, task), machine, job, task);
}

void FillAttempt(const model::AttemptRecord& record, v1::Attempt& proto) {
  proto.set_number(static_cast<int32_t>(record.number.value()));
  proto.set_node(NodeName(record.node));
  proto.set_data_center(DataCenterName(record.data_center));
  *proto.mutable_assign_time() = wire::ToProto(record.assign_time);
  if (record.start_time != absl::InfiniteFuture()) {
    *proto.mutable_start_time() = wire::ToProto(record.start_time);
  }
  if (record.end_time != absl::InfiniteFuture()) {
    *proto.mutable_end_time() = wire::ToProto(record.end_time);
  }
  proto.set_placement_reason(std::string(model::ReasonName(record.placement)));
  proto.set_placement_detail(record.placement_detail);
  if (record.end != model::Reason::kNone) {
    proto.set_end_reason(std::string(model::ReasonName(record.end)));
    proto.set_end_detail(record.end_detail);
  }
  proto.set_agent_address(record.agent_address);
  proto.set_cpu_seconds(record.cpu_seconds);
}

void FillLate(const core::ExpectedLate& late, const core::Job& job, v1::ExpectedLate& proto) {
  // Its class may have been late before it came.
  *proto.mutable_foreseen_time() = wire::ToProto(std::max(late.since, job.create_time));
  proto.set_reason(std::string(model::ReasonName(late.reason)));
  proto.set_detail(late.detail);
  proto.set_chance(late.chance);
}

void FillCheckpoint(const model::Checkpoint& checkpoint, v1::CheckpointInfo& proto) {
  proto.set_attempt(static_cast<int32_t>(checkpoint.key.attempt.attempt.value()));
  proto.set_sequence(static_cast<int32_t>(checkpoint.key.sequence));
  proto.set_digest(absl::BytesToHexString(checkpoint.digest));
  proto.set_size_bytes(checkpoint.size.value());
  for (const NodeId& node : checkpoint.holders) proto.add_nodes(NodeName(node));
  *proto.mutable_progress() = wire::ToProto(checkpoint.progress);
}

// Left on a node that is silent: what an operator has to know first.
bool IsAway(const model::Task& task) {
  return HoldsNode(task.state) && task.reason == model::Reason::kNodeAway;
}

std::string JobMessage(const core::Machine& machine, const core::Job& job) {
  if (job.Ended()) return {};
  const size_t looked_at = std::min(job.tasks.size(), kTasksLookedAt);
  for (size_t i = 0; i < looked_at; ++i) {
    const model::Task& task = job.tasks[i];
    if (IsAway(task)) {
      return absl::StrCat(model::ReasonName(task.reason), ": ", task.run->detail);
    }
  }
  if (job.cancel_requested) return "cancel requested; its tasks are being stopped";
  for (size_t i = 0; i < looked_at; ++i) {
    if (job.tasks[i].state != TaskState::kPending) continue;
    const auto [reason, detail] = machine.WaitReason(job, job.tasks[i]);
    return absl::StrCat(model::ReasonName(reason), detail.empty() ? "" : ": ", detail);
  }
  return {};
}

const char* VerdictWord(plan::Option::Verdict verdict) {
  switch (verdict) {
    case plan::Option::Verdict::kFits:
      return "could start now";
    case plan::Option::Verdict::kLater:
      return "later";
    case plan::Option::Verdict::kNever:
      return "not";
  }
  return "";
}

v1::ExplainJobResponse::Option::Verdict VerdictToProto(plan::Option::Verdict verdict) {
  switch (verdict) {
    case plan::Option::Verdict::kFits:
      return v1::ExplainJobResponse::Option::VERDICT_FITS;
    case plan::Option::Verdict::kLater:
      return v1::ExplainJobResponse::Option::VERDICT_LATER;
    case plan::Option::Verdict::kNever:
      return v1::ExplainJobResponse::Option::VERDICT_NEVER;
  }
  return v1::ExplainJobResponse::Option::VERDICT_UNSPECIFIED;
}

std::string AtSecond(absl::Time time) {
  return Rfc3339(absl::FromUnixSeconds(absl::ToUnixSeconds(time)));
}

// ", 3h before its deadline", or after it.
std::string AgainstDeadline(const core::Job& job, absl::Time end) {
  if (job.spec->deadline == absl::InfiniteFuture() || end == absl::InfiniteFuture()) return {};
  const bool late = end > job.spec->deadline;
  const absl::Duration away = late ? end - job.spec->deadline : job.spec->deadline - end;
  return absl::StrCat(", ", ShortDuration(absl::Seconds(absl::ToInt64Seconds(away))),
                      late ? " after" : " before", " its deadline");
}

// One sentence; the reasons with their values are told beside it.
std::string Summary(const core::Machine& machine, const core::Job& job, uint32_t index) {
  const model::Task& task = job.tasks[index];
  const std::string name = FormatTaskName(job.id, index);
  if (IsTerminal(task.state)) {
    return absl::StrCat(name, " has ended: ", model::ReasonName(task.reason));
  }
  const Expectation expected = Expect(machine, job, task);
  const std::string end = absl::StrCat("expected to end at ", AtSecond(expected.end),
                                       AgainstDeadline(job, expected.end));
  if (HoldsNode(task.state)) {
    const model::AttemptRecord& record = task.run->attempts.back();
    if (IsAway(task)) {
      return absl::StrCat(
          name, " was ", model::TaskStateName(task.state), " in ", record.data_center.value(),
          " when it was last heard of: ", model::ReasonName(task.reason), ": ", task.run->detail);
    }
    return absl::StrCat(name, " is ", model::TaskStateName(task.state), " in ",
                        record.data_center.value(), " (", model::ReasonName(record.placement),
                        "); ", end);
  }
  const auto [reason, detail] = machine.WaitReason(job, task);
  const std::string why = absl::StrCat(name, " waits: ", model::ReasonName(reason));
  const plan::Verdict* verdict = machine.VerdictOf(job, task);
  if (verdict == nullptr || verdict->allotments.empty()) {
    return absl::StrCat(why, detail.empty() ? "" : ": ", detail);
  }
  const size_t site = verdict->allotments.front().site;
  return absl::StrCat(why, "; expected to start at ", AtSecond(expected.start), " in ",
                      machine.board().sites[site].id.value(), ", ", end);
}

// "would start now in dubai: ...; expected to end at ...", of the first task; and of all, if there
// are more.
std::string PreviewSummary(const core::Machine& machine, const core::Preview& preview) {
  const uint32_t count = preview.job.spec->count;
  const std::string subject =
      count == 1 ? "it" : absl::StrCat("the first of its ", count, " tasks");
  if (preview.plan.verdicts.empty()) return absl::StrCat(subject, " would wait for the first plan");
  const plan::Verdict& verdict = preview.plan.verdicts.back();
  const std::string why = absl::StrCat(model::ReasonName(verdict.reason),
                                       verdict.detail.empty() ? "" : ": ", verdict.detail);
  if (verdict.allotments.empty()) return absl::StrCat(subject, " would wait: ", why);
  const plan::Allotment& first = verdict.allotments.front();
  const std::string place = machine.board().sites[first.site].id.value();
  std::string text = first.start <= machine.now()
                         ? absl::StrCat(subject, " would start now in ", place, ": ",
                                        model::ReasonName(first.reason), ": ", first.detail)
                         : absl::StrCat(subject, " would start at ", AtSecond(first.start), " in ",
                                        place, ": ", why);
  int placed = 0;
  absl::Time end = absl::InfinitePast();
  for (const plan::Allotment& allotment : verdict.allotments) {
    placed += allotment.count;
    end = std::max(end, allotment.end);
  }
  absl::StrAppend(&text, "; expected to end at ", AtSecond(first.end));
  if (count == 1) return text;
  absl::StrAppend(&text, ", the last of ", placed, " that have a place in the plan at ",
                  AtSecond(end));
  return text;
}

void FillPlanFacts(const core::Machine& machine, v1::ExplainJobResponse& proto) {
  if (machine.current_plan().made > absl::InfinitePast()) {
    *proto.mutable_plan_time() = wire::ToProto(machine.current_plan().made);
  }
  bool all_reactive = true;
  for (const plan::Site& site : machine.board().sites) {
    all_reactive = all_reactive && site.reactive;
  }
  proto.set_planning_mode(all_reactive ? "reactive" : "forecast");
}

// Whether the task, which is to run from `start` on and stand still for `pauses`, is in time.
void FillChance(const core::Machine& machine, const core::Job& job, const model::Task& task,
                absl::Time start, absl::Duration pauses, v1::ExplainJobResponse& proto) {
  if (job.spec->deadline == absl::InfiniteFuture()) return;
  const absl::Duration limit = job.spec->deadline - std::max(start, machine.now()) - pauses;
  const curve::Chance chance = machine.ChanceWithin(job, task, limit);
  proto.set_deadline_chance(chance.value);
  proto.set_deadline_chance_learned(chance.learned);
}

// Of one that waits: the next to start, by the verdict of its class.
void FillChanceBy(const plan::Verdict* verdict, const plan::Class& task_class,
                  const core::Machine& machine, const core::Job& job, const model::Task& task,
                  v1::ExplainJobResponse& proto) {
  if (verdict == nullptr || verdict->allotments.empty()) return;
  const plan::Allotment& first = verdict->allotments.front();
  const absl::Duration pauses = first.end - first.start - task_class.remaining;
  FillChance(machine, job, task, first.start, std::max(pauses, absl::ZeroDuration()), proto);
}

void FillOption(const plan::Input& input, const plan::Option& option,
                v1::ExplainJobResponse::Option& proto) {
  proto.set_data_center(DataCenterName(input.sites[option.site].id));
  proto.set_verdict(VerdictToProto(option.verdict));
  proto.set_reason(std::string(model::ReasonName(option.reason)));
  proto.set_detail(option.detail.empty() ? VerdictWord(option.verdict) : option.detail);
  if (option.start != absl::InfiniteFuture()) {
    *proto.mutable_start_time() = wire::ToProto(option.start);
    *proto.mutable_end_time() = wire::ToProto(option.end);
  }
  proto.set_mean_price(option.mean_price);
}

// What each data center could offer; the chosen one comes first and is marked.
void FillOptions(const plan::Input& input, const plan::Plan& plan, const plan::Class& task_class,
                 std::optional<size_t> chosen, v1::ExplainJobResponse& proto) {
  std::vector<plan::Option> options = plan::Explain(input, plan, task_class);
  std::stable_partition(options.begin(), options.end(),
                        [&](const plan::Option& option) { return chosen == option.site; });
  for (const plan::Option& option : options) {
    v1::ExplainJobResponse::Option& out = *proto.add_options();
    FillOption(input, option, out);
    out.set_chosen(chosen == option.site);
  }
}

// Where it is, it needs no room beside itself.
void FillWhereItIs(const core::Machine& machine, const core::Job& job, const model::Task& task,
                   size_t site, v1::ExplainJobResponse& proto) {
  if (proto.options().empty()) return;
  v1::ExplainJobResponse::Option& here = *proto.mutable_options(0);
  const model::AttemptRecord& record = task.run->attempts.back();
  here.set_verdict(v1::ExplainJobResponse::Option::VERDICT_FITS);
  here.set_reason(std::string(model::ReasonName(record.placement)));
  const bool leaves = task.state == TaskState::kCheckpointing;
  here.set_detail(absl::StrCat("is here in attempt ", record.number.value(),
                               leaves ? " and saves, to leave" : ""));
  const bool started = record.start_time != absl::InfiniteFuture();
  *here.mutable_start_time() = wire::ToProto(started ? record.start_time : machine.now());
  const absl::Time end = machine.now() + machine.Remaining(job, task);
  *here.mutable_end_time() = wire::ToProto(end);
  const double price = plan::MeanPrice(machine.board(), site, machine.now(), end);
  if (std::isfinite(price)) here.set_mean_price(price);
}

void FillRemedies(const plan::Input& input, const plan::Plan& plan, const plan::Class& task_class,
                  const core::Job& job, v1::ExplainJobResponse& proto) {
  const std::string residency = absl::StrJoin(job.spec->residency.words, ",");
  for (std::string& line : plan::Remedies(input, plan, task_class, residency)) {
    proto.add_remedies(std::move(line));
  }
}

// Of one that is not submitted: why it would start at once, or what it would wait for.
void FillWhy(const plan::Verdict& verdict, absl::Time now, v1::Task& proto) {
  const bool starts = !verdict.allotments.empty() && verdict.allotments.front().start <= now;
  proto.set_reason(
      std::string(model::ReasonName(starts ? verdict.allotments.front().reason : verdict.reason)));
  proto.set_detail(starts ? verdict.allotments.front().detail : verdict.detail);
}

// What it still has to do, and why the plan allows it more.
void FillWork(const core::Machine& machine, const core::Job& job, const model::Task& task,
              v1::ExplainJobResponse& proto) {
  const curve::RemainingWork left = machine.RemainingWork(job, task);
  *proto.mutable_work_left() = wire::ToProto(left.mean);
  *proto.mutable_work_left_at_most() = wire::ToProto(left.high);
  proto.set_ended_alike(
      machine.durations().CountOf(job.spec->account, curve::JobStem(job.id.value())));
}

plan::Input InputOf(const core::Machine& machine) {
  plan::Input input = machine.board();
  input.now = machine.now();
  input.accounts = machine.PlanAccounts();
  return input;
}

}  // namespace

void FillJob(const core::Machine& machine, const core::Job& job, v1::Job& proto) {
  proto.set_name(JobName(job.id));
  SpecToProto(*job.spec, proto);
  proto.set_state(StateToProto(job.State()));
  v1::TaskCounts& counts = *proto.mutable_task_counts();
  counts.set_pending(static_cast<int32_t>(job.counts.pending));
  counts.set_assigned(static_cast<int32_t>(job.counts.assigned));
  counts.set_running(static_cast<int32_t>(job.counts.running));
  counts.set_checkpointing(static_cast<int32_t>(job.counts.checkpointing));
  counts.set_succeeded(static_cast<int32_t>(job.counts.succeeded));
  counts.set_failed(static_cast<int32_t>(job.counts.failed));
  counts.set_cancelled(static_cast<int32_t>(job.counts.cancelled));
  *proto.mutable_create_time() = wire::ToProto(job.create_time);
  proto.set_etag(absl::StrCat(job.uid.value(), "-", job.version));
  proto.set_cancel_requested(job.cancel_requested);
  proto.set_status_message(JobMessage(machine, job));
  if (job.Ended()) {
    *proto.mutable_end_time() = wire::ToProto(job.end_time);
    return;
  }
  if (const core::ExpectedLate* late = machine.LateOf(job); late != nullptr) {
    FillLate(*late, job, *proto.mutable_expected_late());
  }
  absl::Time end = absl::InfinitePast();
  const size_t looked_at = std::min(job.tasks.size(), kTasksLookedAt);
  for (size_t i = 0; i < looked_at; ++i) {
    if (!IsTerminal(job.tasks[i].state))
      end = std::max(end, Expect(machine, job, job.tasks[i]).end);
  }
  if (end != absl::InfinitePast() && end != absl::InfiniteFuture()) {
    *proto.mutable_expected_end_time() = wire::ToProto(end);
  }
}

void FillTask(const core::Machine& machine, const core::Job& job, uint32_t index, v1::Task& proto) {
  const model::Task& task = job.tasks[index];
  proto.set_name(FormatTaskName(job.id, index));
  proto.set_state(StateToProto(task.state));
  proto.set_attempt(static_cast<int32_t>(task.attempt.value()));
  proto.set_failures(static_cast<int32_t>(task.failures));
  if (task.state == TaskState::kPending) {
    const auto [reason, detail] = machine.WaitReason(job, task);
    proto.set_reason(std::string(model::ReasonName(reason)));
    proto.set_detail(detail);
  } else {
    proto.set_reason(std::string(model::ReasonName(task.reason)));
    if (task.run != nullptr) proto.set_detail(task.run->detail);
  }
  if (!IsTerminal(task.state)) {
    const Expectation expected = Expect(machine, job, task);
    if (expected.end != absl::InfiniteFuture()) {
      *proto.mutable_expected_start_time() = wire::ToProto(expected.start);
      *proto.mutable_expected_end_time() = wire::ToProto(expected.end);
    }
    if (const auto* late = machine.LateOf(job, TaskId{job.uid, index}); late != nullptr) {
      FillLate(*late, job, *proto.mutable_expected_late());
    }
  }
  if (task.run == nullptr) return;
  if (task.run->checkpoint) FillCheckpoint(*task.run->checkpoint, *proto.mutable_checkpoint());
  if (task.run->attempts.empty()) return;
  const model::AttemptRecord& last = task.run->attempts.back();
  proto.set_node(NodeName(last.node));
  proto.set_data_center(DataCenterName(last.data_center));
  if (last.exit_code) proto.set_exit_code(*last.exit_code);
  if (last.exit_signal) proto.set_exit_signal(*last.exit_signal);
  for (const model::AttemptRecord& record : task.run->attempts) {
    FillAttempt(record, *proto.add_attempts());
  }
}

void FillExplanation(const core::Machine& machine, const core::Job& job, uint32_t index,
                     v1::ExplainJobResponse& proto) {
  const model::Task& task = job.tasks[index];
  proto.set_summary(Summary(machine, job, index));
  FillTask(machine, job, index, *proto.mutable_task());
  FillPlanFacts(machine, proto);
  if (IsTerminal(task.state)) return;
  FillWork(machine, job, task, proto);
  const plan::Input input = InputOf(machine);
  std::optional<size_t> chosen;
  const plan::Verdict* verdict = machine.VerdictOf(job, task);
  const plan::Class task_class = machine.ClassOf(job, task);
  if (HoldsNode(task.state)) {
    // Of one that is to leave what the move takes.
    const absl::Duration pause = task.run->move ? task_class.move_pause : absl::ZeroDuration();
    FillChance(machine, job, task, machine.now(), pause, proto);
    for (size_t site = 0; site < input.sites.size(); ++site) {
      if (input.sites[site].id == task.run->attempts.back().data_center) chosen = site;
    }
  } else if (verdict != nullptr && !verdict->allotments.empty()) {
    chosen = verdict->allotments.front().site;
  }
  if (!HoldsNode(task.state)) FillChanceBy(verdict, task_class, machine, job, task, proto);
  FillOptions(input, machine.current_plan(), task_class, chosen, proto);
  if (HoldsNode(task.state) && chosen) FillWhereItIs(machine, job, task, *chosen, proto);
  if (task.state == TaskState::kPending) {
    FillRemedies(input, machine.current_plan(), task_class, job, proto);
  }
}

void FillPreview(const core::Machine& machine, const core::Preview& preview,
                 v1::ExplainJobResponse& proto) {
  proto.set_summary(PreviewSummary(machine, preview));
  v1::Task& task = *proto.mutable_task();
  FillTask(machine, preview.job, 0, task);
  FillPlanFacts(machine, proto);
  FillWork(machine, preview.job, preview.job.tasks.front(), proto);
  std::optional<size_t> chosen;
  if (!preview.plan.verdicts.empty()) {
    const plan::Verdict& verdict = preview.plan.verdicts.back();
    FillWhy(verdict, machine.now(), task);
    if (!verdict.allotments.empty()) {
      const Expectation expected =
          ExpectBy(&verdict, machine, preview.job, preview.job.tasks.front());
      *task.mutable_expected_start_time() = wire::ToProto(expected.start);
      *task.mutable_expected_end_time() = wire::ToProto(verdict.allotments.front().end);
      chosen = verdict.allotments.front().site;
    }
    FillChanceBy(&verdict, preview.task_class, machine, preview.job, preview.job.tasks.front(),
                 proto);
  }
  const plan::Input input = InputOf(machine);
  FillOptions(input, preview.plan, preview.task_class, chosen, proto);
  FillRemedies(input, preview.plan, preview.task_class, preview.job, proto);
}

}  // namespace heliotrope::rpc
