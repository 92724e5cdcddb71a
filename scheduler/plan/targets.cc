#include "scheduler/plan/targets.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/text.h"

namespace heliotrope::plan {

bool HasCoresNow(const Ledger& ledger, size_t index, int64_t milli_cores) {
  const Site& site = ledger.input().sites[index];
  const int64_t target = site.capacity.ScaledBy(site.target_utilization).value();
  const int64_t used = site.capacity.value() - ledger.free_now(index);
  return used + milli_cores <= target;
}

int64_t PauseOf(const RunningTask& task) {
  return std::max<int64_t>(0, Ledger::Seconds(task.move_pause));
}

std::optional<Target> FindTarget(const Ledger& ledger, const RunningTask& task) {
  const Demand demand = DemandOf(ledger.input(), task);
  const int64_t arrives = ledger.now() + PauseOf(task);
  const size_t block = ledger.BlockOf(arrives);
  if (block >= ledger.blocks()) return std::nullopt;
  uint64_t with_cores = 0;
  for (size_t site = 0; site < ledger.sites(); ++site) {
    if (!demand.Takes(site) || !HasCoresNow(ledger, site, demand.milli_cores)) continue;
    with_cores |= uint64_t{1} << site;
  }
  if (with_cores == 0) return std::nullopt;
  const Offers offers(ledger, demand, arrives + demand.work_s);
  std::optional<Target> best;
  for (size_t site = 0; site < ledger.sites(); ++site) {
    if ((with_cores >> site & 1) == 0) continue;
    // The cores are held from now on, so headroom must be there from now on.
    const size_t first = ledger.first_block();
    if (offers.Reach(site, first) < arrives || !offers.Holds(site, block, arrives)) continue;
    const int64_t score = offers.Score(site, block, arrives);
    if (!best.has_value() || score < best->score) {
      best = Target{.site = site, .arrives_s = arrives, .score = score};
    }
  }
  return best;
}

void EnterMoving(Ledger& ledger, const RunningTask& task, const Target& target,
                 Overflow& overflow) {
  const Input& input = ledger.input();
  ledger.TakeFreeNow(target.site, task.request.cores.value());
  overflow.EnterRunning(
      ledger, {.use = {.site = target.site,
                       .from = ledger.now(),
                       .to = target.arrives_s + Ledger::Seconds(task.remaining),
                       .milli_cores = task.request.cores.value()},
               .sure_until_s = target.arrives_s + Ledger::Seconds(input.settings.minimum_run),
               .sites = FittingSites(input, task.allowed, task.request)});
}

std::string TargetText(const Ledger& ledger, const RunningTask& task,
                       const std::optional<Target>& target) {
  if (!target.has_value()) {
    return "; no allowed data center has headroom for it now, so it checkpoints and waits";
  }
  const int64_t end = target->arrives_s + std::min(kStaySeconds, Ledger::Seconds(task.remaining));
  const size_t block = ledger.BlockOf(target->arrives_s);
  return absl::StrCat("; goes to ", ledger.input().sites[target->site].id.value(), ": ",
                      CoresText(ledger.residual(target->site, block)), " free of ",
                      CoresText(ledger.headroom(target->site, block)), " of headroom, price ",
                      PriceText(ledger.MeanPrice(target->site, target->arrives_s, end)),
                      " against ", PriceText(ledger.MeanPrice(task.site, target->arrives_s, end)),
                      " here");
}

}  // namespace heliotrope::plan
