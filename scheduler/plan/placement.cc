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
// What is too dear to start in at once: a share of the typical price above the cheapest site.
constexpr int64_t kDearDivisor = 4;
// As long as more is left beside the work that is expected, it can wait for the next plan.
constexpr int64_t kPatience = 900;
// What carrying a checkpoint to another site weighs: a share of the typical price for an hour.
constexpr int64_t kCarryDivisor = 3;

}  // namespace

Verdict Placer::Place() {
  left_ = std::max(0, class_.count);
  if (RuledOut()) return std::move(verdict_);
  const bool out_of_quota = quotas_.RoomNow(class_) == 0;
  Rank();
  sites_ = verdict_.ranked;
  if (Pressed(ledger_, class_) || UnderSafetyNet(ledger_, class_)) {
    PlacePressed();
  } else if (class_.deadline != absl::InfiniteFuture() && Laxity(ledger_, class_) > 0) {
    last_end_ = PlannedUntil(ledger_, class_);
    demand_.checkpointable ? PlaceByBid() : PlaceWhole();
  } else {
    PlaceSoon();
  }
  ExplainMemory();
  if (out_of_quota) ExplainQuota();
  verdict_.rank = RankOf(ledger_, verdict_.bid.value(), class_.priority);
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
  int64_t count = std::min(left_, QuotaOf(start.site, start.start_s));
  for (size_t block = start.block; block < ledger_.blocks() && ledger_.start(block) < window_end;
       ++block) {
    const int64_t used_s =
        std::min(ledger_.end(block), run_end) - std::max(ledger_.start(block), start.start_s);
    const int64_t room = ledger_.TakesOne(start.site, block, demand_.each())
                             ? ledger_.residual(start.site, block, demand_.each())
                             : 0;
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
  if (!demand_.checkpointable) {
    ledger_.AddFirm(UseOf(start.site, start.start_s, end, count));
  } else if (reason != Reason::kDeadlineSafetyNet) {
    const Journey journey = FindJourney(start, count);
    if (count == 0) return false;
    Enter(ledger_, journey);
    end = journey.end_s;
  } else {
    ledger_.Add(UseOf(start.site, start.start_s, end, count));
  }
  offers_.Refresh(start.site);
  const bool in_turns = run < ledger_.length(start.block) &&
                        demand_.milli_cores * count > ledger_.headroom(start.site, start.block);
  if (in_turns) end = std::max(end, ledger_.end(start.block));
  AddAllotment(start, end, count, reason);
  left_ -= count;
  return true;
}

void Placer::AddAllotment(const Candidate& start, int64_t end, int64_t count, Reason reason) {
  Allotment allotment{.site = start.site,
                      .block = start.block,
                      .start = ledger_.TimeAt(start.start_s),
                      .end = ledger_.TimeAt(end),
                      .count = static_cast<int>(count),
                      .reason = reason,
                      .detail = {}};
  quotas_.Take(class_, start.start_s, end, count);
  if (start.start_s <= ledger_.now() + kTextAhead) {
    allotment.detail = AllotmentText(start, count, reason);
  }
  verdict_.allotments.push_back(std::move(allotment));
}

// Lowers the count until all of it is done in time; to 0 when not even one would be.
Journey Placer::FindJourney(const Candidate& start, int64_t& count) const {
  Journey journey;
  while (count > 0) {
    journey = Travel(ledger_, {.site = start.site,
                               .from_s = start.start_s,
                               .run_s = demand_.RunIn(start.site),
                               .each = demand_.each(),
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

// By what the run costs, first where it has room to its end beside all that cannot leave. As long as
// there is time it waits for room in the best ones: the next plan has those leave who can wait.
void Placer::RankPressed() {
  const size_t block = ledger_.first_block();
  if (block >= ledger_.blocks()) return;
  std::vector<std::tuple<bool, int64_t, size_t>> ranks;
  for (const size_t site : verdict_.ranked) {
    const int64_t run = demand_.checkpointable ? ledger_.length(block) : demand_.RunIn(site);
    const int64_t end = std::min(ledger_.now() + run, ledger_.horizon());
    const Ledger::Use use = UseOf(site, ledger_.now(), end, 1);
    const int64_t cost = demand_.checkpointable ? ledger_.worth(site, block)
                                                : ledger_.Cost(site, ledger_.now(), end) /
                                                      std::max<int64_t>(1, end - ledger_.now());
    ranks.emplace_back(!ledger_.HoldsFirm(use), cost, site);
  }
  std::sort(ranks.begin(), ranks.end());
  verdict_.ranked.clear();
  const int64_t left = ledger_.SecondsOf(class_.deadline) - ledger_.now() - demand_.work_s;
  const auto [best_lacks, best_cost, best] =
      ranks.empty() ? std::tuple{true, int64_t{0}, size_t{0}} : ranks.front();
  const int64_t most = best_cost + ledger_.typical_price() / kDearDivisor;
  for (const auto& [lacks, cost, site] : ranks) {
    if (left > kPatience && !best_lacks && (lacks || cost > most)) continue;
    verdict_.ranked.push_back(site);
  }
}

// Promise 8: what is feasible is met, in free cores above the target when that is worth it.
void Placer::PlacePressed() {
  verdict_.mode = UnderSafetyNet(ledger_, class_) ? Mode::kMustRun : Mode::kAsSoonAsPossible;
  RankPressed();
  for (const size_t site : verdict_.ranked) {
    if (left_ == 0 || ledger_.first_block() >= ledger_.blocks()) break;
    const int64_t count = std::min(
        {left_, ledger_.free_now(site).CountOf(demand_.each()), QuotaOf(site, ledger_.now())});
    if (count <= 0) continue;
    ledger_.TakeFreeNow(site, demand_.each() * count);
    Allot({.start_s = ledger_.now(), .site = site, .block = ledger_.first_block()}, count,
          Reason::kDeadlineSafetyNet);
  }
  ExplainPressed();
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

// An hour of now is worth to it what the dearest hour would cost that it needs otherwise.
void Placer::PlaceByBid() {
  const int64_t bid = market_.Bid(demand_.sites, demand_.work_s, last_end_);
  verdict_.bid = MicroCost::FromMicro(std::min(bid, MicroCost::Max().value()));
  const size_t block = ledger_.first_block();
  std::vector<std::pair<int64_t, size_t>> borne;
  for (const size_t site : verdict_.ranked) {
    // What it starts in it should bear for a while, or it pauses again at once.
    const int64_t soon = ledger_.now() + Ledger::Seconds(input_.settings.minimum_run);
    if (block >= ledger_.blocks()) continue;
    if (std::max(ledger_.price(site, block), ledger_.MeanPrice(site, ledger_.now(), soon)) > bid) {
      continue;
    }
    // Where its checkpoint is it starts at once.
    const bool carries = demand_.checkpoint_at.has_value() && *demand_.checkpoint_at != site;
    const int64_t carry = carries ? ledger_.typical_price() / kCarryDivisor : 0;
    borne.emplace_back(ledger_.worth(site, block) + carry, site);
  }
  FollowBid(bid, block);
  // What finds no headroom at that price may find some later at another.
  for (const int64_t share : {8, 2, 1}) {
    FollowBid(std::min(bid, Market::kAnyPrice) + ledger_.typical_price() / share, block + 1);
  }
  FollowBid(Market::kAnyPrice, block + 1);
  if (borne.empty()) {
    verdict_.mode = Mode::kDeferred;
  } else {
    verdict_.mode = Mode::kAsSoonAsPossible;
    std::sort(borne.begin(), borne.end());
    verdict_.ranked.clear();
    for (const auto& [worth, site] : borne) verdict_.ranked.push_back(site);
  }
  ExplainDeferred();
}

// The cheapest site of the block that it bears and that has room for so many cores.
std::optional<size_t> Placer::Borne(size_t block, int64_t bid, int64_t milli_cores) const {
  std::optional<size_t> best;
  for (const size_t site : sites_) {
    if (ledger_.price(site, block) > bid) continue;
    if (ledger_.residual(site, block, demand_.each()) < milli_cores) continue;
    if (best.has_value() && ledger_.worth(site, block) >= ledger_.worth(*best, block)) continue;
    best = site;
  }
  return best;
}

// Enters its work where and when it bears the price and there is headroom: from that the starts and
// the ends that are to be expected.
void Placer::FollowBid(int64_t bid, size_t block) {
  while (left_ > 0 && verdict_.allotments.size() < kMaxAllotments && block < ledger_.blocks() &&
         ledger_.start(block) < last_end_) {
    const std::optional<size_t> site = Borne(block, bid, demand_.milli_cores);
    int64_t count = 0;
    if (site.has_value()) {
      const int64_t room = ledger_.residual(*site, block, demand_.each());
      count = std::min({left_, room / demand_.milli_cores, QuotaOf(*site, ledger_.start(block))});
    }
    const std::optional<Journey> journey =
        count > 0 ? JourneyFrom(block, bid, count) : std::nullopt;
    if (!journey.has_value()) {
      ++block;
      continue;
    }
    Enter(ledger_, *journey);
    AddAllotment({.start_s = ledger_.start(block), .site = *site, .block = block}, journey->end_s,
                 count,
                 input_.sites[*site].reactive ? Reason::kReactive : Reason::kCheapestInWindow);
    left_ -= count;
  }
}

// Of so many tasks that start in the block; nothing when not all of them would be done in time.
std::optional<Journey> Placer::JourneyFrom(size_t block, int64_t bid, int64_t count) const {
  const int64_t rate = demand_.milli_cores * count;
  Journey journey{.parts = {}, .each = demand_.each()};
  int64_t left = demand_.work_s;
  for (; block < ledger_.blocks() && left > 0 && ledger_.start(block) < last_end_; ++block) {
    const std::optional<size_t> site = Borne(block, bid, rate);
    if (!site.has_value()) continue;
    const int64_t part = std::min({left, ledger_.length(block), last_end_ - ledger_.start(block)});
    journey.parts.push_back({.site = *site, .block = block, .core_seconds = rate * part});
    journey.end_s = ledger_.start(block) + part;
    left -= part;
  }
  if (left > 0 && last_end_ < ledger_.horizon()) return std::nullopt;
  journey.end_s += std::max<int64_t>(0, left);
  return journey;
}

// Only what stays where it is counts against it: tasks that can pause make way.
std::optional<Candidate> Placer::BestWhole() const {
  std::optional<Candidate> best;
  for (const size_t site : verdict_.ranked) {
    const int64_t run = demand_.RunIn(site);
    const int64_t last_start =
        std::min(last_end_ - run, ledger_.horizon() - std::min(run, kLeastSeenSeconds));
    for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
      const int64_t start = ledger_.start(block);
      if (start > last_start) break;
      const int64_t score = offers_.Score(site, block, start);
      if (best.has_value() && score >= best->score) continue;
      if (QuotaOf(site, start) == 0) continue;
      if (!ledger_.HoldsFirm(UseOf(site, start, start + run, 1))) continue;
      best = Candidate{.score = score, .start_s = start, .site = site, .block = block};
    }
  }
  return best;
}

void Placer::PlaceWhole() {
  verdict_.mode = Mode::kDeferred;
  while (left_ > 0 && verdict_.allotments.size() < kMaxAllotments) {
    const std::optional<Candidate> best = BestWhole();
    if (!best.has_value()) break;
    const int64_t run = demand_.RunIn(best->site);
    const Ledger::Use use = UseOf(best->site, best->start_s, best->start_s + run, 1);
    const int64_t most = std::min(left_, QuotaOf(best->site, best->start_s));
    int64_t count = 0;
    do {
      ledger_.AddFirm(use);
      ++count;
    } while (count < most && ledger_.HoldsFirm(use));
    AddAllotment(*best, best->start_s + run, count,
                 input_.sites[best->site].reactive ? Reason::kReactive : Reason::kCheapestInWindow);
    left_ -= count;
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

Verdict PlaceTasks(Ledger& ledger, Market& market, Quotas& quotas, const Class& task_class) {
  return Placer(ledger, market, quotas, task_class).Place();
}

}  // namespace heliotrope::plan
