#include "scheduler/plan/urgency.h"

#include <algorithm>

namespace heliotrope::plan {
namespace {

constexpr int64_t kBlockSlack = 300;
constexpr int64_t kWorkShare = 50;

int64_t LaxityOf(const Ledger& ledger, absl::Time deadline, int64_t run_s, int64_t margin_s) {
  if (deadline == absl::InfiniteFuture()) return Ledger::kForever;
  return ledger.SecondsOf(deadline) - ledger.now() - run_s - margin_s;
}

// How long it may wait if what remains is taken to be so much.
int64_t LaxityBy(const Ledger& ledger, const Class& task_class, absl::Duration remaining) {
  int64_t run = Ledger::Seconds(remaining);
  if (task_class.checkpoint_at.has_value()) run += Ledger::Seconds(task_class.restore_pause);
  return LaxityOf(ledger, task_class.deadline, run,
                  SafetyMargin(task_class.remaining, task_class.move_pause));
}

int64_t LaxityBy(const Ledger& ledger, const RunningTask& task, absl::Duration remaining) {
  return LaxityOf(ledger, task.deadline, Ledger::Seconds(remaining),
                  SafetyMargin(task.remaining, task.move_pause));
}

}  // namespace

int64_t SafetyMargin(absl::Duration remaining, absl::Duration move_pause) {
  return 2 * std::max<int64_t>(0, Ledger::Seconds(move_pause)) + kBlockSlack +
         std::max<int64_t>(0, Ledger::Seconds(remaining)) / kWorkShare;
}

int64_t Laxity(const Ledger& ledger, const Class& task_class) {
  return LaxityBy(ledger, task_class, std::max(task_class.remaining, task_class.remaining_high));
}

int64_t Laxity(const Ledger& ledger, const RunningTask& task) {
  return LaxityBy(ledger, task, std::max(task.remaining, task.remaining_high));
}

bool Pressed(const Ledger& ledger, const Class& task_class) {
  return Laxity(ledger, task_class) <= 0 && task_class.deadline > ledger.input().now;
}

bool UnderSafetyNet(const Ledger& ledger, const Class& task_class) {
  const int64_t laxity = task_class.pressing.has_value()
                             ? LaxityBy(ledger, task_class, *task_class.pressing)
                             : Laxity(ledger, task_class);
  return laxity <= 0 && task_class.deadline > ledger.input().now;
}

bool UnderSafetyNet(const Ledger& ledger, const RunningTask& task) {
  const int64_t laxity =
      task.pressing.has_value() ? LaxityBy(ledger, task, *task.pressing) : Laxity(ledger, task);
  return laxity <= 0 && task.deadline > ledger.input().now;
}

Urgency UrgencyOf(const Ledger& ledger, const Class& task_class) {
  return {!UnderSafetyNet(ledger, task_class), -task_class.priority, Laxity(ledger, task_class),
          task_class.oldest, task_class.id};
}

}  // namespace heliotrope::plan
