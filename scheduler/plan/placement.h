// One class: whether its tasks start as soon as possible, at a chosen time, at any price or never,
// and where.
#pragma once

#include "scheduler/plan/ledger.h"
#include "scheduler/plan/market.h"
#include "scheduler/plan/plan.h"
#include "scheduler/plan/quotas.h"

namespace heliotrope::plan {

// Decides and enters what it allots into the ledger and the quotas. Cost O(sites x blocks).
Verdict PlaceTasks(Ledger& ledger, Market& market, Quotas& quotas, const Class& task_class);

}  // namespace heliotrope::plan
