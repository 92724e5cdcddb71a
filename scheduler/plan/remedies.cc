#include "scheduler/plan/remedies.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/text.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

// What is less than this is not worth a line.
constexpr absl::Duration kWorthSooner = absl::Minutes(5);
constexpr double kWorthCheaper = 0.95;

bool Starts(const Option& option) { return option.verdict != Option::Verdict::kNever; }

// Of a class that is changed: a start of now is only sure where it also fits what is measured.
bool SurelyStarts(const Option& option, absl::Time now) {
  return option.verdict == Option::Verdict::kFits ||
         (option.verdict == Option::Verdict::kLater && option.start > now);
}

bool SoonerThan(const Option& a, const Option& b) {
  return std::tie(a.start, a.mean_price) < std::tie(b.start, b.mean_price);
}

class Adviser {
 public:
  Adviser(const Input& input, const Plan& plan, const Class& task_class)
      : input_(input), plan_(plan), class_(task_class) {
    FindAsItIs();
  }

  std::optional<std::string> Elsewhere(absl::string_view residency) const;
  std::optional<std::string> Checkpoints() const;
  std::optional<std::string> Smaller() const;
  std::optional<std::string> Later() const;

 private:
  // The best of what the class could have as it is, each taken by itself.
  struct AsItIs {
    absl::Time earliest = absl::InfiniteFuture();
    absl::Time planned = absl::InfiniteFuture();
    absl::Time ends = absl::InfiniteFuture();
    size_t ends_in = 0;
    double price = std::numeric_limits<double>::infinity();
    bool in_time = false;  // Some start ends by the deadline.

    bool Starts() const { return earliest != absl::InfiniteFuture(); }
  };

  void FindAsItIs();
  void Take(const Option& option);
  bool Sooner(const Option& option) const {
    return option.start + kWorthSooner <= as_it_is_.earliest;
  }
  std::string When(absl::Time time) const {
    return time <= input_.now ? "now" : AtText(time, input_.now);
  }
  std::string Place(const Option& option) const { return input_.sites[option.site].id.value(); }
  // Never one that is late when the class as it is would not be.
  std::optional<Option> Soonest(const Class& changed, uint64_t sites) const;
  std::string StartText(const Option& option) const;

  const Input& input_;
  const Plan& plan_;
  const Class& class_;
  AsItIs as_it_is_;
};

void Adviser::Take(const Option& option) {
  if (!Starts(option)) return;
  as_it_is_.earliest = std::min(as_it_is_.earliest, option.start);
  as_it_is_.price = std::min(as_it_is_.price, option.mean_price);
  if (option.end < as_it_is_.ends) {
    as_it_is_.ends = option.end;
    as_it_is_.ends_in = option.site;
  }
  if (option.reason != Reason::kMissesDeadline) as_it_is_.in_time = true;
}

void Adviser::FindAsItIs() {
  for (const Option& option : Explain(input_, plan_, class_)) Take(option);
  // Also what it could have if it did not prefer what is planned for it.
  Class unplanned = class_;
  unplanned.id = std::numeric_limits<uint64_t>::max();
  for (const Option& option : Explain(input_, plan_, unplanned)) Take(option);
  as_it_is_.planned = as_it_is_.earliest;
  for (const Verdict& verdict : plan_.verdicts) {
    if (verdict.class_id != class_.id || verdict.allotments.empty()) continue;
    const Allotment& first = verdict.allotments.front();
    absl::Duration seen = class_.remaining;
    if (class_.checkpointable) seen = std::min(seen, absl::Seconds(kStaySeconds));
    as_it_is_.planned = std::max(first.start, input_.now);
    as_it_is_.price = std::min(as_it_is_.price, MeanPrice(input_, first.site, as_it_is_.planned,
                                                          as_it_is_.planned + seen));
    if (first.end <= class_.deadline) as_it_is_.in_time = true;
  }
}

std::optional<Option> Adviser::Soonest(const Class& changed, uint64_t sites) const {
  std::optional<Option> soonest;
  for (const Option& option : Explain(input_, plan_, changed)) {
    if ((sites >> option.site & 1) == 0 || !SurelyStarts(option, input_.now)) continue;
    if (as_it_is_.in_time && option.reason == Reason::kMissesDeadline) continue;
    if (!soonest || SoonerThan(option, *soonest)) soonest = option;
  }
  return soonest;
}

// "sooner in virginia (now instead of 08:05 UTC)"
std::string Adviser::StartText(const Option& option) const {
  if (!as_it_is_.Starts()) {
    return absl::StrCat("a start in ", Place(option), " (", When(option.start), ")");
  }
  return absl::StrCat("sooner in ", Place(option), " (", When(option.start), " instead of ",
                      When(as_it_is_.earliest), ")");
}

std::optional<std::string> Adviser::Elsewhere(absl::string_view residency) const {
  const uint64_t forbidden = ~class_.allowed;
  Class anywhere = class_;
  anywhere.allowed = ~uint64_t{0};
  const std::string but = absl::StrCat(", but its residency ", residency, " forbids it");
  const std::optional<Option> soonest = Soonest(anywhere, forbidden);
  if (soonest && Sooner(*soonest)) return absl::StrCat(StartText(*soonest), but);
  std::optional<Option> cheapest;
  for (const Option& option : Explain(input_, plan_, anywhere)) {
    if ((forbidden >> option.site & 1) == 0 || !SurelyStarts(option, input_.now)) continue;
    if (as_it_is_.in_time && option.reason == Reason::kMissesDeadline) continue;
    if (option.start > as_it_is_.planned) continue;
    if (!cheapest || option.mean_price < cheapest->mean_price) cheapest = option;
  }
  if (!cheapest || !(cheapest->mean_price < kWorthCheaper * as_it_is_.price)) return std::nullopt;
  const auto price = [](double units) { return PriceText(MicroCost::FromUnits(units).value()); };
  return absl::StrCat("cheaper in ", Place(*cheapest), " (", price(cheapest->mean_price), " ",
                      When(cheapest->start), " instead of ", price(as_it_is_.price), ")", but);
}

std::optional<std::string> Adviser::Checkpoints() const {
  if (class_.checkpointable) return std::nullopt;
  Class saving = class_;
  saving.checkpointable = true;
  const std::optional<Option> soonest = Soonest(saving, class_.allowed);
  if (!soonest || !Sooner(*soonest)) return std::nullopt;
  return absl::StrCat(StartText(*soonest), " if it could checkpoint");
}

// What it asks is cut to what one task may have, place by place.
std::optional<std::string> Adviser::Smaller() const {
  if (as_it_is_.Starts()) return std::nullopt;
  std::optional<Option> best;
  Class asked = class_;
  for (size_t site = 0; site < input_.sites.size(); ++site) {
    const model::Resources& largest = input_.sites[site].largest_task;
    if ((class_.allowed >> site & 1) == 0 || class_.request.FitsIn(largest)) continue;
    if (largest.cores == MilliCores::Zero()) continue;
    Class smaller = class_;
    smaller.request = {std::min(class_.request.cores, largest.cores),
                       std::min(class_.request.memory, largest.memory)};
    const std::optional<Option> option = Soonest(smaller, uint64_t{1} << site);
    if (!option || (best && !SoonerThan(*option, *best))) continue;
    best = option;
    asked = smaller;
  }
  if (!best) return std::nullopt;
  return absl::StrCat(StartText(*best), " if it asked ", ToString(asked.request.cores), " and ",
                      ToString(asked.request.memory));
}

std::optional<std::string> Adviser::Later() const {
  if (class_.deadline == absl::InfiniteFuture() || !as_it_is_.Starts()) return std::nullopt;
  if (as_it_is_.in_time) return std::nullopt;
  // With what it may take longer, and whole minutes, as it is told.
  const absl::Time end =
      as_it_is_.ends + std::max(absl::ZeroDuration(), class_.remaining_high - class_.remaining);
  const absl::Time told = absl::FromUnixSeconds((absl::ToUnixSeconds(end) + 59) / 60 * 60);
  if (told <= class_.deadline) return std::nullopt;
  Class later = class_;
  later.deadline = told;
  for (const Option& option : Explain(input_, plan_, later)) {
    if (option.site != as_it_is_.ends_in || !Starts(option)) continue;
    if (option.reason == Reason::kMissesDeadline) continue;
    return absl::StrCat("in time in ", Place(option), " if its deadline were ", When(told),
                        " or later");
  }
  return std::nullopt;
}

}  // namespace

double MeanPrice(const Input& input, size_t site, absl::Time from, absl::Time to) {
  double sum = 0;
  double seconds = 0;
  for (size_t block = 0; block < input.grid.size(); ++block) {
    const absl::Time start = std::max(from, input.grid[block].start);
    const absl::Time end = std::min(to, input.grid[block].start + input.grid[block].length);
    if (end <= start) continue;
    const double length = absl::ToDoubleSeconds(end - start);
    sum += length * MicroCost(input.sites[site].price[block]).units();
    seconds += length;
  }
  return seconds > 0 ? sum / seconds : std::numeric_limits<double>::infinity();
}

std::vector<std::string> Remedies(const Input& input, const Plan& plan, const Class& task_class,
                                  absl::string_view residency) {
  std::vector<std::string> lines;
  if (input.grid.empty()) return lines;
  const Adviser adviser(input, plan, task_class);
  // A request can be too large only where a deadline cannot be missed: three at most.
  for (const std::optional<std::string>& line :
       {adviser.Elsewhere(residency), adviser.Checkpoints(), adviser.Smaller(), adviser.Later()}) {
    if (line) lines.push_back(*line);
  }
  return lines;
}

}  // namespace heliotrope::plan
