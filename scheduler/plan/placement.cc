#include "scheduler/plan/placement.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/journey.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

// Beyond so many stretches the rest of a class is left to later plans.
constexpr size_t kMaxAllotments = 32;
// How far ahead of its start an allotment gets its text: it will be planned anew before that.
constexpr int64_t kTextAhead = 3600;

// A start that could be chosen.
struct Candidate {
  int64_t score = 0;
  int64_t start_s = 0;
  size_t site = 0;
  size_t block = 0;
  size_t allotments_seen = 0;  // The score is current while no more than these were made.

  // For a heap whose top is the best.
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return std::tie(a.score, a.start_s, a.site) > std::tie(b.score, b.start_s, b.site);
  }
};

class Placer {
 public:
  Placer(Ledger& ledger, const Class& task_class)
      : ledger_(ledger),
        input_(ledger.input()),
        class_(task_class),
        demand_(DemandOf(input_, task_class)),
        offers_(ledger, demand_) {
    verdict_.class_id = task_class.id;
  }

  Verdict Place();

 private:
  bool RuledOut();
  void Rank();
  void PlaceMustRun();
  void PlaceDeferred();
  void PlaceSoon();
  void ExplainSoon();
  void ExplainDeferred();
  std::string NoRoomText() const;
  std::string WhereText(uint64_t sites) const;

  std::optional<Candidate> BestNow() const;
  std::vector<Candidate> Candidates() const;
  // How many tasks fit that start there, as far as headroom must last for them.
  int64_t CountThatFit(const Candidate& start) const;
  bool Allot(const Candidate& start, int64_t count, Reason reason);
  Journey FindJourney(const Candidate& start, int64_t& count) const;
  std::string AllotmentText(const Candidate& start, Reason reason) const;
  int64_t MeanPrice(const Candidate& start) const {
    return ledger_.MeanPrice(start.site, start.start_s, start.start_s + demand_.SeenIn(start.site));
  }
  const std::string& NameOf(size_t site) const { return input_.sites[site].id.value(); }
  std::string At(int64_t seconds) const { return AtText(ledger_.TimeAt(seconds), input_.now); }

  Ledger& ledger_;
  const Input& input_;
  const Class& class_;
  const Demand demand_;
  Offers offers_;
  int64_t left_ = 0;                     // Tasks that have no allotment yet.
  int64_t last_end_ = Ledger::kForever;  // When the work must be done.
  Verdict verdict_;
};

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

std::string Placer::WhereText(uint64_t sites) const {
  std::string text;
  int named = 0;
  for (size_t site = 0; site < input_.sites.size(); ++site) {
    if ((sites >> site & 1) == 0) continue;
    if (++named > 3) return absl::StrCat(text, ", ...");
    absl::StrAppend(&text, text.empty() ? "" : ", ", NameOf(site));
  }
  return text;
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
    if (site.largest_node.cores == MilliCores::Zero()) without_nodes |= uint64_t{1} << i;
    if (site.capacity > MilliCores::Zero()) with_capacity |= uint64_t{1} << i;
    largest.cores = std::max(largest.cores, site.largest_node.cores);
    largest.memory = std::max(largest.memory, site.largest_node.memory);
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
    verdict_.detail = absl::StrCat("asks ", ToString(class_.request.cores), " and ",
                                   ToString(class_.request.memory), "; nodes in ",
                                   WhereText(allowed), " have at most ", ToString(largest.cores),
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

std::string Placer::AllotmentText(const Candidate& start, Reason reason) const {
  const int64_t run = demand_.RunIn(start.site);
  std::string text = absl::StrCat(
      NameOf(start.site), " at ", At(start.start_s), ": ", CoresText(demand_.milli_cores), " for ",
      SpanText(run), " at ", PriceText(MeanPrice(start)), ", headroom ",
      CoresText(ledger_.headroom(start.site, start.block)), ", planned ",
      CoresText(ledger_.planned(start.site, start.block)));
  if (class_.deadline != absl::InfiniteFuture()) {
    absl::StrAppend(&text, ", deadline ", AtText(class_.deadline, input_.now));
  }
  if (reason == Reason::kDeadlineSafetyNet) absl::StrAppend(&text, ", no laxity left");
  if (reason == Reason::kReactive) absl::StrAppend(&text, ", no usable forecast");
  return text;
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
  const std::string why =
      absl::StrCat("must start now to end by its deadline at ", AtText(class_.deadline, input_.now),
                   " (", SpanText(demand_.work_s), " of work, ",
                   SpanText(ledger_.SecondsOf(class_.deadline) - ledger_.now()), " left)");
  verdict_.reason = left_ == 0 ? Reason::kDeadlineSafetyNet : Reason::kWaitingForCapacity;
  verdict_.detail = left_ == 0
                        ? absl::StrCat(why, ", at any price")
                        : absl::StrCat(why, ", but no core is free in ", WhereText(demand_.sites));
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
  last_end_ =
      ledger_.SecondsOf(class_.deadline) - SafetyMargin(class_.remaining, class_.move_pause);
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

void Placer::ExplainDeferred() {
  if (verdict_.allotments.empty()) {
    verdict_.reason =
        demand_.checkpointable ? Reason::kWaitingForCapacity : Reason::kWaitingForSafeWindow;
    verdict_.detail = absl::StrCat(NoRoomText(), "; starts at any price at ",
                                   At(ledger_.now() + Laxity(ledger_, class_)), " to end by ",
                                   AtText(class_.deadline, input_.now));
    return;
  }
  const auto first =
      std::min_element(verdict_.allotments.begin(), verdict_.allotments.end(),
                       [](const Allotment& a, const Allotment& b) { return a.start < b.start; });
  const Candidate start{
      .start_s = ledger_.SecondsOf(first->start), .site = first->site, .block = first->block};
  const std::string price = PriceText(MeanPrice(start));
  const std::string until = AtText(class_.deadline, input_.now);
  if (start.start_s <= ledger_.now()) {
    verdict_.reason = Reason::kWaitingForCapacity;
    verdict_.detail = absl::StrCat("due now: ", NameOf(start.site), " (", price,
                                   ") is cheapest before its deadline at ", until);
  } else if (const auto now = BestNow(); now.has_value()) {
    verdict_.reason = Reason::kWaitingForCheaperTime;
    verdict_.detail = absl::StrCat("waits for ", At(start.start_s), ": ", NameOf(start.site),
                                   " is cheapest before its deadline at ", until, " (", price,
                                   " against ", PriceText(MeanPrice(*now)), " now)");
  } else {
    verdict_.reason =
        demand_.checkpointable ? Reason::kWaitingForCapacity : Reason::kWaitingForSafeWindow;
    verdict_.detail =
        absl::StrCat("no headroom for it now; planned for ", At(start.start_s), " in ",
                     NameOf(start.site), " (", price, "), before its deadline at ", until);
  }
  if (first->count < class_.count) {
    absl::StrAppend(&verdict_.detail, "; ", first->count, " of its ", class_.count, " tasks then, ",
                    class_.count - left_, " planned in all");
  }
  if (verdict_.mode == Mode::kAsSoonAsPossible) {
    absl::StrAppend(
        &verdict_.detail, "; no headroom is left for the others before then: they start ",
        "as some comes, and at any price at ", At(ledger_.now() + Laxity(ledger_, class_)));
  }
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

void Placer::ExplainSoon() {
  const bool late = class_.deadline != absl::InfiniteFuture();
  verdict_.reason = Reason::kWaitingForCapacity;
  if (verdict_.allotments.empty()) {
    if (!demand_.checkpointable) verdict_.reason = Reason::kWaitingForSafeWindow;
    verdict_.detail = NoRoomText();
  } else if (const Allotment& first = verdict_.allotments.front(); first.start <= input_.now) {
    verdict_.detail =
        absl::StrCat("can start now in ", NameOf(first.site), " (",
                     CoresText(ledger_.headroom(first.site, first.block)), " of headroom)");
    if (class_.count > first.count) {
      absl::StrAppend(&verdict_.detail, ", ", first.count, " of its ", class_.count, " tasks");
    }
  } else {
    if (!demand_.checkpointable) verdict_.reason = Reason::kWaitingForSafeWindow;
    verdict_.detail = absl::StrCat(
        demand_.checkpointable ? std::string("no headroom for it now")
                               : absl::StrCat("cannot checkpoint and needs ",
                                              SpanText(demand_.work_s), " in one piece"),
        "; first in ", NameOf(first.site), " at ", AtText(first.start, input_.now), " (",
        CoresText(ledger_.headroom(first.site, first.block)), " of headroom)");
  }
  if (late) {
    absl::StrAppend(&verdict_.detail, "; its deadline at ", AtText(class_.deadline, input_.now),
                    " has passed");
  }
}

// Why no block of the grid holds it: the most that any offers.
std::string Placer::NoRoomText() const {
  int64_t most = -1;
  size_t most_site = 0;
  size_t most_block = 0;
  int64_t longest = 0;
  for (const size_t site : verdict_.ranked) {
    for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
      const int64_t room = ledger_.residual(site, block);
      if (room > most) std::tie(most, most_site, most_block) = std::tie(room, site, block);
      longest = std::max(longest, offers_.Reach(site, block) - ledger_.start(block));
    }
  }
  if (most < 0) return "no allowed data center has headroom";
  if (longest > 0 && !demand_.checkpointable) {
    return absl::StrCat("cannot checkpoint and needs ", SpanText(demand_.work_s),
                        " in one piece; the longest stretch of headroom ahead is ",
                        SpanText(longest));
  }
  return absl::StrCat("needs ", CoresText(demand_.milli_cores),
                      "; the most that is left in the next ",
                      SpanText(ledger_.horizon() - ledger_.now()), " is ", CoresText(most), " in ",
                      NameOf(most_site), " at ", At(ledger_.start(most_block)));
}

}  // namespace

Verdict PlaceTasks(Ledger& ledger, const Class& task_class) {
  return Placer(ledger, task_class).Place();
}

}  // namespace heliotrope::plan
