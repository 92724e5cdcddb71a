// Who holds the cores of this moment: the market of now. Running tasks that can pause and tasks
// that want to start bid what an hour is worth to them; the highest bids have the headroom, at each
// price that they bear. Who runs and is outbid, or finds its hour too dear, moves or pauses.
#pragma once

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/market.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// Adds the moves and pauses of running tasks to the plan. REQUIRES: the verdicts of all waiting
// classes, and the moves that are needed for other reasons, are in it. A running task has an edge
// over its equals, a larger one in its first `minimum_run`, so that nothing is paused for little.
void ClearRunning(Ledger& ledger, Market& market, Plan& plan);

}  // namespace heliotrope::plan
