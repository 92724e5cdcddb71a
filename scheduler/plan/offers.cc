#include "scheduler/plan/offers.h"

#include <limits>

namespace heliotrope::plan {
namespace {

// Leaving a site before the end costs the pause, dearer by this (CICS and others move only for a
// clear gain), and a fixed time on top, so that short hops never look free.
constexpr int64_t kPauseFactorPercent = 130;
constexpr int64_t kHopSeconds = 600;
// A start that comes an hour later must be cheaper by a thousandth of the typical price.
constexpr int64_t kWaitPerHour = 1000;
// Home is worth a hundredth of the typical price.
constexpr int64_t kHomeShare = 100;

std::optional<size_t> SiteOf(const Input& input, const std::optional<DataCenterId>& id) {
  if (!id.has_value()) return std::nullopt;
  for (size_t site = 0; site < input.sites.size(); ++site) {
    if (input.sites[site].id == *id) return site;
  }
  return std::nullopt;
}

}  // namespace

uint64_t AllowedSites(const Input& input, uint64_t allowed) {
  const size_t sites = input.sites.size();
  return sites >= 64 ? allowed : allowed & ((uint64_t{1} << sites) - 1);
}

uint64_t FittingSites(const Input& input, uint64_t allowed, const model::Resources& request) {
  uint64_t fitting = 0;
  for (size_t site = 0; site < input.sites.size(); ++site) {
    if (request.FitsIn(input.sites[site].largest_task)) fitting |= uint64_t{1} << site;
  }
  return fitting & AllowedSites(input, allowed);
}

Demand DemandOf(const Input& input, const Class& task_class) {
  Demand demand;
  demand.milli_cores = std::max<int64_t>(1, task_class.request.cores.value());
  demand.mib = Amount::Of(task_class.request).mib;
  demand.work_s = std::max<int64_t>(1, Ledger::Seconds(task_class.remaining));
  if (task_class.checkpoint_at.has_value()) {
    demand.restore_s = std::max<int64_t>(0, Ledger::Seconds(task_class.restore_pause));
    // A holder outside the fleet is nowhere: its number is no site's.
    demand.checkpoint_at = SiteOf(input, task_class.checkpoint_at).value_or(input.sites.size());
  }
  demand.home = SiteOf(input, task_class.home);
  demand.move_pause_s = std::max<int64_t>(0, Ledger::Seconds(task_class.move_pause));
  demand.window_s = std::max<int64_t>(1, Ledger::Seconds(input.settings.minimum_run));
  demand.checkpointable = task_class.checkpointable;
  demand.sites = FittingSites(input, task_class.allowed, task_class.request);
  return demand;
}

Demand DemandOf(const Input& input, const RunningTask& task) {
  Demand demand;
  demand.milli_cores = std::max<int64_t>(1, task.request.cores.value());
  demand.mib = Amount::Of(task.request).mib;
  demand.work_s = std::max<int64_t>(1, Ledger::Seconds(task.remaining));
  demand.move_pause_s = std::max<int64_t>(0, Ledger::Seconds(task.move_pause));
  demand.window_s = std::max<int64_t>(1, Ledger::Seconds(input.settings.minimum_run));
  demand.checkpointable = task.checkpointable;
  demand.sites = FittingSites(input, task.allowed, task.request) & ~(uint64_t{1} << task.site);
  return demand;
}

Offers::Offers(const Ledger& ledger, const Demand& demand, int64_t until_s)
    : ledger_(ledger),
      demand_(demand),
      blocks_(ledger.blocks()),
      last_(std::min(ledger.BlockOf(until_s) + 1, ledger.blocks())),
      reach_(ledger.sites() * ledger.blocks(), -1) {
  for (size_t site = 0; site < ledger_.sites(); ++site) {
    if (demand_.Takes(site)) FindReach(site);
  }
  if (demand_.checkpointable && demand_.work_s > demand_.window_s) FindElsewhere();
}

void Offers::FindReach(size_t site) {
  int64_t reach = -1;
  for (size_t block = last_; block-- > ledger_.first_block();) {
    // A task that is shorter than the block shares its cores with those before and after it.
    const int64_t length = ledger_.length(block);
    const int64_t part = demand_.work_s >= length
                             ? demand_.milli_cores
                             : demand_.milli_cores * demand_.work_s / length + 1;
    const bool room = ledger_.TakesOne(site, block, demand_.each()) &&
                      ledger_.residual(site, block, demand_.each()) >= part;
    if (!room) {
      reach = -1;
    } else if (reach < 0) {
      reach = ledger_.end(block);
    }
    reach_[site * blocks_ + block] = reach;
  }
}

void Offers::FindElsewhere() {
  elsewhere_price_.assign(blocks_, 0);
  elsewhere_before_.assign(blocks_, 0);
  int64_t before = 0;
  for (size_t block = ledger_.first_block(); block < last_; ++block) {
    int64_t cheapest = std::numeric_limits<int64_t>::max();
    int64_t dearest = std::numeric_limits<int64_t>::min();
    for (size_t site = 0; site < ledger_.sites(); ++site) {
      if (!demand_.Takes(site)) continue;
      const int64_t price = ledger_.price(site, block);
      dearest = std::max(dearest, price);
      if (Reach(site, block) >= 0) cheapest = std::min(cheapest, price);
    }
    // With headroom nowhere, it would wait or run at any price.
    int64_t price = cheapest;
    if (cheapest == std::numeric_limits<int64_t>::max()) price = std::max<int64_t>(dearest, 0);
    elsewhere_price_[block] = price;
    elsewhere_before_[block] = before;
    before += price * ledger_.length(block);
  }
}

int64_t Offers::ElsewhereCost(int64_t from, int64_t to) const {
  if (from >= to || elsewhere_price_.empty()) return 0;
  const size_t first = ledger_.BlockOf(from);
  const size_t last = ledger_.BlockOf(to - 1);
  return elsewhere_before_[last] + elsewhere_price_[last] * (to - ledger_.start(last)) -
         elsewhere_before_[first] - elsewhere_price_[first] * (from - ledger_.start(first));
}

bool Offers::Holds(size_t site, size_t block, int64_t start_s) const {
  const int64_t window = demand_.WindowIn(site);
  // At the end of the grid a stretch is cut short; what is not seen is no headroom.
  if (start_s + std::min(window, kLeastSeenSeconds) > ledger_.horizon()) return false;
  const int64_t needed = std::min(start_s + window, ledger_.horizon());
  return Reach(site, block) >= needed && Reach(site, block) > start_s;
}

int64_t Offers::RunCost(size_t site, size_t block, int64_t from, int64_t to) const {
  if (elsewhere_price_.empty()) return ledger_.Cost(site, from, to);
  const int64_t pause = std::min(demand_.move_pause_s, ledger_.horizon());
  const int64_t move = ledger_.typical_price() * (pause * kPauseFactorPercent / 100 + kHopSeconds);
  const int64_t reach = std::clamp(Reach(site, block), from, to);
  int64_t cost = ledger_.Cost(site, from, reach);
  if (reach < to) cost += ElsewhereCost(reach, to) + move;
  const int64_t hop = from + kStaySeconds;
  if (hop >= reach) return cost;
  return std::min(cost, ledger_.Cost(site, from, hop) + ElsewhereCost(hop, to) + move);
}

int64_t Offers::Score(size_t site, size_t block, int64_t start_s) const {
  const int64_t typical = ledger_.typical_price();
  const int64_t run = demand_.RunIn(site);
  const int64_t end = std::min(start_s + run, ledger_.horizon());
  const int64_t useful = std::max<int64_t>(1, end - start_s - (run - demand_.work_s));
  int64_t score = RunCost(site, block, start_s, end) / useful;
  score += typical * (start_s - ledger_.now()) / 3600 / kWaitPerHour;
  if (demand_.home == site) score -= typical / kHomeShare;
  return score;
}

}  // namespace heliotrope::plan
