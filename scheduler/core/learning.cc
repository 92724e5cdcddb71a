// What the core learns of the work itself: how long tasks run.
#include <algorithm>

#include "scheduler/core/machine.h"

namespace heliotrope::core {

using model::TaskState;

// All that the task ran and kept, in all its attempts. That its host froze it for a while is not
// known here and counts as running: so it will be for the next one.
void Machine::LearnDuration(const Job& job, const model::Task& task) {
  const model::AttemptRecord& last = task.run->attempts.back();
  if (last.start_time > last.end_time) return;
  const absl::Duration actual = task.run->base_progress + (last.end_time - last.start_time);
  const curve::Durations::Learned learned = durations_.Learn(
      job.spec->account, curve::JobStem(job.id.value()), job.spec->expected_duration, actual, now_);
  changes_.durations.insert(learned.changed.begin(), learned.changed.end());
  changes_.removed_durations.insert(learned.removed.begin(), learned.removed.end());
}

curve::RemainingWork Machine::RemainingWork(const Job& job, const model::Task& task) const {
  const model::JobSpec& spec = *job.spec;
  absl::Duration done = absl::ZeroDuration();
  if (task.run != nullptr) {
    done = HoldsNode(task.state)  ? task.run->base_progress
           : task.run->checkpoint ? task.run->checkpoint->progress
                                  : absl::ZeroDuration();
    if (task.state == TaskState::kRunning || task.state == TaskState::kCheckpointing) {
      const absl::Time started = task.run->attempts.back().start_time;
      if (started < now_) done += now_ - started;
    }
  }
  const double core_hours =
      spec.request.cores.cores() * absl::ToDoubleHours(spec.expected_duration);
  const double quantile = 1 - plan::MissChance(fleet_.planning, core_hours);
  curve::RemainingWork left = durations_.Remaining(spec.account, curve::JobStem(job.id.value()),
                                                   spec.expected_duration, done, quantile);
  left.high = std::max(left.high, left.mean);
  return left;
}

}  // namespace heliotrope::core
