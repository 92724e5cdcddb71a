#include "scheduler/plan/journey.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace heliotrope::plan {
namespace {

// The cheapest site of those that still has room in the block.
std::optional<size_t> CheapestWithRoom(const Ledger& ledger, uint64_t sites, size_t block,
                                       const Amount& each) {
  std::optional<size_t> best;
  for (size_t site = 0; site < ledger.sites(); ++site) {
    if ((sites >> site & 1) == 0 || ledger.residual(site, block, each) <= 0) continue;
    if (!ledger.TakesOne(site, block, each)) continue;
    if (!best.has_value() || ledger.price(site, block) < ledger.price(*best, block)) best = site;
  }
  return best;
}

}  // namespace

Journey Travel(const Ledger& ledger, const Trip& trip) {
  Journey journey{.parts = {}, .each = trip.each};
  const int64_t rate = trip.each.milli_cores * trip.count;
  const int64_t run = std::min(trip.run_s, ledger.horizon());
  int64_t left = rate * run;
  int64_t end = trip.from_s;
  for (size_t block = ledger.BlockOf(trip.from_s); block < ledger.blocks() && left > 0; ++block) {
    const int64_t from = std::max(trip.from_s, ledger.start(block));
    const int64_t span = std::min(ledger.end(block), trip.until_s) - from;
    if (span <= 0) break;
    const int64_t wanted = std::min(left, rate * span);
    int64_t taken = 0;
    uint64_t sites = trip.sites & ~(uint64_t{1} << trip.site);
    std::optional<size_t> site = trip.site;
    while (site.has_value() && taken < wanted) {
      const bool large_enough = ledger.TakesOne(*site, block, trip.each);
      const int64_t room = large_enough ? ledger.residual(*site, block, trip.each) * span : 0;
      const int64_t part = std::min(wanted - taken, room);
      if (part > 0) journey.parts.push_back({*site, block, part});
      taken += part;
      sites &= ~(uint64_t{1} << *site);
      site = CheapestWithRoom(ledger, sites, block, trip.each);
    }
    left -= taken;
    if (taken > 0) end = from + (taken + rate - 1) / rate;
  }
  journey.end_s = std::max(end, trip.from_s + trip.run_s);
  journey.left_over = left;
  return journey;
}

void Enter(Ledger& ledger, const Journey& journey) {
  for (const Journey::Part& part : journey.parts) {
    ledger.AddPart(part.site, part.block, part.core_seconds,
                   journey.each.MemoryWith(part.core_seconds));
  }
}

void Overflow::EnterRunning(Ledger& ledger, const Running& running) {
  const Ledger::Use& use = running.use;
  const Amount each{.milli_cores = use.milli_cores, .mib = use.mib};
  const int64_t from = std::max(use.from, ledger.now());
  for (size_t block = ledger.BlockOf(from); block < blocks_ && ledger.start(block) < use.to;
       ++block) {
    const int64_t span = std::min(ledger.end(block), use.to) - std::max(ledger.start(block), from);
    const int64_t wanted = use.milli_cores * span;
    int64_t part = wanted;
    if (ledger.start(block) >= running.sure_until_s) {
      part = std::min(part, ledger.residual(use.site, block, each) * ledger.length(block));
    }
    ledger.AddPart(use.site, block, part, each.MemoryWith(part));
    if (part == wanted) continue;
    std::vector<int64_t>& rest = rest_[running.sites];
    rest.resize(blocks_);
    rest[block] += wanted - part;
  }
}

void Overflow::EnterRest(Ledger& ledger) const {
  for (const auto& [sites, rest] : rest_) {
    int64_t left = 0;
    for (size_t block = ledger.first_block(); block < blocks_; ++block) {
      left += rest[block];
      uint64_t open = sites;
      while (left > 0) {
        const std::optional<size_t> site = CheapestWithRoom(ledger, open, block, {});
        if (!site.has_value()) break;
        const int64_t part = std::min(left, ledger.residual(*site, block) * ledger.length(block));
        ledger.AddPart(*site, block, part, 0);
        left -= part;
        open &= ~(uint64_t{1} << *site);
      }
    }
  }
}

}  // namespace heliotrope::plan
