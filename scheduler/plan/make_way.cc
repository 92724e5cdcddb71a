// Way for tasks whose deadline cannot wait (Promise 8).
#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/moves.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/quotas.h"
#include "scheduler/plan/shortage.h"
#include "scheduler/plan/targets.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

constexpr size_t kMaxWays = 32;

class Way {
 public:
  Way(Ledger& ledger, Plan& plan)
      : ledger_(ledger), input_(ledger.input()), plan_(plan), quotas_(ledger) {
    for (size_t site = 0; site < ledger_.sites(); ++site) {
      // Who leaves already, by an earlier order or by this plan, makes way too.
      Amount leaving = Amount::Of({input_.sites[site].batch_now, input_.sites[site].batch_memory});
      leaving -= HeldAt(ledger_, site, ledger_.now() - 1);
      soon_free_.push_back(ledger_.free_now(site));
      soon_free_.back() += {.milli_cores = std::max<int64_t>(0, leaving.milli_cores),
                            .mib = std::max<int64_t>(0, leaving.mib)};
    }
    for (const MoveAdvice& move : plan_.moves) told_.insert(move.task);
    for (const RunningTask& task : input_.running) {
      if (CountsThere(task) && told_.contains(task.task)) {
        soon_free_[task.site] += Amount::Of(task.request);
      }
    }
  }

  void MakeFor(const Class& waiting, const Verdict& verdict);

 private:
  // Running tasks of the site that may go for it, who can best wait first.
  std::vector<const RunningTask*> WhoCanGo(const Class& waiting, size_t site) const;
  void Tell(const RunningTask& task, const Class& waiting);

  Ledger& ledger_;
  const Input& input_;
  Plan& plan_;
  Quotas quotas_;  // Of those for whom way is made.
  std::vector<Amount> soon_free_;
  std::set<TaskId> told_;  // By this plan.
  size_t ways_ = 0;
};

std::vector<const RunningTask*> Way::WhoCanGo(const Class& waiting, size_t site) const {
  std::vector<std::tuple<int, int64_t, size_t>> order;
  for (size_t i = 0; i < input_.running.size(); ++i) {
    const RunningTask& task = input_.running[i];
    if (task.site != site || !task.checkpointable || !CountsThere(task)) continue;
    // Its own deadline must bear the wait, and nobody goes for less important work.
    if (task.priority > waiting.priority) continue;
    if (Laxity(ledger_, task) <= Ledger::Seconds(waiting.remaining)) continue;
    if (told_.contains(task.task)) continue;
    order.emplace_back(task.priority, -Laxity(ledger_, task), i);
  }
  std::sort(order.begin(), order.end());
  std::vector<const RunningTask*> who;
  for (const auto& entry : order) who.push_back(&input_.running[std::get<2>(entry)]);
  return who;
}

void Way::Tell(const RunningTask& task, const Class& waiting) {
  const std::optional<Target> target = FindTarget(ledger_, task);
  plan_.moves.push_back(
      {.task = task.task,
       .attempt = task.attempt,
       .to = target.has_value() ? std::optional<size_t>(target->site) : std::nullopt,
       .reason = Reason::kMakesWay,
       .detail = absl::StrCat("makes way in ", input_.sites[task.site].id.value(),
                              " for a task of priority ", waiting.priority,
                              " that must start now to end by its deadline at ",
                              AtText(waiting.deadline, input_.now), " and finds no free cores",
                              TargetText(ledger_, task, target))});
  if (target.has_value()) {
    Overflow overflow(ledger_);
    EnterMoving(ledger_, task, *target, overflow);
    overflow.EnterRest(ledger_);
  }
  told_.insert(task.task);
  ++ways_;
}

void Way::MakeFor(const Class& waiting, const Verdict& verdict) {
  const Amount each = DemandOf(input_, waiting).each();
  int64_t missing = waiting.count;
  for (const Allotment& allotment : verdict.allotments) {
    missing -= allotment.count;
    quotas_.TakeNow(waiting, allotment.count);
  }
  // Nobody leaves for what its account may not start.
  missing = std::min(missing, quotas_.RoomNow(waiting));
  quotas_.TakeNow(waiting, std::max<int64_t>(0, missing));
  for (const size_t site : verdict.ranked) {
    const std::vector<const RunningTask*> who = WhoCanGo(waiting, site);
    size_t next = 0;
    while (missing > 0 && ways_ < kMaxWays) {
      // As many as one more start needs; none if they would not be enough.
      size_t last = next;
      Amount freed = soon_free_[site];
      while (!freed.Holds(each) && last < who.size()) freed += Amount::Of(who[last++]->request);
      if (!freed.Holds(each)) break;
      for (; next < last; ++next) Tell(*who[next], waiting);
      freed -= each;
      soon_free_[site] = freed;
      --missing;
    }
  }
}

}  // namespace

void MakeWay(Ledger& ledger, Plan& plan) {
  const Input& input = ledger.input();
  std::optional<Way> way;
  for (const Verdict& verdict : plan.verdicts) {
    if (verdict.mode != Mode::kMustRun) continue;
    const auto waiting =
        std::lower_bound(input.classes.begin(), input.classes.end(), verdict.class_id,
                         [](const Class& c, uint64_t id) { return c.id < id; });
    if (waiting == input.classes.end() || waiting->id != verdict.class_id) continue;
    if (!way.has_value()) way.emplace(ledger, plan);
    way->MakeFor(*waiting, verdict);
  }
}

}  // namespace heliotrope::plan
