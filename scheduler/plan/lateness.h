// What of a plan may end after its deadline, found where the plan is made so that who adopts it
// need not look at everything.
#pragma once

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// Fills Verdict::beyond and Plan::at_risk of a plan that is otherwise done. Cost O(running tasks +
// classes with tasks that have no allotment x sites x blocks before their deadline).
void NoteRisks(const Ledger& ledger, Plan& plan);

}  // namespace heliotrope::plan
