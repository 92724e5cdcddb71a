#include "scheduler/plan/moves.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/journey.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/shortage.h"
#include "scheduler/plan/targets.h"
#include "scheduler/plan/text.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

// A task without a place to go to checkpoints and waits; that is put off until so little before its
// room is needed (and its pause).
constexpr int64_t kYieldMargin = 450;

// Enters a task where it stays. What lies further ahead than a task that can leave is sure to stay
// is taken there only as far as there is headroom: for the rest it will have moved.
void EnterStaying(Ledger& ledger, const RunningTask& task, Overflow& overflow) {
  const Input& input = ledger.input();
  const Amount each = Amount::Of(task.request);
  if (!task.checkpointable) {
    ledger.AddFirm({.site = task.site,
                    .from = ledger.now(),
                    .to = ledger.now() + Ledger::Seconds(task.remaining),
                    .milli_cores = each.milli_cores,
                    .mib = each.mib});
    return;
  }
  const int64_t sure = ledger.now() + Ledger::Seconds(input.settings.minimum_run);
  overflow.EnterRunning(ledger, {.use = {.site = task.site,
                                         .from = ledger.now(),
                                         .to = ledger.now() + Ledger::Seconds(task.remaining),
                                         .milli_cores = each.milli_cores,
                                         .mib = each.mib},
                                 .sure_until_s = sure,
                                 .sites = FittingSites(input, task.allowed, task.request)});
}

void EnterLeaving(Ledger& ledger, const RunningTask& task) {
  const Amount each = Amount::Of(task.request);
  ledger.Add({.site = task.site,
              .from = ledger.now(),
              .to = ledger.now() + PauseOf(task),
              .milli_cores = each.milli_cores,
              .mib = each.mib});
}

// What batch holds beyond the running tasks: tasks that leave, and room reserved for tasks that come.
// Neither is known by name here; it is taken as held for a while.
void EnterUnlisted(Ledger& ledger) {
  const Input& input = ledger.input();
  for (size_t site = 0; site < input.sites.size(); ++site) {
    Amount unlisted = Amount::Of({input.sites[site].batch_now, input.sites[site].batch_memory});
    unlisted -= HeldAt(ledger, site, ledger.now() - 1);
    ledger.Add({.site = site,
                .from = ledger.now(),
                .to = ledger.now() + Ledger::Seconds(input.settings.minimum_run),
                .milli_cores = std::max<int64_t>(0, unlisted.milli_cores),
                .mib = std::max<int64_t>(0, unlisted.mib)});
  }
}

std::string WhyText(const Ledger& ledger, const RunningTask& task, const Leaver& leaver) {
  const Site& site = ledger.input().sites[task.site];
  const absl::Time now = ledger.input().now;
  if (leaver.reason == Reason::kNodeDrained) {
    return absl::StrCat("its node in ", site.id.value(), " is drained");
  }
  const std::string measured = absl::StrCat(CoresText(site.foreground_now.value()), " of ",
                                            CoresText(site.capacity.value()));
  if (leaver.reason == Reason::kForegroundOverload) {
    return absl::StrCat("foreground in ", site.id.value(), " is at ", measured,
                        " and leaves batch ", CoresText(leaver.room), ", of which it holds ",
                        CoresText(leaver.held));
  }
  const size_t block = ledger.BlockOf(leaver.gone_by_s);
  return absl::StrCat("from ", AtText(ledger.TimeAt(leaver.gone_by_s), now), " foreground leaves ",
                      site.id.value(), " ", CoresText(leaver.room), " of headroom (",
                      CoresText(site.likely[block].value()), " likely) and batch would hold ",
                      CoresText(leaver.held), "; measured now ", measured);
}

}  // namespace

void MakeRoom(Ledger& ledger, Plan& plan) {
  const Input& input = ledger.input();
  Departures departures = FindDepartures(ledger);
  plan.stays = std::move(departures.stays);
  std::vector<const Leaver*> leaves(input.running.size(), nullptr);
  for (const Leaver& leaver : departures.leavers) leaves[leaver.task] = &leaver;
  std::vector<size_t> going;
  EnterUnlisted(ledger);
  Overflow overflow(ledger);
  for (size_t i = 0; i < input.running.size(); ++i) {
    if (leaves[i] != nullptr) {
      going.push_back(i);
    } else if (CountsThere(input.running[i])) {
      EnterStaying(ledger, input.running[i], overflow);
    }
  }
  // The most important first: they get the best places.
  std::stable_sort(going.begin(), going.end(), [&](size_t a, size_t b) {
    return input.running[a].priority > input.running[b].priority;
  });
  for (const size_t i : going) {
    const RunningTask& task = input.running[i];
    const Leaver& leaver = *leaves[i];
    const std::optional<Target> target = FindTarget(ledger, task);
    const int64_t yield_at = leaver.gone_by_s - PauseOf(task) - kYieldMargin;
    if (!target.has_value() && yield_at > ledger.now()) {
      EnterStaying(ledger, task, overflow);
      continue;
    }
    plan.moves.push_back(
        {.task = task.task,
         .attempt = task.attempt,
         .to = target.has_value() ? std::optional<size_t>(target->site) : std::nullopt,
         .reason = leaver.reason,
         .detail = absl::StrCat(WhyText(ledger, task, leaver), TargetText(ledger, task, target))});
    if (CountsThere(task)) EnterLeaving(ledger, task);
    if (target.has_value()) EnterMoving(ledger, task, *target, overflow);
  }
  overflow.EnterRest(ledger);
}

}  // namespace heliotrope::plan
