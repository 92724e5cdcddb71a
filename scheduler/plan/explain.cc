// What every data center could offer one task of a class: the answer to "why not there?".
#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/ledger.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/plan.h"
#include "scheduler/plan/quotas.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

// An option with what it is sorted by.
struct Ranked {
  Option option;
  bool chosen = false;
  int64_t score = 0;
};

class Explainer {
 public:
  Explainer(const Ledger& ledger, const Plan& plan, const Class& task_class)
      : ledger_(ledger),
        input_(ledger.input()),
        class_(task_class),
        demand_(DemandOf(input_, task_class)),
        quotas_(ledger),
        offers_(ledger, demand_) {
    for (const Verdict& verdict : plan.verdicts) {
      if (verdict.class_id == task_class.id) verdict_ = &verdict;
    }
  }

  Ranked OptionOf(size_t site) const;

 private:
  bool RuledOut(size_t site, Option& option) const;
  void Start(size_t site, size_t block, int64_t start_s, Ranked& ranked) const;
  void NoteFits(size_t site, Mode mode, Option& option) const;
  void NoteQuota(Option& option) const;
  void Never(size_t site, Option& option) const;
  std::optional<std::string> MemoryNow(size_t site) const;
  const Allotment* AllotmentIn(size_t site) const;
  int64_t PlannedForOthers(size_t site, size_t block) const;
  std::string At(int64_t seconds) const { return AtText(ledger_.TimeAt(seconds), input_.now); }

  const Ledger& ledger_;
  const Input& input_;
  const Class& class_;
  const Demand demand_;
  const Quotas quotas_;
  const Offers offers_;
  const Verdict* verdict_ = nullptr;
};

const Allotment* Explainer::AllotmentIn(size_t site) const {
  if (verdict_ == nullptr) return nullptr;
  for (const Allotment& allotment : verdict_->allotments) {
    if (allotment.site == site) return &allotment;
  }
  return nullptr;
}

// Without what the class itself has there.
int64_t Explainer::PlannedForOthers(size_t site, size_t block) const {
  int64_t planned = ledger_.planned(site, block);
  if (verdict_ == nullptr) return planned;
  for (const Allotment& allotment : verdict_->allotments) {
    if (allotment.site != site) continue;
    const int64_t from = std::max(ledger_.SecondsOf(allotment.start), ledger_.start(block));
    const int64_t to = std::min(ledger_.SecondsOf(allotment.end), ledger_.end(block));
    planned -= demand_.milli_cores * allotment.count * std::max<int64_t>(0, to - from) /
               std::max<int64_t>(1, ledger_.length(block));
  }
  return std::max<int64_t>(0, planned);
}

bool Explainer::RuledOut(size_t index, Option& option) const {
  const Site& site = input_.sites[index];
  if ((class_.allowed >> index & 1) == 0) {
    option.reason = Reason::kResidency;
    option.detail = "its residency excludes this data center's jurisdiction";
  } else if (site.largest_task.cores == MilliCores::Zero()) {
    option.reason = Reason::kNoNodes;
    option.detail = "no node is connected";
  } else if (!class_.request.FitsIn(site.largest_task)) {
    option.reason = Reason::kTooLarge;
    option.detail = absl::StrCat("asks ", ToString(class_.request.cores), " and ",
                                 ToString(class_.request.memory), "; one task may have at most ",
                                 ToString(site.largest_task.cores), " and ",
                                 ToString(site.largest_task.memory));
  } else if (site.capacity <= MilliCores::Zero()) {
    option.reason = Reason::kDrained;
    option.detail = "every node is drained";
  } else {
    return false;
  }
  return true;
}

void Explainer::Start(size_t site, size_t block, int64_t start_s, Ranked& ranked) const {
  Option& option = ranked.option;
  const int64_t end_s = start_s + demand_.RunIn(site);
  const int64_t mean = ledger_.MeanPrice(site, start_s, start_s + demand_.SeenIn(site));
  option.verdict = Option::Verdict::kLater;
  option.reason = Reason::kNotBeforeHeadroom;
  option.start = ledger_.TimeAt(start_s);
  option.end = ledger_.TimeAt(end_s);
  option.mean_price = MicroCost::FromMicro(mean).units();
  ranked.score = offers_.Score(site, block, start_s);
  option.detail = absl::StrCat("headroom for it from ", At(start_s), " (",
                               CoresText(ledger_.headroom(site, block)), " for batch, ",
                               CoresText(PlannedForOthers(site, block)),
                               " planned for others), price ", PriceText(mean));
  if (option.end > class_.deadline) {
    option.reason = Reason::kMissesDeadline;
    absl::StrAppend(&option.detail, "; would end at ", At(end_s), ", after its deadline at ",
                    AtText(class_.deadline, input_.now));
  }
}

// What is measured decides a start of now.
void Explainer::NoteFits(size_t index, Mode mode, Option& option) const {
  const Site& site = input_.sites[index];
  option.verdict = Option::Verdict::kFits;
  if (option.reason == Reason::kMissesDeadline) return;
  option.reason = Reason::kFits;
  const std::string room =
      mode == Mode::kMustRun
          ? absl::StrCat("free cores, ")
          : absl::StrCat(CoresText(site.headroom[ledger_.first_block()].value()), " of headroom, ");
  option.detail =
      absl::StrCat("fits now (", room, CoresText(site.batch_now.value()), " of batch, foreground ",
                   CoresText(site.foreground_now.value()), " of ", CoresText(site.capacity.value()),
                   "), price ", PriceText(MicroCost::FromUnits(option.mean_price).value()));
}

// What it lacks of memory where it would find the cores.
std::optional<std::string> Explainer::MemoryNow(size_t site) const {
  const size_t block = ledger_.first_block();
  if (block >= ledger_.blocks() || ledger_.residual(site, block) < demand_.milli_cores) {
    return std::nullopt;
  }
  const int64_t left = std::min(ledger_.free_now(site).mib, ledger_.memory_left(site, block));
  if (left >= demand_.mib) return std::nullopt;
  return MemoryText(input_.sites[site], class_.request.memory,
                    Bytes::FromMiB(std::max<int64_t>(0, left)));
}

// Room is there, and its account may not take it yet; when it may is known to nobody.
void Explainer::NoteQuota(Option& option) const {
  option.verdict = Option::Verdict::kLater;
  option.reason = Reason::kWaitingForQuota;
  option.detail = quotas_.Text(class_);
  option.start = option.end = absl::InfiniteFuture();
}

void Explainer::Never(size_t site, Option& option) const {
  int64_t longest = 0;
  int64_t most = 0;
  int64_t most_mib = 0;
  for (size_t block = ledger_.first_block(); block < ledger_.blocks(); ++block) {
    longest = std::max(longest, offers_.Reach(site, block) - ledger_.start(block));
    most = std::max(most, ledger_.residual(site, block));
    most_mib = std::max(most_mib, ledger_.memory_left(site, block));
  }
  option.reason =
      demand_.checkpointable ? Reason::kWaitingForCapacity : Reason::kWaitingForSafeWindow;
  const std::string ahead = SpanText(ledger_.horizon() - ledger_.now());
  if (longest > 0) {
    option.detail = absl::StrCat("needs ", SpanText(demand_.WindowIn(site)),
                                 " of headroom in one piece; the longest in the next ", ahead,
                                 " is ", SpanText(longest));
  } else if (most >= demand_.milli_cores && most_mib < demand_.mib) {
    option.detail = absl::StrCat("needs ", ToString(class_.request.memory),
                                 " of memory; the most that is left in the next ", ahead, " is ",
                                 ToString(Bytes::FromMiB(most_mib)), " of ",
                                 ToString(input_.sites[site].memory));
  } else {
    option.detail =
        absl::StrCat("needs ", CoresText(demand_.milli_cores),
                     "; the most that is left in the next ", ahead, " is ", CoresText(most));
  }
}

Ranked Explainer::OptionOf(size_t site) const {
  Ranked ranked;
  Option& option = ranked.option;
  option.site = site;
  if (RuledOut(site, option)) return ranked;
  const Allotment* allotment = AllotmentIn(site);
  const Mode mode = verdict_ == nullptr ? Mode::kAsSoonAsPossible : verdict_->mode;
  if (FitsNow(input_, class_, site, mode == Mode::kNever ? Mode::kAsSoonAsPossible : mode)) {
    Start(site, std::min(ledger_.first_block(), ledger_.blocks() - 1), ledger_.now(), ranked);
    quotas_.RoomNow(class_) > 0 ? NoteFits(site, mode, option) : NoteQuota(option);
    ranked.chosen = allotment != nullptr && allotment->start <= input_.now;
  } else if (allotment != nullptr) {
    const int64_t start = std::max(ledger_.now(), ledger_.SecondsOf(allotment->start));
    const size_t block = std::min(ledger_.BlockOf(start), ledger_.blocks() - 1);
    Start(site, block, start, ranked);
    ranked.chosen = true;
  } else {
    size_t block = ledger_.first_block();
    while (block < ledger_.blocks() && !offers_.Holds(site, block, ledger_.start(block))) ++block;
    if (block < ledger_.blocks()) {
      Start(site, block, ledger_.start(block), ranked);
    } else {
      Never(site, option);
    }
  }
  const std::optional<std::string> memory = MemoryNow(site);
  if (option.verdict == Option::Verdict::kLater && memory.has_value()) {
    absl::StrAppend(&option.detail, "; memory is short now: ", *memory);
  }
  if (allotment != nullptr && allotment->start > input_.now) {
    ranked.chosen = true;
    absl::StrAppend(&option.detail, "; planned for ", AtText(allotment->start, input_.now));
  }
  return ranked;
}

}  // namespace

std::vector<Option> Explain(const Input& input, const Plan& plan, const Class& task_class) {
  Ledger ledger(input);
  ledger.TakeUp(plan);
  const Explainer explainer(ledger, plan, task_class);
  std::vector<Ranked> ranked;
  for (size_t site = 0; site < input.sites.size(); ++site) {
    if (input.grid.empty()) break;
    ranked.push_back(explainer.OptionOf(site));
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
    const auto key = [](const Ranked& r) {
      return std::make_tuple(!r.chosen, r.option.verdict, r.score);
    };
    return key(a) < key(b);
  });
  std::vector<Option> options;
  for (Ranked& entry : ranked) options.push_back(std::move(entry.option));
  return options;
}

}  // namespace heliotrope::plan
