#include "scheduler/plan/market.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>

#include "scheduler/plan/offers.h"
#include "scheduler/plan/quotas.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

// Rounds from the prices of the plan before, and from none.
constexpr int kRounds = 8;
constexpr int kFirstRounds = 80;
// The first and last step of a round, in shares of the typical price; the most that is added to a
// price, in typical prices.
constexpr int64_t kFirstStepDivisor = 16;
constexpr int64_t kLastStepDivisor = 100;
constexpr int64_t kMostScarcity = 6;
// One want takes at most so many times what a block has.
constexpr int64_t kMostTaken = 2;
// Of two hours that cost the same the earlier: a thousandth of the typical price for a day.
constexpr int64_t kWaitDivisor = 24 * 1000;
// A step of priority, as a share of the typical price.
constexpr int64_t kPriorityDivisor = 16;
// How far ahead forecasts are sharp enough to plan by their headroom; beyond it mostly by what is
// likely, since it will be planned anew.
constexpr int64_t kSharpSeconds = 2 * 3600;

int64_t MemoryPerCore(const model::Resources& request) {
  const Amount each = Amount::Of(request);
  return each.mib * 1000 / std::max<int64_t>(1, each.milli_cores);
}

// What settling works on: by site and block.
class Settling {
 public:
  explicit Settling(Ledger& ledger) : ledger_(ledger), input_(ledger.input()) {}
  void Run();

 private:
  void FindSupply();
  void FindWants();
  int64_t WithinQuota(Quotas& quotas, const Class& waiting) const;
  void AddWant(Want want);
  void TakeUpFormer();
  void Round(int64_t step);
  void Take(const Want& want, const Market::View& view);
  size_t Cell(size_t site, size_t block) const { return site * ledger_.blocks() + block; }

  // More taken than there is, in thousandths of it, from -1000 to 1000.
  static int64_t Excess(int64_t taken, int64_t supply, int64_t least) {
    return std::clamp<int64_t>((taken - supply) * 1000 / (supply + least), -1000, 1000);
  }

  Ledger& ledger_;
  const Input& input_;
  std::vector<Amount> supply_;
  std::vector<Amount> taken_;  // Times seconds.
  std::map<uint64_t, std::vector<Want>> wants_;
};

// What is left beside the tasks that stay where they are.
void Settling::FindSupply() {
  supply_.assign(ledger_.sites() * ledger_.blocks(), {});
  for (size_t site = 0; site < ledger_.sites(); ++site) {
    for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
      const int64_t sure = ledger_.headroom(site, block);
      const int64_t likely = std::max(sure, input_.sites[site].likely[block].value());
      const bool now = block == ledger_.first_block();
      const bool sharp = ledger_.start(block) < ledger_.now() + kSharpSeconds;
      Amount& supply = supply_[Cell(site, block)];
      supply.milli_cores = now ? sure : sharp ? (sure + likely) / 2 : (sure + 3 * likely) / 4;
      supply.mib = ledger_.memory_room(site);
    }
  }
  for (const RunningTask& task : input_.running) {
    if (task.checkpointable || task.node_drained || task.node_away) continue;
    const int64_t end = ledger_.now() + Ledger::Seconds(task.remaining);
    for (size_t block = ledger_.first_block();
         block < ledger_.blocks() && ledger_.start(block) < end; ++block) {
      const int64_t part = std::min(ledger_.end(block), end) - ledger_.start(block);
      const int64_t length = std::max<int64_t>(1, ledger_.length(block));
      const Amount held = Amount::Of(task.request);
      Amount& left = supply_[Cell(task.site, block)];
      left.milli_cores = std::max<int64_t>(0, left.milli_cores - held.milli_cores * part / length);
      left.mib = std::max<int64_t>(0, left.mib - held.mib * part / length);
    }
  }
}

// How many of its tasks its account may have alive at once, when what runs now has ended; the others
// follow after them, and push no price up. What comes first by its id has the quota.
int64_t Settling::WithinQuota(Quotas& quotas, const Class& waiting) const {
  const int64_t last = ledger_.horizon() - 1;
  const int64_t count =
      std::min<int64_t>(waiting.count, quotas.Room(waiting, last, ledger_.horizon()));
  quotas.Take(waiting, last, ledger_.horizon(), count);
  return count;
}

void Settling::AddWant(Want want) {
  // What has no deadline is not put off.
  if (want.until_s >= Ledger::kForever) want.until_s = want.from_s + want.work_s;
  want.from_s = std::max(want.from_s, ledger_.now());
  want.until_s = std::clamp(want.until_s, want.from_s + want.work_s, ledger_.horizon());
  if (want.sites == 0 || want.milli_cores <= 0 || want.from_s >= ledger_.horizon()) return;
  wants_[want.sites].push_back(want);
}

void Settling::FindWants() {
  Quotas quotas(ledger_);
  for (const Class& waiting : input_.classes) {
    const int64_t at_once = WithinQuota(quotas, waiting);
    const int64_t each_s = std::max<int64_t>(1, Ledger::Seconds(waiting.remaining));
    if (at_once <= 0) continue;
    AddWant({.sites = FittingSites(input_, waiting.allowed, waiting.request),
             .milli_cores = waiting.request.cores.value() * at_once,
             .mib_per_core = MemoryPerCore(waiting.request),
             .work_s = at_once < waiting.count
                           ? std::min(each_s * waiting.count / at_once,
                                      std::max(each_s, ledger_.horizon() - ledger_.now()))
                           : each_s,
             .from_s = ledger_.now(),
             .until_s = PlannedUntil(ledger_, waiting)});
  }
  for (const RunningTask& task : input_.running) {
    if (!task.checkpointable || task.node_away) continue;
    AddWant({.sites = FittingSites(input_, task.allowed, task.request),
             .milli_cores = task.request.cores.value(),
             .mib_per_core = MemoryPerCore(task.request),
             .work_s = std::max<int64_t>(1, Ledger::Seconds(task.remaining)),
             .from_s = ledger_.now(),
             .until_s = PlannedUntil(ledger_, task)});
  }
  for (const FutureWork& future : input_.future) {
    const int64_t each = std::max<int64_t>(300, Ledger::Seconds(future.each));
    const int64_t from = ledger_.SecondsOf(future.release);
    AddWant({.sites = future.allowed,
             .milli_cores = future.milli_core_seconds / each,
             .work_s = each,
             .from_s = from,
             .until_s = from + each + std::max<int64_t>(0, Ledger::Seconds(future.slack))});
  }
}

void Settling::Take(const Want& want, const Market::View& view) {
  int64_t left = want.work_s * want.milli_cores;
  for (const size_t block : view.cheapest_first) {
    const int64_t span =
        std::min(ledger_.end(block), want.until_s) - std::max(ledger_.start(block), want.from_s);
    if (span <= 0) continue;
    const size_t cell = Cell(view.site[block], block);
    // Of many tasks that are alike some take other hours when these are more than full.
    int64_t most = kMostTaken * supply_[cell].milli_cores + 1;
    const int64_t memory = (kMostTaken * supply_[cell].mib + 1) * 1000;
    if (most * want.mib_per_core > memory) most = memory / want.mib_per_core;
    const int64_t part = std::min(left, span * std::min(want.milli_cores, most));
    taken_[cell] += {.milli_cores = part, .mib = part / 1000 * want.mib_per_core};
    left -= part;
    if (left <= 0) return;
  }
}

void Settling::Round(int64_t step) {
  taken_.assign(supply_.size(), {});
  Market market(ledger_);
  for (const auto& [sites, wants] : wants_) {
    const Market::View& view = market.ViewOf(sites);
    for (const Want& want : wants) Take(want, view);
  }
  std::vector<std::vector<int64_t>> next(ledger_.sites());
  for (size_t site = 0; site < ledger_.sites(); ++site) {
    next[site].assign(ledger_.blocks(), 0);
    const int64_t least = input_.sites[site].capacity.value() / 50 + 1;
    const int64_t least_mib = ledger_.memory_room(site) / 50 + 1;
    for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
      const Amount& supply = supply_[Cell(site, block)];
      const Amount& taken = taken_[Cell(site, block)];
      const int64_t length = std::max<int64_t>(1, ledger_.length(block));
      int64_t share = Excess(taken.milli_cores / length, supply.milli_cores, least);
      // Memory counts where it is short.
      const int64_t memory = Excess(taken.mib / length, supply.mib, least_mib);
      if (memory > 0) share = std::max(share, memory);
      next[site][block] = std::clamp<int64_t>(ledger_.scarcity(site, block) + step * share / 1000,
                                              0, kMostScarcity * ledger_.typical_price());
    }
  }
  ledger_.SetScarcity(next);
}

// The worth of a moment stays the same while the grid goes on.
void Settling::TakeUpFormer() {
  const Scarcity& former = input_.scarcity;
  std::vector<std::vector<int64_t>> worth(ledger_.sites());
  for (size_t site = 0; site < ledger_.sites(); ++site) {
    worth[site].assign(ledger_.blocks(), 0);
    for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
      const Block& here = input_.grid[block];
      const size_t from =
          std::min(BlockIndex(former.grid, here.start + here.length / 2), former.grid.size() - 1);
      worth[site][block] = former.worth[site][from].value();
    }
  }
  ledger_.SetScarcity(worth);
}

void Settling::Run() {
  if (ledger_.first_block() >= ledger_.blocks() || ledger_.sites() == 0) return;
  FindSupply();
  FindWants();
  const bool goes_on =
      !input_.scarcity.grid.empty() && input_.scarcity.worth.size() == ledger_.sites();
  if (goes_on) TakeUpFormer();
  const int rounds = goes_on ? kRounds : kFirstRounds;
  const int64_t first = std::max<int64_t>(1, ledger_.typical_price() / kFirstStepDivisor);
  const int64_t last = std::max<int64_t>(1, ledger_.typical_price() / kLastStepDivisor);
  for (int round = 0; round < rounds; ++round) {
    Round(last + (first - last) * (rounds - 1 - round) / std::max(1, rounds - 1));
  }
}

int64_t UntilOf(const Ledger& ledger, absl::Time deadline, int64_t laxity, absl::Duration work) {
  if (laxity >= Ledger::kForever || deadline <= ledger.input().now) return Ledger::kForever;
  return ledger.now() + std::max<int64_t>(1, Ledger::Seconds(work)) + std::max<int64_t>(0, laxity);
}

}  // namespace

const Market::View& Market::ViewOf(uint64_t sites) {
  const auto [entry, is_new] = views_.try_emplace(sites);
  View& view = entry->second;
  if (!is_new) return view;
  const size_t blocks = ledger_.blocks();
  view.worth.assign(blocks, kAnyPrice);
  view.site.assign(blocks, 0);
  const int64_t typical = ledger_.typical_price();
  for (size_t block = ledger_.first_block(); block < blocks; ++block) {
    for (uint64_t left = sites; left != 0; left &= left - 1) {
      const auto site = static_cast<size_t>(std::countr_zero(left));
      const int64_t worth = ledger_.worth(site, block);
      if (worth >= view.worth[block] || ledger_.RoomAhead(site, block) <= 0) continue;
      view.worth[block] = worth;
      view.site[block] = site;
    }
    view.worth[block] += typical * ((ledger_.start(block) - ledger_.now()) / 3600) / kWaitDivisor;
  }
  view.cheapest_first.resize(blocks - ledger_.first_block());
  std::iota(view.cheapest_first.begin(), view.cheapest_first.end(), ledger_.first_block());
  std::stable_sort(view.cheapest_first.begin(), view.cheapest_first.end(),
                   [&](size_t a, size_t b) { return view.worth[a] < view.worth[b]; });
  return view;
}

int64_t Market::Bid(uint64_t sites, int64_t work_s, int64_t until_s) {
  if (sites == 0 || until_s >= Ledger::kForever) return kAnyPrice;
  const View& view = ViewOf(sites);
  int64_t left = work_s;
  for (const size_t block : view.cheapest_first) {
    if (block == ledger_.first_block()) continue;
    left -= std::max<int64_t>(0, std::min(ledger_.end(block), until_s) - ledger_.start(block));
    if (left <= 0) return view.worth[block];
  }
  return kAnyPrice;
}

int64_t RankOf(const Ledger& ledger, int64_t bid, int priority) {
  if (bid >= Market::kAnyPrice) return Market::kAnyPrice + priority;
  return bid + ledger.typical_price() * priority / kPriorityDivisor;
}

int64_t PlannedUntil(const Ledger& ledger, const Class& task_class) {
  // Where its checkpoint is it need not be restored; elsewhere the margin has room for that.
  const int64_t restore =
      task_class.checkpoint_at.has_value() ? Ledger::Seconds(task_class.restore_pause) : 0;
  return UntilOf(ledger, task_class.deadline, Laxity(ledger, task_class) + restore,
                 task_class.remaining);
}

int64_t PlannedUntil(const Ledger& ledger, const RunningTask& task) {
  return UntilOf(ledger, task.deadline, Laxity(ledger, task), task.remaining);
}

void SettleScarcity(Ledger& ledger) { Settling(ledger).Run(); }

}  // namespace heliotrope::plan
