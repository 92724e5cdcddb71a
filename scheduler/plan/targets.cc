#include "scheduler/plan/targets.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/text.h"

namespace heliotrope::plan {

bool HasRoomNow(const Ledger& ledger, size_t index, const Amount& each) {
  const Site& site = ledger.input().sites[index];
  const int64_t target = site.capacity.ScaledBy(site.target_utilization).value();
  const Amount& free = ledger.free_now(index);
  const int64_t used = site.capacity.value() - free.milli_cores;
  return used + each.milli_cores <= target && each.mib <= free.mib;
}

int64_t PauseOf(const RunningTask& task) {
  return std::max<int64_t>(0, Ledger::Seconds(task.move_pause));
}

std::optional<Target> FindTarget(const Ledger& ledger, const RunningTask& task) {
  const Demand demand = DemandOf(ledger.input(), task);
  const int64_t arrives = ledger.now() + PauseOf(task);
  const size_t block = ledger.BlockOf(arrives);
  if (block >= ledger.blocks()) return std::nullopt;
  uint64_t with_room = 0;
  for (size_t site = 0; site < ledger.sites(); ++site) {
    if (!demand.Takes(site) || !HasRoomNow(ledger, site, demand.each())) continue;
    with_room |= uint64_t{1} << site;
  }
  if (with_room == 0) return std::nullopt;
  const Offers offers(ledger, demand, arrives + demand.work_s);
  std::optional<Target> best;
  for (size_t site = 0; site < ledger.sites(); ++site) {
    if ((with_room >> site & 1) == 0) continue;
    // The room is held from now on, so headroom must be there from now on.
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
  const Amount each = Amount::Of(task.request);
  ledger.TakeFreeNow(target.site, each);
  overflow.EnterRunning(
      ledger, {.use = {.site = target.site,
                       .from = ledger.now(),
                       .to = target.arrives_s + Ledger::Seconds(task.remaining),
                       .milli_cores = each.milli_cores,
                       .mib = each.mib},
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
