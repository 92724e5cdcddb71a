// Tasks that will probably end after their deadline: foreseen when a plan is adopted, told once when
// it begins and once when it is over. Looks at classes and at the running tasks that the plan names,
// never at every task.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/core/machine.h"
#include "scheduler/plan/text.h"

namespace heliotrope::core {

using model::Reason;
using model::TaskState;

namespace {

// A warning begins when the chance to be in time falls below the first, and is over when it is back
// above the second, or is what the task is planned for (Settings::miss_chance_per_core_hour).
constexpr double kWarnBelow = 0.5;
constexpr double kCalmAbove = 0.75;
// And while it lasts, of the cores above the target only so much is counted on.
constexpr int64_t kCalmShareOf4 = 3;
// Warnings that one plan tells among the decisions; what is beyond is shown with the tasks and
// counted all the same.
constexpr int kMaxTold = 256;
// With more than a share of the nodes silent within their leases, as right after a start, it is not
// known what the fleet is: nothing new is foreseen.
constexpr int64_t kMostSilentDivisor = 8;
// Of a job, at each end: the first and the last ones are looked at for whether it is late.
constexpr uint32_t kTasksLookedAt = 64;

double Limit(bool warned) { return warned ? kCalmAbove : kWarnBelow; }

// Whole minutes, not before.
absl::Time NextMinute(absl::Time time) {
  return absl::FromUnixSeconds((absl::ToUnixSeconds(time) + 59) / 60 * 60);
}

}  // namespace

const ExpectedLate* Machine::LateOf(const Job& job, const TaskId& id) const {
  if (const auto own = late_tasks_.find(id); own != late_tasks_.end()) return &own->second;
  if (late_classes_.empty()) return nullptr;
  const auto task_class = class_by_id_.find(job.tasks[id.index].class_id);
  if (task_class == class_by_id_.end()) return nullptr;
  const auto late = late_classes_.find(task_class->second->first);
  return late == late_classes_.end() || id < late->second.first ? nullptr : &late->second;
}

const ExpectedLate* Machine::LateOf(const Job& job) const {
  const auto own = late_tasks_.lower_bound(TaskId{job.uid, 0});
  if (own != late_tasks_.end() && own->first.job == job.uid) return &own->second;
  if (late_classes_.empty()) return nullptr;
  const auto tasks = static_cast<uint32_t>(job.tasks.size());
  const ExpectedLate* late = nullptr;
  for (uint32_t i = 0; i < std::min(tasks, kTasksLookedAt) && late == nullptr; ++i) {
    late = LateOf(job, TaskId{job.uid, tasks - 1 - i});
    if (late == nullptr) late = LateOf(job, TaskId{job.uid, i});
  }
  return late;
}

Machine::LateCounts Machine::CountLate() const {
  LateCounts counts;
  for (const auto& [key, late] : late_classes_) {
    (late.deadline <= now_ ? counts.passed : counts.ahead) += late.tasks;
  }
  for (const auto& [id, late] : late_tasks_) {
    ++(late.deadline <= now_ ? counts.passed : counts.ahead);
  }
  return counts;
}

// 1 when there is time for all that the task is planned for.
double Machine::ChanceBy(const Job& job, const TaskId& id, absl::Duration high,
                         absl::Duration limit) const {
  if (limit >= high) return 1;
  if (limit <= absl::ZeroDuration()) return 0;
  return ChanceWithin(job, job.tasks[id.index], limit).value;
}

void Machine::ForeseeLate() {
  told_late_ = 0;
  HandOverLate();
  const bool warn = FleetIsThere();
  ForeseeWaiting(warn);
  ForeseeRunning(warn);
}

bool Machine::FleetIsThere() const {
  const auto silent = std::count_if(nodes_.begin(), nodes_.end(), [](const auto& entry) {
    return !entry.second.connected && !entry.second.lost;
  });
  return silent * kMostSilentDivisor <= static_cast<int64_t>(nodes_.size());
}

// A warned task that waits again is one of its class.
void Machine::HandOverLate() {
  for (auto it = late_tasks_.begin(); it != late_tasks_.end();) {
    const model::Task& task = TaskAt(it->first);
    const auto task_class = class_by_id_.find(task.class_id);
    if (task.state != TaskState::kPending || task_class == class_by_id_.end()) {
      ++it;
      continue;
    }
    const auto [late, is_new] = late_classes_.try_emplace(task_class->second->first, it->second);
    if (!is_new) {
      late->second.since = std::min(late->second.since, it->second.since);
      late->second.told = late->second.told || it->second.told;
      late->second.tasks += it->second.tasks;
    }
    it = late_tasks_.erase(it);
  }
}

// Before classes are told apart anew: what is foreseen of one goes with the first of its late tasks,
// which HandOverLate brings to its new class.
void Machine::TakeLateFromClasses() {
  for (auto& [key, late] : late_classes_) {
    const auto found = classes_.find(key);
    if (found == classes_.end() || found->second.tasks.empty()) continue;
    const auto& tasks = found->second.tasks;
    const auto first = tasks.lower_bound(late.first);
    late.first = first == tasks.end() ? *tasks.rbegin() : *first;
    late.deadline = JobAt(late.first.job).spec->deadline;
    late_tasks_.try_emplace(late.first, std::move(late));
  }
  late_classes_.clear();
}

// Before its class forgets the task. What was told of the class is handed to the last that leaves it.
void Machine::KeepLate(const Job& job, const TaskId& id) {
  const ExpectedLate* late = LateOf(job, id);
  if (late == nullptr || late_tasks_.contains(id)) return;
  const auto& [key, queue] = *class_by_id_.at(job.tasks[id.index].class_id);
  ExpectedLate& others = late_classes_.at(key);
  const bool is_last = queue.tasks.size() == 1 || others.tasks == 1;
  ExpectedLate kept = others;
  kept.first = id;
  kept.deadline = job.spec->deadline;
  kept.tasks = 1;
  kept.told = others.told && is_last;
  late_tasks_.emplace(id, std::move(kept));
  if (is_last) {
    late_classes_.erase(key);
    return;
  }
  --others.tasks;
  others.first = *queue.tasks.upper_bound(id);  // Its tasks start in order.
  others.deadline = JobAt(others.first.job).spec->deadline;
}

void Machine::ForeseeWaiting(bool warn) {
  std::erase_if(late_classes_, [this](const auto& entry) {
    const auto found = classes_.find(entry.first);
    return found == classes_.end() || found->second.tasks.empty();
  });
  for (const plan::Verdict& verdict : plan_.verdicts) {
    const auto found = class_by_id_.find(verdict.class_id);
    if (found == class_by_id_.end()) continue;
    const auto& [key, queue] = *found->second;
    if (key.deadline_seconds == ClassKey::kNoDeadline) continue;
    if (!queue.tasks.empty()) ForeseeClass(found->second, verdict, warn);
  }
}

// Its tasks start in order, so those that are late come last.
Machine::WaitingOutlook Machine::OutlookOf(const ClassKey& key, const ClassQueue& queue,
                                           const plan::Verdict& verdict, bool warned) const {
  const TaskId& front = *queue.tasks.begin();
  const Job& job = *FindJob(front.job);
  const absl::Time deadline = absl::FromUnixSeconds(key.deadline_seconds);
  const absl::Duration mean = absl::Seconds(key.remaining_seconds);
  const absl::Duration high = absl::Seconds(key.high_seconds);
  WaitingOutlook outlook;
  // What has come since was not planned for.
  outlook.late = std::min(static_cast<int64_t>(queue.tasks.size()), int64_t{verdict.count});
  // Of the first that is left; its own deadline may be later than that of its class.
  const auto chance_from = [&](absl::Time start) {
    const double chance = ChanceBy(job, front, high, deadline - start);
    if (chance >= Limit(warned)) return chance;
    return ChanceBy(job, front, high, JobOfLate(queue, outlook.late).spec->deadline - start);
  };
  for (const plan::Allotment& allotment : verdict.allotments) {
    if (outlook.late <= 0) return outlook;
    const absl::Duration pauses =
        std::max(absl::ZeroDuration(), allotment.end - allotment.start - mean);
    outlook.chance = chance_from(std::max(allotment.start, now_) + pauses);
    if (outlook.chance < Limit(warned)) {
      outlook.start = &allotment;
      return outlook;
    }
    outlook.late -= allotment.count;
  }
  if (outlook.late <= 0) return outlook;
  // What the safety net would start.
  outlook.chance = 0;
  if (chance_from(now_) < Limit(warned)) return outlook;
  outlook.late -= warned ? verdict.beyond * kCalmShareOf4 / 4 : verdict.beyond;
  return outlook;
}

// Of the first of so many tasks that come last.
const Job& Machine::JobOfLate(const ClassQueue& queue, int64_t late) const {
  return *FindJob(std::prev(queue.tasks.end(), late)->job);
}

void Machine::ForeseeClass(Classes::iterator task_class, const plan::Verdict& verdict, bool warn) {
  const auto& [key, queue] = *task_class;
  const auto warned = late_classes_.find(key);
  const bool is_warned = warned != late_classes_.end();
  if (!is_warned && !warn) return;
  const WaitingOutlook outlook = OutlookOf(key, queue, verdict, is_warned);
  if (outlook.late <= 0) {
    if (!is_warned) return;
    TellInTime(warned->second);
    late_classes_.erase(warned);
    return;
  }
  ExpectedLate late;
  late.since = is_warned ? warned->second.since : now_;
  late.first = *std::prev(queue.tasks.end(), outlook.late);
  late.deadline = JobAt(late.first.job).spec->deadline;
  late.tasks = outlook.late;
  late.chance = outlook.chance;
  std::tie(late.reason, late.detail) = WhyLate(key, late.deadline, verdict, outlook);
  if (const size_t tasks = queue.tasks.size(); tasks > 1) {
    absl::StrAppend(&late.detail, " (", outlook.late, " of ", tasks, " tasks that are alike)");
  }
  late.told = is_warned ? warned->second.told : TellLate(late);
  late_classes_.insert_or_assign(key, std::move(late));
}

// With the later deadline that would hold, or the cores.
std::pair<Reason, std::string> Machine::WhyLate(const ClassKey& key, absl::Time deadline,
                                                const plan::Verdict& verdict,
                                                const WaitingOutlook& outlook) const {
  const std::string until = plan::AtText(deadline, now_);
  if (deadline <= now_) {
    return {Reason::kMissesDeadline, absl::StrCat("its deadline at ", until, " has passed")};
  }
  if (outlook.start != nullptr) {
    const plan::Allotment& start = *outlook.start;
    const absl::Time most = start.end + absl::Seconds(key.high_seconds - key.remaining_seconds);
    return {Reason::kMissesDeadline,
            absl::StrCat("would start at ", plan::AtText(std::max(start.start, now_), now_), " in ",
                         board_.sites[start.site].id.value(), " and end at ",
                         plan::AtText(start.end, now_), ", after its deadline at ", until,
                         "; one of ", plan::AtText(NextMinute(most), now_), " would hold")};
  }
  if (verdict.mode == plan::Mode::kNever || verdict.reason == Reason::kNoNodes ||
      verdict.reason == Reason::kDrained) {
    return {verdict.reason, verdict.detail};
  }
  return {verdict.reason == Reason::kWaitingForSafeWindow ? Reason::kWaitingForSafeWindow
                                                          : Reason::kWaitingForCapacity,
          absl::StrCat("no cores are left for it before its deadline at ", until,
                       ", not even above the target; ",
                       plan::CoresText(key.milli_cores * outlook.late), " more would do")};
}

// Those that were warned of are looked at whatever the plan says.
void Machine::ForeseeRunning(bool warn) {
  std::set<TaskId> looked_at;
  for (const auto& [id, late] : late_tasks_) looked_at.insert(id);
  if (warn) looked_at.insert(plan_.at_risk.begin(), plan_.at_risk.end());
  for (const TaskId& id : looked_at) {
    const Job* job = FindJob(id.job);
    if (job == nullptr) continue;
    const TaskState state = job->tasks[id.index].state;
    if (state == TaskState::kAssigned || state == TaskState::kRunning) ForeseeTask(*job, id);
  }
}

void Machine::ForeseeTask(const Job& job, const TaskId& id) {
  const auto warned = late_tasks_.find(id);
  const bool is_warned = warned != late_tasks_.end();
  const absl::Time deadline = job.spec->deadline;
  const curve::RemainingWork left = RemainingWork(job, job.tasks[id.index]);
  const double chance = ChanceBy(job, id, left.high, deadline - now_);
  if (chance >= Limit(is_warned)) {
    if (!is_warned) return;
    TellInTime(warned->second);
    late_tasks_.erase(warned);
    return;
  }
  ExpectedLate late;
  late.since = is_warned ? warned->second.since : now_;
  late.first = id;
  late.deadline = deadline;
  late.chance = chance;
  late.reason = Reason::kMissesDeadline;
  const std::string until = plan::AtText(deadline, now_);
  late.detail = deadline <= now_
                    ? absl::StrCat("its deadline at ", until, " has passed")
                    : absl::StrCat("is expected to end at ", plan::AtText(now_ + left.mean, now_),
                                   ", its deadline is at ", until, "; one of ",
                                   plan::AtText(NextMinute(now_ + left.high), now_), " would hold");
  late.told = is_warned ? warned->second.told : TellLate(late);
  late_tasks_.insert_or_assign(id, std::move(late));
}

bool Machine::TellLate(const ExpectedLate& late) {
  if (told_late_ == kMaxTold) return false;
  ++told_late_;
  const Job& job = JobAt(late.first.job);
  Decision decision;
  decision.attempt = job.tasks[late.first.index].attempt;
  decision.reason = late.reason;
  decision.detail =
      absl::StrCat(late.detail, "; chance to be in time ", std::llround(late.chance * 100), " %");
  Decide(DecisionKind::kLate, job, late.first, std::move(decision));
  effects_->push_back(JobChanged{job.uid});
  return true;
}

void Machine::TellInTime(const ExpectedLate& late) {
  const TaskId& id = late.first;
  const Job* job = FindJob(id.job);
  if (job == nullptr || !late.told) return;
  Decision decision;
  decision.attempt = job->tasks[id.index].attempt;
  decision.reason = Reason::kExpectedInTime;
  decision.detail = absl::StrCat("is expected to meet its deadline at ",
                                 plan::AtText(job->spec->deadline, now_), " again");
  Decide(DecisionKind::kInTime, *job, id, std::move(decision));
  effects_->push_back(JobChanged{job->uid});
}

}  // namespace heliotrope::core
