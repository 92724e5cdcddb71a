// Which running tasks leave their site, and where they go.
#pragma once

#include <vector>

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// Tasks that must go: their node is drained, the measured foreground has taken their headroom, or
// the forecast will within the time that leaving takes. Enters every running task into the ledger,
// those that go at their target. REQUIRES: nothing is planned yet.
void MakeRoom(Ledger& ledger, Plan& plan);

// Tasks that could wait go, to let those start whose deadline cannot: for each class under the
// safety net that found too few free cores, into which it would not fit otherwise. REQUIRES: its
// verdict is in the plan.
void MakeWay(Ledger& ledger, Plan& plan);

// Tasks whose remaining work is clearly cheaper elsewhere, into what is left once all is planned.
// Bounded, and only for tasks that have not moved lately.
void SeekCheaper(Ledger& ledger, Plan& plan);

}  // namespace heliotrope::plan
