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

}  // namespace

int64_t SafetyMargin(absl::Duration remaining, absl::Duration move_pause) {
  return 2 * std::max<int64_t>(0, Ledger::Seconds(move_pause)) + kBlockSlack +
         std::max<int64_t>(0, Ledger::Seconds(remaining)) / kWorkShare;
}

int64_t Laxity(const Ledger& ledger, const Class& task_class) {
  int64_t run = Ledger::Seconds(std::max(task_class.remaining, task_class.remaining_high));
  if (task_class.checkpoint_at.has_value()) run += Ledger::Seconds(task_class.restore_pause);
  return LaxityOf(ledger, task_class.deadline, run,
                  SafetyMargin(task_class.remaining, task_class.move_pause));
}

int64_t Laxity(const Ledger& ledger, const RunningTask& task) {
  return LaxityOf(ledger, task.deadline,
                  Ledger::Seconds(std::max(task.remaining, task.remaining_high)),
                  SafetyMargin(task.remaining, task.move_pause));
}

bool UnderSafetyNet(const Ledger& ledger, const Class& task_class) {
  return Laxity(ledger, task_class) <= 0 && task_class.deadline > ledger.input().now;
}

bool UnderSafetyNet(const Ledger& ledger, const RunningTask& task) {
  return Laxity(ledger, task) <= 0 && task.deadline > ledger.input().now;
}

Urgency UrgencyOf(const Ledger& ledger, const Class& task_class) {
  return {!UnderSafetyNet(ledger, task_class), -task_class.priority, Laxity(ledger, task_class),
          task_class.oldest, task_class.id};
}

}  // namespace heliotrope::plan
