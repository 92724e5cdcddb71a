#include "scheduler/plan/ledger.h"

#include <algorithm>

#include "scheduler/base/check.h"

namespace heliotrope::plan {
namespace {

constexpr int64_t kMarkSeconds = 300;
// How far ahead a forecast is sharp enough to be held to its high quantile.
constexpr int64_t kSharpSeconds = 2 * 3600;
// Keeps price times the seconds of the grid within 64 bits.
constexpr int64_t kMaxMicroPrice = 1'000'000'000'000;
constexpr int64_t kBytesPerMiB = Bytes::FromMiB(1).value();
// An exbibyte, and that times the cores of a task is still within 64 bits.
constexpr int64_t kMaxMiB = int64_t{1} << 40;

int64_t WholeMiB(Bytes bytes) {
  return std::clamp(bytes.value() / kBytesPerMiB, -kMaxMiB, kMaxMiB);
}

// Rounded up.
int64_t MiBFor(Bytes bytes) {
  const int64_t whole = WholeMiB(bytes);
  return bytes > Bytes::FromMiB(whole) ? whole + 1 : whole;
}

// Rounded up, so that many small parts never add up to more than there is.
int64_t Spread(int64_t times_seconds, int64_t seconds) {
  return (times_seconds + seconds - 1) / seconds;
}

}  // namespace

Amount Amount::Of(const model::Resources& request) {
  return {.milli_cores = request.cores.value(), .mib = MiBFor(request.memory)};
}

int64_t Amount::CountOf(const Amount& each) const {
  const int64_t by_cores = milli_cores / std::max<int64_t>(1, each.milli_cores);
  const int64_t by_memory = each.mib > 0 ? mib / each.mib : by_cores;
  return std::max<int64_t>(0, std::min(by_cores, by_memory));
}

int64_t Amount::MemoryWith(int64_t core_seconds) const {
  if (milli_cores <= 0) return 0;
  return core_seconds / milli_cores * mib + core_seconds % milli_cores * mib / milli_cores;
}

Amount& Amount::operator+=(const Amount& other) {
  milli_cores += other.milli_cores;
  mib += other.mib;
  return *this;
}

Amount& Amount::operator-=(const Amount& other) {
  milli_cores -= other.milli_cores;
  mib -= other.mib;
  return *this;
}

Ledger::Ledger(const Input& input) : input_(input) {
  HT_CHECK_LE(input.sites.size(), 64u);
  origin_ = input.grid.empty() ? input.now : input.grid.front().start;
  now_ = std::max<int64_t>(0, absl::ToInt64Seconds(input.now - origin_));
  ReadGrid();
  headroom_.resize(sites() * blocks());
  planned_.resize(sites() * blocks());
  firm_.resize(sites() * blocks());
  planned_mib_.resize(sites() * blocks());
  firm_mib_.resize(sites() * blocks());
  prices_.resize(sites() * blocks());
  scarcity_.resize(sites() * blocks());
  prices_before_.resize(sites() * blocks());
  costs_before_.resize(sites() * blocks());
  for (size_t site = 0; site < sites(); ++site) ReadSite(site);
  if (blocks() == 0 || sites() == 0) return;
  int64_t sum = 0;
  for (size_t site = 0; site < sites(); ++site) {
    int64_t cost = 0;
    int64_t seconds = 0;
    for (size_t block = first_block_; block < blocks(); ++block) {
      cost += std::abs(price(site, block)) * length(block);
      seconds += length(block);
    }
    if (seconds > 0) sum += cost / seconds;
  }
  typical_price_ = std::max<int64_t>(1, sum / static_cast<int64_t>(sites()));
}

void Ledger::ReadGrid() {
  for (const Block& block : input_.grid) {
    const int64_t start = absl::ToInt64Seconds(block.start - origin_);
    starts_.push_back(start);
    ends_.push_back(start + absl::ToInt64Seconds(block.length));
  }
  horizon_ = ends_.empty() ? now_ : ends_.back();
  for (int64_t mark = 0, block = 0; mark < horizon_; mark += kMarkSeconds) {
    while (ends_[static_cast<size_t>(block)] <= mark) ++block;
    block_at_mark_.push_back(static_cast<size_t>(block));
  }
  first_block_ = BlockOf(now_);
  for (size_t block = 0; block < first_block_; ++block) starts_[block] = ends_[block];
  if (first_block_ < blocks()) starts_[first_block_] = now_;
}

void Ledger::ReadSite(size_t index) {
  const Site& site = input_.sites[index];
  HT_CHECK_EQ(site.headroom.size(), blocks());
  HT_CHECK_EQ(site.price.size(), blocks());
  for (size_t block = 0; block < blocks(); ++block) {
    headroom_[Cell(index, block)] = std::max<int64_t>(0, site.headroom[block].value());
    const int64_t price = std::clamp(site.price[block].value(), -kMaxMicroPrice, kMaxMicroPrice);
    prices_[Cell(index, block)] = price;
  }
  SumCosts(index);
  const Bytes beside_foreground = site.memory - site.foreground_memory;
  memory_room_.push_back(std::max<int64_t>(0, WholeMiB(beside_foreground)));
  free_now_.push_back(
      {.milli_cores = (site.capacity - site.foreground_now - site.batch_now).value(),
       .mib = WholeMiB(beside_foreground - site.batch_memory)});
}

void Ledger::TakeUp(const Plan& plan) {
  if (plan.planned.size() != sites() || plan.grid.empty()) return;
  for (size_t block = first_block_; block < blocks(); ++block) {
    const size_t from = BlockIndex(plan.grid, input_.grid[block].start);
    if (from >= plan.grid.size()) return;
    for (size_t site = 0; site < sites(); ++site) {
      planned_[Cell(site, block)] = plan.planned[site][from].value();
      if (plan.firm.size() == sites()) firm_[Cell(site, block)] = plan.firm[site][from].value();
      if (plan.planned_memory.size() != sites()) continue;
      planned_mib_[Cell(site, block)] = MiBFor(plan.planned_memory[site][from]);
      if (plan.firm_memory.size() != sites()) continue;
      firm_mib_[Cell(site, block)] = MiBFor(plan.firm_memory[site][from]);
    }
  }
  if (plan.scarcity.worth.size() != sites()) return;
  std::vector<std::vector<int64_t>> worth(sites());
  for (size_t site = 0; site < sites(); ++site) {
    for (size_t block = 0; block < blocks(); ++block) {
      const size_t from = std::min(BlockIndex(plan.grid, input_.grid[block].start),
                                   plan.scarcity.worth[site].size() - 1);
      worth[site].push_back(plan.scarcity.worth[site][from].value());
    }
  }
  SetScarcity(worth);
}

int64_t Ledger::Seconds(absl::Duration duration) {
  if (duration >= absl::Seconds(kForever)) return kForever;
  return absl::ToInt64Seconds(absl::Ceil(duration, absl::Seconds(1)));
}

int64_t Ledger::SecondsOf(absl::Time time) const {
  const absl::Duration since = time - origin_;
  if (since >= absl::Seconds(kForever)) return kForever;
  if (since <= -absl::Seconds(kForever)) return -kForever;
  return absl::ToInt64Seconds(since);
}

size_t Ledger::BlockOf(int64_t seconds) const {
  if (seconds >= horizon_) return blocks();
  if (seconds < 0) return 0;
  size_t block = block_at_mark_[static_cast<size_t>(seconds / kMarkSeconds)];
  while (ends_[block] <= seconds) ++block;
  return block;
}

int64_t Ledger::residual(size_t site, size_t block) const {
  const size_t cell = Cell(site, block);
  return std::max<int64_t>(0, headroom_[cell] - planned_[cell]);
}

int64_t Ledger::memory_left(size_t site, size_t block) const {
  return std::max<int64_t>(0, memory_room_[site] - planned_mib_[Cell(site, block)]);
}

int64_t Ledger::residual(size_t site, size_t block, const Amount& each) const {
  const int64_t cores = residual(site, block);
  const int64_t memory = memory_left(site, block);
  if (cores * each.mib <= memory * each.milli_cores) return cores;
  return memory * each.milli_cores / each.mib;
}

void Ledger::SumCosts(size_t site) {
  int64_t price_sum = 0;
  int64_t cost = 0;
  for (size_t block = 0; block < blocks(); ++block) {
    prices_before_[Cell(site, block)] = price_sum;
    costs_before_[Cell(site, block)] = cost;
    price_sum += price(site, block) * length(block);
    cost += CostRate(site, block) * length(block);
  }
}

void Ledger::SetScarcity(const std::vector<std::vector<int64_t>>& by_site) {
  HT_CHECK_EQ(by_site.size(), sites());
  for (size_t site = 0; site < sites(); ++site) {
    HT_CHECK_EQ(by_site[site].size(), blocks());
    for (size_t block = 0; block < blocks(); ++block) {
      scarcity_[Cell(site, block)] = std::clamp<int64_t>(by_site[site][block], 0, kMaxMicroPrice);
    }
    SumCosts(site);
  }
}

int64_t Ledger::SumBetween(const std::vector<int64_t>& before, size_t site, int64_t from,
                           int64_t to, bool with_scarcity) const {
  from = std::max(from, now_);
  to = std::min(to, horizon_);
  if (from >= to) return 0;
  const size_t first = BlockOf(from);
  const size_t last = BlockOf(to - 1);
  const auto rate = [&](size_t block) {
    return with_scarcity ? CostRate(site, block) : price(site, block);
  };
  return before[Cell(site, last)] + rate(last) * (to - start(last)) - before[Cell(site, first)] -
         rate(first) * (from - start(first));
}

int64_t Ledger::Cost(size_t site, int64_t from, int64_t to) const {
  return SumBetween(costs_before_, site, from, to, true);
}

int64_t Ledger::MeanPrice(size_t site, int64_t from, int64_t to) const {
  if (blocks() == 0) return 0;
  from = std::max(from, now_);
  to = std::min(to, horizon_);
  if (from >= to) return price(site, std::min(BlockOf(from), blocks() - 1));
  return SumBetween(prices_before_, site, from, to, false) / (to - from);
}

void Ledger::Add(const Use& use) {
  const int64_t from = std::max(use.from, now_);
  for (size_t block = BlockOf(from); block < blocks() && start(block) < use.to; ++block) {
    const int64_t used_s = std::min(end(block), use.to) - std::max(start(block), from);
    AddPart(use.site, block, use.milli_cores * used_s, use.mib * used_s);
  }
}

void Ledger::AddFirm(const Use& use) {
  Add(use);
  const int64_t from = std::max(use.from, now_);
  for (size_t block = BlockOf(from); block < blocks() && start(block) < use.to; ++block) {
    const int64_t used_s = std::min(end(block), use.to) - std::max(start(block), from);
    const int64_t whole_s = std::max<int64_t>(1, length(block));
    firm_[Cell(use.site, block)] += Spread(use.milli_cores * used_s, whole_s);
    firm_mib_[Cell(use.site, block)] += Spread(use.mib * used_s, whole_s);
  }
}

int64_t Ledger::RoomAhead(size_t site, size_t block) const {
  const int64_t sure = headroom(site, block);
  if (start(block) < now_ + kSharpSeconds) return sure;
  return std::max(sure, input_.sites[site].likely[block].value());
}

bool Ledger::HoldsFirm(const Use& use) const {
  for (size_t block = BlockOf(use.from); block < blocks() && start(block) < use.to; ++block) {
    const int64_t room = RoomAhead(use.site, block);
    const int64_t used_s = std::min(end(block), use.to) - std::max(start(block), use.from);
    const int64_t whole_s = std::max<int64_t>(1, length(block));
    const size_t cell = Cell(use.site, block);
    if (firm_[cell] + use.milli_cores * used_s / whole_s > room) return false;
    const int64_t mib = use.mib * used_s / whole_s;
    if (mib > 0 && firm_mib_[cell] + mib > memory_room(use.site)) return false;
  }
  return true;
}

void Ledger::AddPart(size_t site, size_t block, int64_t core_seconds, int64_t mib_seconds) {
  planned_[Cell(site, block)] += Spread(core_seconds, length(block));
  planned_mib_[Cell(site, block)] += Spread(mib_seconds, length(block));
}

void Ledger::WriteTo(Plan& plan) const {
  plan.planned.assign(sites(), {});
  plan.firm.assign(sites(), {});
  plan.planned_memory.assign(sites(), {});
  plan.firm_memory.assign(sites(), {});
  plan.scarcity = {.grid = input_.grid, .worth = std::vector<std::vector<MicroCost>>(sites())};
  for (size_t site = 0; site < sites(); ++site) {
    for (size_t block = 0; block < blocks(); ++block) {
      plan.planned[site].push_back(MilliCores::FromMilli(planned(site, block)));
      plan.firm[site].push_back(MilliCores::FromMilli(firm_[Cell(site, block)]));
      plan.planned_memory[site].push_back(Bytes::FromMiB(planned_mib_[Cell(site, block)]));
      plan.firm_memory[site].push_back(Bytes::FromMiB(firm_mib_[Cell(site, block)]));
      plan.scarcity.worth[site].push_back(MicroCost::FromMicro(scarcity(site, block)));
    }
  }
}

}  // namespace heliotrope::plan
