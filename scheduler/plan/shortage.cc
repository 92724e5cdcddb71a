#include "scheduler/plan/shortage.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

// On top of the pause: two blocks, because the plan is made once a block and a block may be late,
// and half a block for the order to get there.
constexpr int64_t kLeadMargin = 750;
// No pause is so long that ramps further ahead than this are acted upon.
constexpr int64_t kMaxLead = 7200;
// A shortage must last so long; shorter ones are what the agents' freezing is for.
constexpr size_t kBlocksShort = 2;
// Of the cores of a data center: less than what a forecast can tell.
constexpr int64_t kTolerancePerMille = 14;

int64_t LeadOf(const RunningTask& task) {
  const int64_t pause = std::max<int64_t>(0, Ledger::Seconds(task.move_pause));
  return std::min(kMaxLead, pause + kLeadMargin);
}

// The departures of one site.
class SiteRoom {
 public:
  SiteRoom(const Ledger& ledger, size_t site, Departures& out);

  void Relieve();

 private:
  // A task that may be told to leave.
  struct Candidate {
    size_t task;
    int64_t milli_cores;
    int64_t ends_s;
    int64_t lead_s;
    bool spared;  // Under the deadline safety net.
    bool leaves = false;
  };
  struct Need {
    Reason reason;
    int64_t at_s;
    int64_t held;
    int64_t room;
  };

  void RelieveMeasured();
  void RelieveForecast();
  int64_t StillHeldAt(int64_t seconds) const;
  void Choose(const Need& need);
  void NoteSpared(const Need& need);

  const Ledger& ledger_;
  const Input& input_;
  const size_t index_;
  const Site& site_;
  Departures& out_;
  std::vector<size_t> tasks_;          // That hold room here.
  std::vector<Candidate> candidates_;  // The first to leave first.
};

SiteRoom::SiteRoom(const Ledger& ledger, size_t site, Departures& out)
    : ledger_(ledger), input_(ledger.input()), index_(site), site_(input_.sites[site]), out_(out) {
  // Lowest priority first; who came lately last; then who can best afford it; then who would hold
  // its room longest.
  std::vector<std::tuple<bool, int, bool, int64_t, int64_t, size_t>> order;
  for (size_t i = 0; i < input_.running.size(); ++i) {
    const RunningTask& task = input_.running[i];
    if (task.site != site || !CountsThere(task)) continue;
    tasks_.push_back(i);
    if (!task.checkpointable) continue;
    const bool lately =
        std::max(task.last_moved, task.started) + input_.settings.move_cooldown > input_.now;
    order.emplace_back(UnderSafetyNet(ledger, task), task.priority, lately, -Laxity(ledger, task),
                       -Ledger::Seconds(task.remaining), i);
  }
  std::sort(order.begin(), order.end());
  for (const auto& entry : order) {
    const size_t i = std::get<5>(entry);
    const RunningTask& task = input_.running[i];
    candidates_.push_back({.task = i,
                           .milli_cores = task.request.cores.value(),
                           .ends_s = ledger.now() + Ledger::Seconds(task.remaining),
                           .lead_s = LeadOf(task),
                           .spared = std::get<0>(entry)});
  }
}

void SiteRoom::Relieve() {
  // Without capacity nothing is known of the site: loss of contact is not failure (Promise 4).
  if (site_.capacity <= MilliCores::Zero() || tasks_.empty()) return;
  RelieveMeasured();
  // Without a usable forecast headroom is what is measured, so that was all.
  if (!site_.reactive) RelieveForecast();
}

int64_t SiteRoom::StillHeldAt(int64_t seconds) const {
  int64_t held = 0;
  for (const size_t i : tasks_) {
    const RunningTask& task = input_.running[i];
    if (ledger_.now() + Ledger::Seconds(task.remaining) > seconds) {
      held += task.request.cores.value();
    }
  }
  for (const Candidate& candidate : candidates_) {
    if (candidate.leaves && candidate.ends_s > seconds) held -= candidate.milli_cores;
  }
  return held;
}

// Promise 7.
void SiteRoom::RelieveMeasured() {
  const int64_t target = site_.capacity.ScaledBy(site_.target_utilization).value();
  const int64_t room = std::max<int64_t>(0, target - site_.foreground_now.value());
  const int64_t held = StillHeldAt(ledger_.now());
  if (held - room <= Tolerance(site_)) return;
  Choose(
      {.reason = Reason::kForegroundOverload, .at_s = ledger_.now(), .held = held, .room = room});
}

void SiteRoom::RelieveForecast() {
  for (size_t block = ledger_.first_block() + 1; block + kBlocksShort <= ledger_.blocks();
       ++block) {
    const int64_t at = ledger_.start(block);
    if (at > ledger_.now() + kMaxLead) return;
    int64_t least = StillHeldAt(at) - ledger_.headroom(index_, block);
    for (size_t next = block + 1; next < block + kBlocksShort; ++next) {
      least = std::min(least, StillHeldAt(ledger_.start(next)) - ledger_.headroom(index_, next));
    }
    if (least <= Tolerance(site_)) continue;
    Choose({.reason = Reason::kForegroundRamp,
            .at_s = at,
            .held = ledger_.headroom(index_, block) + least,
            .room = ledger_.headroom(index_, block)});
  }
}

// Marks tasks until what is held fits, and never more than needed.
void SiteRoom::Choose(const Need& need) {
  int64_t short_by = need.held - need.room;
  std::vector<Candidate*> chosen;
  const bool beyond_capacity = site_.foreground_now.value() + need.held > site_.capacity.value() &&
                               need.reason == Reason::kForegroundOverload;
  for (Candidate& candidate : candidates_) {
    if (short_by <= 0) break;
    if (candidate.leaves || candidate.ends_s <= need.at_s) continue;
    if (need.at_s - ledger_.now() > candidate.lead_s) continue;
    if (candidate.spared && !beyond_capacity) continue;
    chosen.push_back(&candidate);
    short_by -= candidate.milli_cores;
  }
  if (short_by > Tolerance(site_) && !beyond_capacity) NoteSpared(need);
  // The last one chosen may make smaller ones before it unnecessary.
  for (auto it = chosen.rbegin(); it != chosen.rend(); ++it) {
    if (short_by + (*it)->milli_cores <= 0) {
      short_by += (*it)->milli_cores;
      continue;
    }
    (*it)->leaves = true;
    out_.leavers.push_back({.task = (*it)->task,
                            .reason = need.reason,
                            .gone_by_s = need.at_s,
                            .held = need.held,
                            .room = need.room});
  }
}

void SiteRoom::NoteSpared(const Need& need) {
  for (const Candidate& candidate : candidates_) {
    if (!candidate.spared || candidate.leaves || candidate.ends_s <= need.at_s) continue;
    const RunningTask& task = input_.running[candidate.task];
    const bool noted = std::any_of(out_.stays.begin(), out_.stays.end(),
                                   [&](const Stay& stay) { return stay.task == task.task; });
    if (noted) continue;
    out_.stays.push_back(
        {.task = task.task,
         .attempt = task.attempt,
         .reason = Reason::kDeadlineSafetyNet,
         .detail =
             absl::StrCat("stays in ", site_.id.value(), " though batch would hold ",
                          CoresText(need.held), " of ", CoresText(need.room), " of room at ",
                          AtText(ledger_.TimeAt(need.at_s), input_.now), ": it has ",
                          SpanText(Ledger::Seconds(task.remaining)),
                          " of work left and must end by ", AtText(task.deadline, input_.now))});
  }
}

}  // namespace

int64_t Tolerance(const Site& site) { return site.capacity.value() * kTolerancePerMille / 1000; }

bool CountsThere(const RunningTask& task) { return !task.node_drained && !task.node_away; }

Amount HeldAt(const Ledger& ledger, size_t site, int64_t seconds) {
  Amount held;
  for (const RunningTask& task : ledger.input().running) {
    if (task.site != site || !CountsThere(task)) continue;
    if (ledger.now() + Ledger::Seconds(task.remaining) > seconds) held += Amount::Of(task.request);
  }
  return held;
}

Departures FindDepartures(const Ledger& ledger) {
  const Input& input = ledger.input();
  Departures departures;
  for (size_t i = 0; i < input.running.size(); ++i) {
    const RunningTask& task = input.running[i];
    if (!task.node_drained || !task.checkpointable || task.node_away) continue;
    departures.leavers.push_back(
        {.task = i, .reason = Reason::kNodeDrained, .gone_by_s = ledger.now()});
  }
  for (size_t site = 0; site < input.sites.size(); ++site) {
    SiteRoom(ledger, site, departures).Relieve();
  }
  std::sort(departures.leavers.begin(), departures.leavers.end(),
            [](const Leaver& a, const Leaver& b) { return a.task < b.task; });
  return departures;
}

}  // namespace heliotrope::plan
