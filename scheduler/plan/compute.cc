// The whole plan: what scarce cores are worth, running tasks that must leave, classes by urgency, way
// for those that must run and find no core, and then who holds the cores of now.
#include <algorithm>
#include <utility>

#include "scheduler/plan/clearing.h"
#include "scheduler/plan/lateness.h"
#include "scheduler/plan/ledger.h"
#include "scheduler/plan/market.h"
#include "scheduler/plan/moves.h"
#include "scheduler/plan/placement.h"
#include "scheduler/plan/plan.h"
#include "scheduler/plan/quotas.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {

Plan Compute(const Input& input) {
  Ledger ledger(input);
  Plan plan;
  plan.made = input.now;
  plan.basis = input.basis;
  plan.grid = input.grid;
  SettleScarcity(ledger);
  Market market(ledger);
  Quotas quotas(ledger);
  MakeRoom(ledger, plan);
  std::vector<std::pair<Urgency, const Class*>> order;
  order.reserve(input.classes.size());
  for (const Class& task_class : input.classes) {
    order.emplace_back(UrgencyOf(ledger, task_class), &task_class);
  }
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  plan.verdicts.reserve(order.size());
  for (const auto& entry : order)
    plan.verdicts.push_back(PlaceTasks(ledger, market, quotas, *entry.second));
  MakeWay(ledger, plan);
  ClearRunning(ledger, market, plan);
  SeekCheaper(ledger, plan);
  NoteRisks(ledger, plan);
  ledger.WriteTo(plan);
  return plan;
}

const Verdict& PlaceClass(const Input& input, const Class& added, Plan& plan) {
  Ledger ledger(input);
  ledger.TakeUp(plan);
  Market market(ledger);
  Quotas quotas(ledger);
  plan.verdicts.push_back(PlaceTasks(ledger, market, quotas, added));
  ledger.WriteTo(plan);
  return plan.verdicts.back();
}

}  // namespace heliotrope::plan
