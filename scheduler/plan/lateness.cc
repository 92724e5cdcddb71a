#include "scheduler/plan/lateness.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "scheduler/plan/offers.h"
#include "scheduler/plan/shortage.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

// Tasks that are alike and have no allotment.
struct Unplaced {
  uint64_t sites = 0;
  Amount each{.milli_cores = 1};
  int64_t work_s = 1;  // Each.
  int64_t from_s = 0;  // When the safety net starts them, headroom or not.
  int64_t until_s = 0;
  int64_t count = 0;
};

// Cores, target or not, and memory that neither the foreground is expected to take nor what is
// planned, but for what runs and can wait without end: it makes way.
class Reserve {
 public:
  explicit Reserve(const Ledger& ledger);
  // How many of them find cores in time; these cores are gone then.
  int64_t Take(const Unplaced& tasks);

 private:
  // A block before their deadline: how long it is then, and how many of them could run in it.
  struct Stretch {
    size_t block = 0;
    int64_t seconds = 0;
    int64_t at_once = 0;
  };

  Amount Beside(size_t site, size_t block) const;
  void AddWhatMakesWay();
  std::vector<Stretch> StretchesFor(const Unplaced& tasks) const;
  void Remove(const Unplaced& tasks, const Stretch& stretch, int64_t at_once);
  size_t Cell(size_t site, size_t block) const { return site * ledger_.blocks() + block; }

  const Ledger& ledger_;
  std::vector<Amount> free_;  // By site, then block.
};

Reserve::Reserve(const Ledger& ledger) : ledger_(ledger) {
  free_.resize(ledger.sites() * ledger.blocks());
  for (size_t site = 0; site < ledger.sites(); ++site) {
    for (size_t block = ledger.first_block(); block < ledger.blocks(); ++block) {
      Amount& free = free_[Cell(site, block)];
      free = Beside(site, block);
      free.milli_cores -= ledger.planned(site, block);
      free.mib = ledger.memory_left(site, block);
    }
  }
  AddWhatMakesWay();
  for (size_t site = 0; site < ledger.sites(); ++site) {
    for (size_t block = ledger.first_block(); block < ledger.blocks(); ++block) {
      Amount& free = free_[Cell(site, block)];
      const Amount most = Beside(site, block);
      free.milli_cores = std::clamp<int64_t>(free.milli_cores, 0, most.milli_cores);
      free.mib = std::clamp<int64_t>(free.mib, 0, most.mib);
    }
  }
}

// What the foreground is expected to leave.
Amount Reserve::Beside(size_t site, size_t block) const {
  const Site& place = ledger_.input().sites[site];
  const MilliCores foreground =
      block < place.foreground.size() ? place.foreground[block] : place.foreground_now;
  return {.milli_cores = std::max<int64_t>(0, place.capacity.value() - foreground.value()),
          .mib = ledger_.memory_room(site)};
}

void Reserve::AddWhatMakesWay() {
  for (const RunningTask& task : ledger_.input().running) {
    if (!task.checkpointable || !CountsThere(task)) continue;
    if (task.deadline != absl::InfiniteFuture()) continue;
    const int64_t end = ledger_.now() + Ledger::Seconds(task.remaining);
    for (size_t block = ledger_.first_block();
         block < ledger_.blocks() && ledger_.end(block) <= end; ++block) {
      free_[Cell(task.site, block)] += Amount::Of(task.request);
    }
  }
}

std::vector<Reserve::Stretch> Reserve::StretchesFor(const Unplaced& tasks) const {
  std::vector<Stretch> stretches;
  for (size_t block = ledger_.BlockOf(tasks.from_s);
       block < ledger_.blocks() && ledger_.start(block) < tasks.until_s; ++block) {
    Stretch stretch{.block = block};
    stretch.seconds =
        std::min(ledger_.end(block), tasks.until_s) - std::max(ledger_.start(block), tasks.from_s);
    for (uint64_t left = tasks.sites; left != 0; left &= left - 1) {
      const auto site = static_cast<size_t>(std::countr_zero(left));
      stretch.at_once += free_[Cell(site, block)].CountOf(tasks.each);
    }
    stretches.push_back(stretch);
  }
  return stretches;
}

void Reserve::Remove(const Unplaced& tasks, const Stretch& stretch, int64_t at_once) {
  for (uint64_t left = tasks.sites; left != 0; left &= left - 1) {
    Amount& free = free_[Cell(static_cast<size_t>(std::countr_zero(left)), stretch.block)];
    const int64_t here = std::min(at_once, free.CountOf(tasks.each));
    free -= tasks.each * here;
    at_once -= here;
  }
}

// As many as have their work done if they may pause and move at will and each runs in one place at a
// time: n tasks do when, over all blocks, min(n, at once) times the block covers n times the work
// (after McNaughton, 1959). Where n do, fewer do.
int64_t Reserve::Take(const Unplaced& tasks) {
  const std::vector<Stretch> stretches = StretchesFor(tasks);
  const auto all_do = [&](int64_t count) {
    int64_t done = 0;
    for (const Stretch& stretch : stretches) {
      done += std::min(count, stretch.at_once) * stretch.seconds;
    }
    return done >= count * tasks.work_s;
  };
  int64_t fit = 0;
  int64_t too_many = tasks.count + 1;
  while (too_many - fit > 1) {
    const int64_t middle = fit + (too_many - fit) / 2;
    (all_do(middle) ? fit : too_many) = middle;
  }
  int64_t wanted = fit * tasks.work_s;
  for (const Stretch& stretch : stretches) {
    if (wanted <= 0) break;
    const int64_t at_once = std::min(fit, stretch.at_once);
    Remove(tasks, stretch, at_once);
    wanted -= at_once * stretch.seconds;
  }
  return fit;
}

int64_t AllottedTo(const Verdict& verdict) {
  int64_t count = 0;
  for (const Allotment& allotment : verdict.allotments) count += allotment.count;
  return count;
}

// Most urgent first, as they would be started.
void NoteUnplaced(const Ledger& ledger, Plan& plan) {
  const Input& input = ledger.input();
  Reserve reserve(ledger);
  for (Verdict& verdict : plan.verdicts) {
    const auto found =
        std::lower_bound(input.classes.begin(), input.classes.end(), verdict.class_id,
                         [](const Class& a, uint64_t id) { return a.id < id; });
    const int64_t left = found->count - AllottedTo(verdict);
    if (left <= 0 || found->deadline <= input.now) continue;
    const int64_t until = ledger.SecondsOf(found->deadline);
    if (until >= ledger.horizon()) {
      verdict.beyond = left;  // More than the plan can see.
      continue;
    }
    verdict.beyond =
        reserve.Take({.sites = FittingSites(input, found->allowed, found->request),
                      .each = DemandOf(input, *found).each(),
                      .work_s = std::max<int64_t>(1, Ledger::Seconds(found->remaining)),
                      .from_s = ledger.now() + std::max<int64_t>(0, Laxity(ledger, *found)),
                      .until_s = until,
                      .count = left});
  }
}

}  // namespace

void NoteRisks(const Ledger& ledger, Plan& plan) {
  const Input& input = ledger.input();
  for (const RunningTask& task : input.running) {
    const absl::Duration most = std::max(task.remaining, task.remaining_high);
    if (input.now + most > task.deadline) plan.at_risk.push_back(task.task);
  }
  NoteUnplaced(ledger, plan);
}

}  // namespace heliotrope::plan
