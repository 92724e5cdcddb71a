// What the core learns of the work itself: how long tasks run, and what is still to come.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

using model::TaskState;

namespace {

// Of what is expected of a task, before it counts how long it can wait.
constexpr double kUsualOverrun = 1.1;
// Core-seconds: what milli-core-seconds can hold.
constexpr double kMostWork = 9e15;
constexpr absl::string_view kAnywhere = "any";

std::string ResidencyKey(const model::Residency& residency) {
  return residency.any ? std::string(kAnywhere) : absl::StrJoin(residency.words, "+");
}

model::Residency ResidencyOf(absl::string_view key) {
  if (key == kAnywhere) return {.any = true, .words = {}};
  return {.any = false, .words = absl::StrSplit(key, '+')};
}

absl::Duration WindowOf(const Job& job) { return job.spec->deadline - job.create_time; }

}  // namespace

// All that the task ran and kept, in all its attempts. That its host froze it for a while is not
// known here and counts as running: so it will be for the next one.
void Machine::LearnDuration(const Job& job, const model::Task& task) {
  const model::AttemptRecord& last = task.run->attempts.back();
  if (last.start_time > last.end_time) return;
  const absl::Duration actual = task.run->base_progress + (last.end_time - last.start_time);
  const curve::Durations::Learned learned =
      durations_.Learn(job.spec->account, curve::JobStem(job.id.value()),
                       job.spec->expected_duration, actual, now_, WindowOf(job));
  changes_.durations.insert(learned.changed.begin(), learned.changed.end());
  changes_.removed_durations.insert(learned.removed.begin(), learned.removed.end());
}

absl::Duration Machine::WorkDone(const model::Task& task) const {
  if (task.run == nullptr) return absl::ZeroDuration();
  absl::Duration done = HoldsNode(task.state)  ? task.run->base_progress
                        : task.run->checkpoint ? task.run->checkpoint->progress
                                               : absl::ZeroDuration();
  if (task.state == TaskState::kRunning || task.state == TaskState::kCheckpointing) {
    const absl::Time started = task.run->attempts.back().start_time;
    if (started < now_) done += now_ - started;
  }
  return done;
}

curve::RemainingWork Machine::RemainingWork(const Job& job, const model::Task& task) const {
  const model::JobSpec& spec = *job.spec;
  const double core_hours =
      spec.request.cores.cores() * absl::ToDoubleHours(spec.expected_duration);
  const curve::RemainingAsk ask{.quantile = 1 - plan::MissChance(fleet_.planning, core_hours),
                                .chance_per_hour = spec.request.cores.cores() /
                                                   plan::DeadlineWorth(fleet_.planning, core_hours),
                                .window = WindowOf(job)};
  curve::RemainingWork left = durations_.Remaining(spec.account, curve::JobStem(job.id.value()),
                                                   spec.expected_duration, WorkDone(task), ask);
  left.high = std::max(left.high, left.mean);
  return left;
}

// At the time of its submission, so that a recovery may learn it again from the job.
void Machine::LearnDemand(const Job& job) {
  const model::JobSpec& spec = *job.spec;
  const absl::Duration run = spec.expected_duration * kUsualOverrun;
  const absl::Duration slack = spec.deadline == absl::InfiniteFuture()
                                   ? absl::InfiniteDuration()
                                   : spec.deadline - job.create_time - run;
  const double core_seconds = spec.request.cores.cores() *
                              absl::ToDoubleSeconds(spec.expected_duration) *
                              static_cast<double>(spec.count);
  demand_.Add(ResidencyKey(spec.residency), job.create_time, core_seconds, spec.expected_duration,
              slack);
}

std::vector<plan::FutureWork> Machine::FutureWork() const {
  std::vector<plan::FutureWork> future;
  for (const curve::ExpectedWork& work : demand_.Ahead(now_)) {
    const uint64_t allowed = AllowedSites(ResidencyOf(work.residency));
    if (allowed == 0) continue;
    future.push_back(
        {.allowed = allowed,
         .release = work.release,
         .milli_core_seconds = std::llround(std::min(work.core_seconds, kMostWork) * 1000),
         .each = work.each,
         .slack = work.slack});
  }
  return future;
}

curve::Chance Machine::ChanceWithin(const Job& job, const model::Task& task,
                                    absl::Duration limit) const {
  const model::JobSpec& spec = *job.spec;
  return durations_.ChanceWithin(spec.account, curve::JobStem(job.id.value()),
                                 spec.expected_duration, WorkDone(task), limit, WindowOf(job));
}

}  // namespace heliotrope::core
