#include "scheduler/plan/placement.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/placer.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {

using model::Reason;

namespace {

// Beyond so many stretches the rest of a class is left to later plans.
constexpr size_t kMaxAllotments = 32;
// How far ahead of its start an allotment gets its text: it will be planned anew before that.
constexpr int64_t kTextAhead = 3600;

}  // namespace

Verdict Placer::Place() {
  left_ = std::max(0, class_.count);
  if (RuledOut()) return std::move(verdict_);
  Rank();
  if (UnderSafetyNet(ledger_, class_)) {
    PlaceMustRun();
  } else if (class_.deadline != absl::InfiniteFuture() && Laxity(ledger_, class_) > 0) {
    PlaceDeferred();
  } else {
    PlaceSoon();
  }
  std::stable_sort(verdict_.allotments.begin(), verdict_.allotments.end(),
                   [](const Allotment& a, const Allotment& b) { return a.start < b.start; });
  return std::move(verdict_);
}

// No node, or none that is large enough, in any place where it may be.
bool Placer::RuledOut() {
  const uint64_t allowed = AllowedSites(input_, class_.allowed);
  verdict_.mode = Mode::kNever;
  if (allowed == 0) {
    verdict_.reason = Reason::kResidency;
    verdict_.detail = "its residency allows none of this fleet's data centers";
    return true;
  }
  uint64_t without_nodes = 0;
  uint64_t with_capacity = 0;
  model::Resources largest;
  for (size_t i = 0; i < input_.sites.size(); ++i) {
    const Site& site = input_.sites[i];
    if ((allowed >> i & 1) == 0) continue;
    if (site.largest_task.cores == MilliCores::Zero()) without_nodes |= uint64_t{1} << i;
    if (site.capacity > MilliCores::Zero()) with_capacity |= uint64_t{1} << i;
    largest.cores = std::max(largest.cores, site.largest_task.cores);
    largest.memory = std::max(largest.memory, site.largest_task.memory);
  }
  if ((demand_.sites & with_capacity) != 0) {
    verdict_.mode = Mode::kAsSoonAsPossible;
    return false;
  }
  if (demand_.sites != 0) {
    verdict_.mode = Mode::kAsSoonAsPossible;
    verdict_.reason = Reason::kDrained;
    verdict_.detail = absl::StrCat("every node large enough in ", WhereText(demand_.sites),
                                   " is drained: undrain one or add one");
  } else if (without_nodes != 0) {
    verdict_.mode = Mode::kAsSoonAsPossible;
    verdict_.reason = Reason::kNoNodes;
    verdict_.detail = absl::StrCat("no node is connected in ", WhereText(without_nodes));
  } else {
    verdict_.reason = Reason::kTooLarge;
    verdict_.detail = absl::StrCat(
        "asks ", ToString(class_.request.cores), " and ", ToString(class_.request.memory),
        "; one task in ", WhereText(allowed), " may have at most ", ToString(largest.cores),
        " and ", ToString(largest.memory), ": ask less or add a node");
  }
  return true;
}

// By what a start now would cost; under the safety net first by how little it would overrun.
void Placer::Rank() {
  const size_t block = ledger_.first_block();
  std::vector<std::tuple<int64_t, int64_t, size_t>> ranks;
  for (size_t site = 0; site < input_.sites.size(); ++site) {
    if (!demand_.Takes(site)) continue;
    if (block >= ledger_.blocks()) {
      ranks.emplace_back(0, 0, site);
      continue;
    }
    const bool holds = offers_.Holds(site, block, ledger_.now());
    ranks.emplace_back(holds ? 0 : 1, offers_.Score(site, block, ledger_.now()), site);
  }
  std::sort(ranks.begin(), ranks.end());
  for (const auto& rank : ranks) verdict_.ranked.push_back(std::get<2>(rank));
}

int64_t Placer::CountThatFit(const Candidate& start) const {
  const int64_t run_end = start.start_s + demand_.RunIn(start.site);
  const int64_t window_end = start.start_s + demand_.WindowIn(start.site);
  int64_t count = left_;
  for (size_t block = start.block; block < ledger_.blocks() && ledger_.start(block) < window_end;
       ++block) {
    const int64_t used_s =
        std::min(ledger_.end(block), run_end) - std::max(ledger_.start(block), start.start_s);
    const int64_t room = ledger_.headroom(start.site, block) < demand_.milli_cores
                             ? 0
                             : ledger_.residual(start.site, block);
    count = std::min(count, room * ledger_.length(block) / (demand_.milli_cores * used_s));
    // Several after another in one block end at its end: only if the deadline allows that.
    if (ledger_.end(block) > last_end_) count = std::min(count, room / demand_.milli_cores);
  }
  return count;
}

// Tasks that can move are allotted only as far as all of their work finds headroom somewhere in
// time; so headroom is never given away twice.
bool Placer::Allot(const Candidate& start, int64_t count, Reason reason) {
  const int64_t run = demand_.RunIn(start.site);
  int64_t end = start.start_s + run;
  if (demand_.checkpointable && reason != Reason::kDeadlineSafetyNet) {
    const Journey journey = FindJourney(start, count);
    if (count == 0) return false;
    Enter(ledger_, journey);
    end = journey.end_s;
  } else {
    ledger_.Add({.site = start.site,
                 .from = start.start_s,
                 .to = end,
                 .milli_cores = demand_.milli_cores * count});
  }
  offers_.Refresh(start.site);
  const bool in_turns = run < ledger_.length(start.block) &&
                        demand_.milli_cores * count > ledger_.headroom(start.site, start.block);
  if (in_turns) end = std::max(end, ledger_.end(start.block));
  Allotment allotment{.site = start.site,
                      .block = start.block,
                      .start = ledger_.TimeAt(start.start_s),
                      .end = ledger_.TimeAt(end),
                      .count = static_cast<int>(count),
                      .reason = reason,
                      .detail = {}};
  if (start.start_s <= ledger_.now() + kTextAhead) {
    allotment.detail = AllotmentText(start, reason);
  }
  verdict_.allotments.push_back(std::move(allotment));
  left_ -= count;
  return true;
}

// Lowers the count until all of it is done in time; to 0 when not even one would be.
Journey Placer::FindJourney(const Candidate& start, int64_t& count) const {
  Journey journey;
  while (count > 0) {
    journey = Travel(ledger_, {.site = start.site,
                               .from_s = start.start_s,
                               .run_s = demand_.RunIn(start.site),
                               .each = demand_.milli_cores,
                               .count = count,
                               .sites = demand_.sites,
                               .until_s = last_end_});
    if (journey.left_over == 0 || last_end_ >= ledger_.horizon()) break;
    const int64_t whole =
        demand_.milli_cores * std::min(demand_.RunIn(start.site), ledger_.horizon());
    count -= (journey.left_over + whole - 1) / whole;
  }
  return journey;
}

// Promise 8: what is feasible is met, in free cores above the target if need be.
void Placer::PlaceMustRun() {
  verdict_.mode = Mode::kMustRun;
  for (const size_t site : verdict_.ranked) {
    if (left_ == 0 || ledger_.first_block() >= ledger_.blocks()) break;
    const int64_t count = std::min(left_, ledger_.free_now(site) / demand_.milli_cores);
    if (count <= 0) continue;
    ledger_.TakeFreeNow(site, count * demand_.milli_cores);
    Allot({.start_s = ledger_.now(), .site = site, .block = ledger_.first_block()}, count,
          Reason::kDeadlineSafetyNet);
  }
  ExplainMustRun();
}

std::optional<Candidate> Placer::BestNow() const {
  const size_t block = ledger_.first_block();
  for (const size_t site : verdict_.ranked) {
    if (block < ledger_.blocks() && offers_.Holds(site, block, ledger_.now())) {
      return Candidate{.start_s = ledger_.now(), .site = site, .block = block};
    }
  }
  return std::nullopt;
}

// Every start that ends in time and finds headroom.
std::vector<Candidate> Placer::Candidates() const {
  std::vector<Candidate> found;
  for (const size_t site : verdict_.ranked) {
    const int64_t run = demand_.RunIn(site);
    const int64_t last_start =
        std::min(last_end_ - run, ledger_.horizon() - std::min(run, kLeastSeenSeconds));
    for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
      const int64_t start = ledger_.start(block);
      if (start > last_start) break;
      if (!offers_.Holds(site, block, start)) continue;
      found.push_back({.score = offers_.Score(site, block, start),
                       .start_s = start,
                       .site = site,
                       .block = block});
    }
  }
  return found;
}

// The cheapest starts before the deadline. Each allotment changes what is left, so a candidate
// whose score is older is weighed again when it comes to the top.
void Placer::PlaceDeferred() {
  verdict_.mode = Mode::kDeferred;
  // What it may take longer than expected is kept in hand.
  last_end_ =
      ledger_.SecondsOf(class_.deadline) - SafetyMargin(class_.remaining, class_.move_pause) -
      Ledger::Seconds(std::max(absl::ZeroDuration(), class_.remaining_high - class_.remaining));
  std::vector<Candidate> heap = Candidates();
  std::make_heap(heap.begin(), heap.end());
  int64_t too_late_s = Ledger::kForever;  // From such a start on the work is not done in time.
  while (left_ > 0 && !heap.empty() && verdict_.allotments.size() < kMaxAllotments) {
    std::pop_heap(heap.begin(), heap.end());
    Candidate best = heap.back();
    heap.pop_back();
    if (best.start_s >= too_late_s) continue;
    const size_t made = verdict_.allotments.size();
    if (best.allotments_seen < made) {
      if (!offers_.Holds(best.site, best.block, best.start_s)) continue;
      best.score = offers_.Score(best.site, best.block, best.start_s);
      best.allotments_seen = made;
      heap.push_back(best);
      std::push_heap(heap.begin(), heap.end());
      continue;
    }
    const int64_t count = CountThatFit(best);
    if (count == 0) continue;
    const Reason reason =
        input_.sites[best.site].reactive ? Reason::kReactive : Reason::kCheapestInWindow;
    if (!Allot(best, count, reason)) too_late_s = best.start_s;
  }
  // All headroom before the deadline is taken: nothing is gained by waiting for a part of it.
  if (left_ > 0 && verdict_.allotments.size() < kMaxAllotments) {
    verdict_.mode = Mode::kAsSoonAsPossible;
  }
  ExplainDeferred();
}

// In order of time wherever headroom is: what a start that is never put off comes to, for the ETA.
void Placer::PlaceSoon() {
  verdict_.mode = Mode::kAsSoonAsPossible;
  for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
    for (const size_t site : verdict_.ranked) {
      if (left_ == 0 || verdict_.allotments.size() >= kMaxAllotments) break;
      const Candidate start{.start_s = ledger_.start(block), .site = site, .block = block};
      if (!offers_.Holds(site, block, start.start_s)) continue;
      const int64_t count = CountThatFit(start);
      if (count == 0) continue;
      Allot(start, count, input_.sites[site].reactive ? Reason::kReactive : Reason::kCheapestNow);
    }
  }
  ExplainSoon();
}

Verdict PlaceTasks(Ledger& ledger, const Class& task_class) {
  return Placer(ledger, task_class).Place();
}

}  // namespace heliotrope::plan
