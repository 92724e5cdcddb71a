// What is free where and when, while a plan is made: headroom minus what runs and what is planned,
// block by block, and what a core costs over a stretch of time. Times are whole seconds from the
// start of the grid, prices micro-units a core-hour, cores thousandths: all int64, so that every
// host plans the same.
#pragma once

#include <cstdint>
#include <vector>

#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// Of one task or of many, or what is left for them. Memory is in MiB, so that its products with
// thousandths of a core stay within 64 bits.
struct Amount {
  int64_t milli_cores = 0;
  int64_t mib = 0;

  // Of memory what has to be there: rounded up.
  static Amount Of(const model::Resources& request);
  // How many such tasks find room in it; 0 when one of the two is short.
  int64_t CountOf(const Amount& each) const;
  bool Holds(const Amount& each) const {
    return milli_cores >= each.milli_cores && mib >= each.mib;
  }
  // MiB times seconds that tasks of this shape hold with so many cores times seconds.
  int64_t MemoryWith(int64_t core_seconds) const;

  Amount& operator+=(const Amount& other);
  Amount& operator-=(const Amount& other);
  friend Amount operator*(const Amount& each, int64_t count) {
    return {each.milli_cores * count, each.mib * count};
  }
};

class Ledger {
 public:
  // Later than anything: an infinite deadline.
  static constexpr int64_t kForever = int64_t{1} << 40;

  // Everything free. REQUIRES: at most 64 sites, their vectors as long as the grid.
  explicit Ledger(const Input& input);

  // Takes up what another plan has planned, block for block, or by time when its grid is older. A
  // plan for other sites is left out.
  void TakeUp(const Plan& plan);

  const Input& input() const { return input_; }
  size_t sites() const { return input_.sites.size(); }
  size_t blocks() const { return starts_.size(); }

  // The block that holds now; blocks() when the grid is over.
  size_t first_block() const { return first_block_; }
  int64_t now() const { return now_; }
  // What is left of a block: it starts now if it holds now.
  int64_t start(size_t block) const { return starts_[block]; }
  int64_t end(size_t block) const { return ends_[block]; }
  int64_t length(size_t block) const { return ends_[block] - starts_[block]; }
  // The end of the last block.
  int64_t horizon() const { return horizon_; }

  // Rounded up; kForever at most.
  static int64_t Seconds(absl::Duration duration);
  int64_t SecondsOf(absl::Time time) const;
  absl::Time TimeAt(int64_t seconds) const { return origin_ + absl::Seconds(seconds); }
  // The block that holds the moment; blocks() from the horizon on.
  size_t BlockOf(int64_t seconds) const;

  int64_t headroom(size_t site, size_t block) const { return headroom_[Cell(site, block)]; }
  int64_t planned(size_t site, size_t block) const { return planned_[Cell(site, block)]; }
  int64_t residual(size_t site, size_t block) const;
  // Of it what tasks of this shape can use: no more cores than there is memory for.
  int64_t residual(size_t site, size_t block, const Amount& each) const;
  // Whether one such task could ever be there, were it alone.
  bool TakesOne(size_t site, size_t block, const Amount& each) const {
    return headroom(site, block) >= each.milli_cores && memory_room(site) >= each.mib;
  }
  // Memory beside the foreground, in MiB, and what of it is not planned.
  int64_t memory_room(size_t site) const { return memory_room_[site]; }
  int64_t memory_left(size_t site, size_t block) const;
  // What may be counted on when what can pause will: headroom in the next two hours, for which a
  // forecast is held to its high quantile, and later what is likely.
  int64_t RoomAhead(size_t site, size_t block) const;
  int64_t price(size_t site, size_t block) const { return prices_[Cell(site, block)]; }

  // What cores are worth beyond their price because they are scarce (market.h), by site and block.
  // Of the block that holds now it is what they are contended for at this moment, which the bids of
  // those who want them decide: no part of any cost.
  int64_t scarcity(size_t site, size_t block) const { return scarcity_[Cell(site, block)]; }
  void SetScarcity(const std::vector<std::vector<int64_t>>& by_site);
  int64_t worth(size_t site, size_t block) const {
    return price(site, block) + scarcity(site, block);
  }

  // Worth times seconds of one core over [from, to), as far as the grid goes; of the block that
  // holds now the price alone.
  int64_t Cost(size_t site, int64_t from, int64_t to) const;
  // The mean price over [from, to); that of the nearest block when it is empty.
  int64_t MeanPrice(size_t site, int64_t from, int64_t to) const;
  // The mean size of the fleet's prices over the grid, at least 1: what "a little dearer" means.
  int64_t typical_price() const { return typical_price_; }

  struct Use {
    size_t site = 0;
    int64_t from = 0;
    int64_t to = 0;
    int64_t milli_cores = 0;
    int64_t mib = 0;
  };
  // Plans the cores and the memory, free or not: in a block that is partly used, the part.
  void Add(const Use& use);
  // The same for what stays where it starts until its end: no other can take it away.
  void AddFirm(const Use& use);
  // Whether there is room for it beside all that is firm: within headroom in the next hours, later
  // within what is likely, since what can pause will; and memory.
  bool HoldsFirm(const Use& use) const;
  // Plans so many thousandths of a core, and MiB, times seconds in one block.
  void AddPart(size_t site, size_t block, int64_t core_seconds, int64_t mib_seconds);

  // What nobody holds now, target or not.
  const Amount& free_now(size_t site) const { return free_now_[site]; }
  void TakeFreeNow(size_t site, const Amount& amount) { free_now_[site] -= amount; }

  // What is planned, what of it is firm, and scarcity, for TakeUp.
  void WriteTo(Plan& plan) const;

 private:
  void SumCosts(size_t site);
  int64_t CostRate(size_t site, size_t block) const {
    return block <= first_block_ ? price(site, block) : worth(site, block);
  }
  int64_t SumBetween(const std::vector<int64_t>& before, size_t site, int64_t from, int64_t to,
                     bool with_scarcity) const;
  size_t Cell(size_t site, size_t block) const { return site * blocks() + block; }
  void ReadGrid();
  void ReadSite(size_t site);

  const Input& input_;
  absl::Time origin_;
  int64_t now_ = 0;
  int64_t horizon_ = 0;
  size_t first_block_ = 0;
  std::vector<int64_t> starts_;
  std::vector<int64_t> ends_;
  std::vector<size_t> block_at_mark_;  // By five minutes: a block at or before it.
  std::vector<int64_t> headroom_;      // By site, then block, as are the next two.
  std::vector<int64_t> planned_;
  std::vector<int64_t> firm_;  // The part of planned_ that cannot leave.
  std::vector<int64_t> planned_mib_;
  std::vector<int64_t> firm_mib_;
  std::vector<int64_t> prices_;
  std::vector<int64_t> scarcity_;
  std::vector<int64_t> prices_before_;  // By site: price times seconds of all blocks before this.
  std::vector<int64_t> costs_before_;   // The same with scarcity.
  std::vector<int64_t> memory_room_;    // By site, MiB.
  std::vector<Amount> free_now_;
  int64_t typical_price_ = 1;
};

}  // namespace heliotrope::plan
