// What is said of a class's placement: why its tasks wait, and the inputs of each allotment.
#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/placer.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {

using model::Reason;

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

// "1h of work", or what it is expected to take and what it is planned for, to be sure.
std::string Placer::WorkText() const {
  const std::string expected = SpanText(demand_.work_s);
  const int64_t most = Ledger::Seconds(class_.remaining_high);
  if (most <= demand_.work_s) return absl::StrCat(expected, " of work");
  return absl::StrCat("expected to take ", expected, ", but perhaps ", SpanText(most));
}

std::string Placer::AllotmentText(const Candidate& start, int64_t count, Reason reason) const {
  const int64_t run = demand_.RunIn(start.site);
  const int64_t length = std::max<int64_t>(1, ledger_.length(start.block));
  const int64_t own = demand_.milli_cores * count * std::min(run, length) / length;
  std::string text = absl::StrCat(
      NameOf(start.site), " at ", At(start.start_s), ": ", CoresText(demand_.milli_cores), " for ",
      SpanText(run), " at ", PriceText(MeanPrice(start)), ", headroom ",
      CoresText(ledger_.headroom(start.site, start.block)), ", other batch ",
      CoresText(std::max<int64_t>(0, ledger_.planned(start.site, start.block) - own)));
  if (class_.deadline != absl::InfiniteFuture()) {
    absl::StrAppend(&text, ", deadline ", AtText(class_.deadline, input_.now));
  }
  if (reason == Reason::kDeadlineSafetyNet) {
    absl::StrAppend(&text, ", which it meets for sure only if it starts now (", WorkText(), ")");
  }
  if (reason == Reason::kReactive) absl::StrAppend(&text, ", no usable forecast");
  return text;
}

// Why no block of the grid holds it: the most that any offers.
std::string Placer::NoRoomText() const {
  int64_t most = -1;
  size_t most_site = 0;
  size_t most_block = 0;
  int64_t longest = 0;
  for (const size_t site : verdict_.ranked) {
    for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
      const int64_t room = ledger_.residual(site, block, demand_.each());
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
  if (most >= demand_.milli_cores && last_end_ < Ledger::kForever) {
    return absl::StrCat("needs ", CoresText(demand_.milli_cores), " for ", SpanText(demand_.work_s),
                        ", and so much headroom is not left in time");
  }
  const Bytes memory = Bytes::FromMiB(ledger_.memory_left(most_site, most_block));
  const bool by_memory = ledger_.residual(most_site, most_block) >= demand_.milli_cores;
  return absl::StrCat("needs ",
                      by_memory ? absl::StrCat(ToString(class_.request.memory), " of memory")
                                : CoresText(demand_.milli_cores),
                      "; the most that is left in the next ",
                      SpanText(ledger_.horizon() - ledger_.now()), " is ",
                      by_memory ? ToString(memory) : CoresText(most), " in ", NameOf(most_site),
                      " at ", At(ledger_.start(most_block)));
}

void Placer::ExplainPressed() {
  const std::string figures = absl::StrCat(
      " to end by its deadline at ", AtText(class_.deadline, input_.now), " (", WorkText(), ", ",
      SpanText(ledger_.SecondsOf(class_.deadline) - ledger_.now()), " left)");
  if (verdict_.mode != Mode::kMustRun) {
    verdict_.reason = Reason::kWaitingForCapacity;
    verdict_.detail = absl::StrCat("takes the first headroom at any price", figures);
    return;
  }
  const std::string why = absl::StrCat("must start now", figures);
  verdict_.reason = left_ == 0 ? Reason::kDeadlineSafetyNet : Reason::kWaitingForCapacity;
  verdict_.detail = left_ == 0
                        ? absl::StrCat(why, ", at any price")
                        : absl::StrCat(why, LacksMemory() ? ", but no memory" : ", but no core",
                                       " is free in ", WhereText(demand_.sites));
}

void Placer::ExplainContended() {
  verdict_.reason = Reason::kWaitingForCapacity;
  verdict_.detail =
      absl::StrCat("headroom before its deadline at ", AtText(class_.deadline, input_.now),
                   " is left for ", class_.count - left_, " of its ", class_.count,
                   " tasks: they start wherever some is, and at any price at ",
                   At(ledger_.now() + Laxity(ledger_, class_)));
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
  if (left_ > 0) {
    ExplainContended();
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

// What a start of now could take there.
Amount Placer::LeftNow(size_t site) const {
  if (Pressed(ledger_, class_) || UnderSafetyNet(ledger_, class_)) return ledger_.free_now(site);
  const size_t block = ledger_.first_block();
  return {.milli_cores = ledger_.residual(site, block), .mib = ledger_.memory_left(site, block)};
}

// The first place with room now for the cores of one more of its tasks, where memory is what is
// short; nothing where a task finds both.
std::optional<size_t> Placer::LacksMemory() const {
  std::optional<size_t> lacking;
  for (const size_t site : sites_) {
    const Amount left = LeftNow(site);
    if (left.Holds(demand_.each())) return std::nullopt;
    if (!lacking.has_value() && left.milli_cores >= demand_.milli_cores) lacking = site;
  }
  return lacking;
}

void Placer::ExplainMemory() {
  const bool for_room = verdict_.reason == Reason::kWaitingForCapacity ||
                        verdict_.reason == Reason::kWaitingForSafeWindow;
  if (!for_room || ledger_.first_block() >= ledger_.blocks()) return;
  int64_t waiting = class_.count;
  for (const Allotment& allotment : verdict_.allotments) {
    if (allotment.start <= input_.now) waiting -= allotment.count;
  }
  const std::optional<size_t> site = LacksMemory();
  if (waiting <= 0 || !site.has_value()) return;
  const Bytes left = Bytes::FromMiB(std::max<int64_t>(0, LeftNow(*site).mib));
  absl::StrAppend(&verdict_.detail, "; memory is short: ",
                  MemoryText(input_.sites[*site], class_.request.memory, left));
}

// Whatever else it waits for comes after that.
void Placer::ExplainQuota() {
  verdict_.reason = Reason::kWaitingForQuota;
  verdict_.detail = quotas_.Text(class_);
  if (verdict_.allotments.empty()) return;
  const auto first =
      std::min_element(verdict_.allotments.begin(), verdict_.allotments.end(),
                       [](const Allotment& a, const Allotment& b) { return a.start < b.start; });
  absl::StrAppend(&verdict_.detail, "; planned for ", AtText(first->start, input_.now), " in ",
                  NameOf(first->site));
}

}  // namespace heliotrope::plan
