// How long a task may still wait, and the order that follows from it.
#pragma once

#include <cstdint>
#include <tuple>

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// What a task with a deadline keeps in hand at its end: two moves, a block, and a fiftieth of its
// work, since forecasts and expected durations err (after "Can't Be Late", NSDI 2024, rule 4).
int64_t SafetyMargin(absl::Duration remaining, absl::Duration move_pause);

// How long a start may wait so that the deadline is still met with the margin, should the work take
// as long as `remaining_high`; kForever without one.
int64_t Laxity(const Ledger& ledger, const Class& task_class);
int64_t Laxity(const Ledger& ledger, const RunningTask& task);

// No laxity is left: it takes the first headroom there is, at any price.
bool Pressed(const Ledger& ledger, const Class& task_class);

// The safety net holds: another hour of waiting would cost more chance to meet the deadline than an
// hour above the target is worth (Settings::deadline_worth_core_hours), so it runs in free cores
// whether there is headroom or not. Once the deadline has gone by, running over the target would not
// save it, so the foreground comes first again (Promise 7).
bool UnderSafetyNet(const Ledger& ledger, const Class& task_class);
bool UnderSafetyNet(const Ledger& ledger, const RunningTask& task);

// The order in which classes are planned and started: smaller first.
using Urgency = std::tuple<bool, int, int64_t, absl::Time, uint64_t>;
Urgency UrgencyOf(const Ledger& ledger, const Class& task_class);

}  // namespace heliotrope::plan
