// Classes: waiting tasks that are alike. A plan is made of them, so that it costs what they cost and
// not what the tasks do; their number is bounded by grouping deadlines.
#include <algorithm>
#include <set>
#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/base/limits.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

using model::Reason;
using model::TaskState;

namespace {

// How long a task whose checkpoint cannot be reached waits for a holder to come back before it goes
// on from what is reachable: from when the last holder was given up, and the last attempt has ended.
constexpr absl::Duration kCheckpointPatience = absl::Hours(1);
constexpr absl::Duration kCheckpointRetry = absl::Minutes(1);
// How fast checkpoints are carried between data centers until it is measured: 1 Gbit/s.
constexpr int64_t kCarryBytesPerSecond = 125'000'000;
// At most so much of the time until them are deadlines moved forward to be grouped: 2^-shift.
constexpr int kExactShift = Machine::kExactDeadlines;
constexpr int kCoarsestShift = 3;

// Rounded up so that at most a 32nd is added: like tasks share a class.
int64_t RoundedSeconds(absl::Duration duration) {
  const int64_t seconds = std::max<int64_t>(60, absl::ToInt64Seconds(duration));
  int64_t step = 1;
  while (seconds / step >= 64) step *= 2;
  return (seconds + step - 1) / step * step;
}

// To the minute and, when deadlines are grouped, to a share of what is left until it, 2^-shift; never
// by more than half of the time that can be spared. Always earlier: what ends by the class's deadline
// ends by its own.
int64_t RoundedDeadline(absl::Time deadline, absl::Time now, absl::Duration work, int shift) {
  if (deadline == absl::InfiniteFuture()) return ClassKey::kNoDeadline;
  const int64_t seconds = absl::ToUnixSeconds(deadline);
  if (shift == kExactShift) return seconds - seconds % 60;
  const int64_t left = seconds - absl::ToUnixSeconds(now);
  const int64_t spare = left - absl::ToInt64Seconds(work);
  int64_t step = 60;
  while (step * 2 <= std::min(left >> shift, spare / 2)) step *= 2;
  return seconds - seconds % step;
}

}  // namespace

// To stop, have so much carried to another data center and start there.
absl::Duration Machine::MovePause(Bytes size) const {
  return fleet_.move_pause + absl::Seconds(size.value() / kCarryBytesPerSecond);
}

ClassKey Machine::KeyOf(const Job& job, const model::Task& task) const {
  const model::JobSpec& spec = *job.spec;
  ClassKey key;
  key.milli_cores = spec.request.cores.value();
  key.memory_bytes = spec.request.memory.value();
  const curve::RemainingWork left = RemainingWork(job, task);
  key.remaining_seconds = RoundedSeconds(left.mean);
  key.high_seconds = RoundedSeconds(left.high);
  key.pressing_seconds = RoundedSeconds(left.pressing);
  key.deadline_seconds = RoundedDeadline(spec.deadline, now_, left.high, deadline_shift_);
  key.priority = spec.priority;
  key.checkpointable = spec.checkpoint.has_value();
  key.allowed = AllowedSites(spec.residency);
  key.account = spec.account.value();
  if (spec.home) key.home = spec.home->value();
  if (task.run != nullptr && task.run->checkpoint) {
    key.checkpoint_at = nodes_.at(task.run->checkpoint->holders.front()).data_center.value();
  }
  return key;
}

plan::Class Machine::ClassFrom(const ClassKey& key, const ClassQueue& queue) const {
  plan::Class made;
  made.id = queue.id;
  made.request = {MilliCores::FromMilli(key.milli_cores), Bytes::FromBytes(key.memory_bytes)};
  made.remaining = absl::Seconds(key.remaining_seconds);
  made.remaining_high = absl::Seconds(key.high_seconds);
  made.pressing = absl::Seconds(key.pressing_seconds);
  if (key.deadline_seconds != ClassKey::kNoDeadline) {
    made.deadline = absl::FromUnixSeconds(key.deadline_seconds);
  }
  made.priority = key.priority;
  if (fleet_.HasAccounts()) made.account = AccountId(key.account);
  made.checkpointable = key.checkpointable;
  made.allowed = key.allowed;
  if (!key.home.empty()) made.home = DataCenterId(key.home);
  if (!key.checkpoint_at.empty()) made.checkpoint_at = DataCenterId(key.checkpoint_at);
  made.move_pause = queue.move_pause;
  made.restore_pause = queue.restore_pause;
  made.count = static_cast<int>(queue.tasks.size());
  made.oldest = queue.oldest;
  return made;
}

plan::Class Machine::ClassOf(const Job& job, const model::Task& task) const {
  const auto known = class_by_id_.find(task.class_id);
  if (known != class_by_id_.end()) return ClassFrom(known->second->first, known->second->second);
  ClassQueue alone;
  if (job.spec->checkpoint) alone.move_pause = MovePause(job.spec->checkpoint->expected_bytes);
  alone.oldest = now_;
  plan::Class made = ClassFrom(KeyOf(job, task), alone);
  made.count = 1;
  return made;
}

// REQUIRES: the task is PENDING and in no class.
void Machine::Enqueue(const Job& job, const TaskId& id) {
  model::Task& task = TaskAt(id);
  HT_CHECK(task.state == TaskState::kPending && task.class_id == 0);
  if (task.ready_time > now_) {
    backoffs_.emplace(task.ready_time, id);
    return;
  }
  if (task.run != nullptr) PreferReachable(job, id);
  if (task.run != nullptr && task.run->checkpoint && !CheckpointReachable(*task.run->checkpoint)) {
    // A restart of the scheduler gives every node its lease anew, so it counts from there.
    absl::Time since = GivenUp(*task.run->checkpoint);
    if (!task.run->attempts.empty()) since = std::max(since, task.run->attempts.back().end_time);
    if (now_ < since + kCheckpointPatience) {
      task.reason = Reason::kFetchFailed;
      task.run->detail = "waits for a node that holds its checkpoint to come back";
      task.ready_time = now_ + kCheckpointRetry;
      Touch(id);
      backoffs_.emplace(task.ready_time, id);
      return;
    }
    ReleaseAll(id);  // Goes on from the beginning: nothing else is left.
    Touch(id);
  }
  JoinClass(job, id);
}

void Machine::JoinClass(const Job& job, const TaskId& id) {
  model::Task& task = TaskAt(id);
  const ClassKey key = KeyOf(job, task);
  const Classes::iterator entry = classes_.try_emplace(key).first;
  ClassQueue& queue = entry->second;
  if (queue.id == 0) {
    queue.id = next_class_id_++;
    queue.oldest = now_;
    if (job.spec->checkpoint) {
      queue.move_pause = MovePause(job.spec->checkpoint->expected_bytes);
    }
    if (task.run != nullptr && task.run->checkpoint) {
      queue.restore_pause = MovePause(task.run->checkpoint->size);
    }
    class_by_id_.emplace(queue.id, entry);
    unplanned_.insert(queue.id);
  } else if (const auto verdict = verdict_by_class_.find(queue.id);
             verdict == verdict_by_class_.end()) {
    unplanned_.insert(queue.id);  // It was empty when its like were placed.
  } else if (plan_.verdicts[verdict->second].mode == plan::Mode::kDeferred) {
    WantPlan();  // More of a class that starts by the plan's numbers only.
  }
  if (queue.tasks.empty()) ++filled_classes_;
  queue.tasks.insert(id);
  task.class_id = queue.id;
  dispatch_needed_ = true;
}

// Out of its class or backoff, whichever it waits in.
void Machine::Dequeue(const Job&, const TaskId& id) {
  model::Task& task = TaskAt(id);
  if (task.class_id == 0) {
    backoffs_.erase({task.ready_time, id});
    return;
  }
  ClassQueue& queue = class_by_id_.at(task.class_id)->second;
  queue.tasks.erase(id);
  if (queue.tasks.empty()) --filled_classes_;
  task.class_id = 0;
}

// Who waits in a class is told apart anew; what a task waits for before it may join one is no
// matter of classes. No plan made of the classes of before is of use.
void Machine::RebuildClasses() {
  TakeLateFromClasses();
  classes_.clear();
  filled_classes_ = 0;
  class_by_id_.clear();
  unplanned_.clear();
  ++plan_basis_;
  ForgetVerdicts();
  for (const auto& [uid, job] : jobs_) {
    if (job->Ended()) continue;
    for (uint32_t index = 0; index < job->tasks.size(); ++index) {
      if (job->tasks[index].class_id != 0) JoinClass(*job, TaskId{uid, index});
    }
  }
  HandOverLate();
}

// With the verdicts goes what was allotted by them: what is planned is that what runs stays.
void Machine::ForgetVerdicts() {
  plan_.verdicts.clear();
  verdict_by_class_.clear();
  dispatch_order_.clear();
  order_stale_ = true;
  if (plan_.planned.size() != board_.sites.size()) return;
  plan_.firm.resize(board_.sites.size());
  plan_.planned_memory.resize(board_.sites.size());
  plan_.firm_memory.resize(board_.sites.size());
  for (size_t i = 0; i < board_.sites.size(); ++i) {
    const plan::Site& site = board_.sites[i];
    plan_.planned[i].assign(plan_.grid.size(), site.batch_now);
    plan_.firm[i].assign(plan_.grid.size(), std::min(site.batch_now, site.pinned_now));
    plan_.planned_memory[i].assign(plan_.grid.size(), site.batch_memory);
    plan_.firm_memory[i].assign(plan_.grid.size(), site.batch_memory);
  }
}

void Machine::ReadyBackoffs() {
  while (!backoffs_.empty() && backoffs_.begin()->first <= now_) {
    const TaskId id = backoffs_.begin()->second;
    backoffs_.erase(backoffs_.begin());
    Enqueue(JobAt(id.job), id);
  }
}

// How many classes there would be with deadlines grouped so, counted until they are more than
// `most`.
size_t Machine::ClassesWith(int shift, size_t most) const {
  std::set<ClassKey> keys;
  for (const auto& [key, queue] : classes_) {
    ClassKey grouped = key;
    bool is_first = true;
    for (auto task = queue.tasks.begin(); task != queue.tasks.end();) {
      const Job& job = *FindJob(task->job);
      const int64_t deadline =
          RoundedDeadline(job.spec->deadline, now_, absl::Seconds(key.high_seconds), shift);
      if (is_first || deadline != grouped.deadline_seconds) {
        grouped.deadline_seconds = deadline;
        keys.insert(grouped);
        if (keys.size() > most) return keys.size();
      }
      is_first = false;
      if (deadline == ClassKey::kNoDeadline) break;  // None of its tasks has one.
      task = queue.tasks.lower_bound(TaskId{task->job.next(), 0});
    }
  }
  return keys.size();
}

// Coarser when the classes are too many; finer when they are few, as far as they stay so.
int Machine::BestShift() const {
  int shift = deadline_shift_;
  if (filled_classes_ > kMaxPlannedClasses && shift > kCoarsestShift) {
    do --shift;
    while (shift > kCoarsestShift && ClassesWith(shift, kMaxPlannedClasses) > kMaxPlannedClasses);
    return shift;
  }
  constexpr size_t kFew = kMaxPlannedClasses / 2;
  if (filled_classes_ >= kFew / 2 || shift == kExactShift) return shift;
  // What cannot be told apart more finely by one step costs no count of all.
  if (ClassesWith(shift + 1, kFew) > kFew) return shift;
  int finest = kExactShift;
  while (finest > shift + 1 && ClassesWith(finest, kFew) > kFew) --finest;
  return finest;
}

// Keeps the number of classes bounded, since a plan costs as much. Only where a plan has been wanted
// and its snapshot is not taken: that plan is of the new classes.
void Machine::GroupDeadlines() {
  if (filled_classes_ > kMaxPlannedClasses && deadline_shift_ > kCoarsestShift) WantPlan();
  if (!std::exchange(snapshot_ahead_, false)) return;
  const int shift = BestShift();
  if (std::exchange(deadline_shift_, shift) != shift) RebuildClasses();
}

}  // namespace heliotrope::core
