#include "scheduler/plan/moves.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/journey.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/shortage.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

// A task without a place to go to checkpoints and waits; that is put off until so little before its
// room is needed (and its pause).
constexpr int64_t kYieldMargin = 450;
// Prices are compared over at most so much of what is left to run.
constexpr int64_t kPriceHorizon = 12 * 3600;
// A ramp nearer than this decides by itself.
constexpr int64_t kLeastPriceHorizon = 3600;
// A cheaper site must have headroom for three quarters of what is left to run, up to this much.
constexpr int64_t kStretchWanted = 8 * 3600;
// And save at least this share of the cost of staying.
constexpr int64_t kLeastGainPercent = 10;
constexpr size_t kMaxPriceMoves = 32;
constexpr size_t kMaxPriceTries = 128;

struct Target {
  size_t site = 0;
  int64_t arrives_s = 0;
  int64_t score = 0;
};

const std::string& NameOf(const Ledger& ledger, size_t site) {
  return ledger.input().sites[site].id.value();
}

int64_t PauseOf(const RunningTask& task) {
  return std::max<int64_t>(0, Ledger::Seconds(task.move_pause));
}

// Whether the site has the cores right now, by what is measured: that is when they are reserved.
bool HasCoresNow(const Ledger& ledger, size_t index, int64_t milli_cores) {
  const Site& site = ledger.input().sites[index];
  const int64_t target = site.capacity.ScaledBy(site.target_utilization).value();
  const int64_t used = site.capacity.value() - ledger.free_now(index);
  return used + milli_cores <= target;
}

// The cheapest place that the task can go to and stay in for a while.
std::optional<Target> FindTarget(const Ledger& ledger, const RunningTask& task) {
  const Demand demand = DemandOf(ledger.input(), task);
  const int64_t arrives = ledger.now() + PauseOf(task);
  const size_t block = ledger.BlockOf(arrives);
  if (block >= ledger.blocks()) return std::nullopt;
  uint64_t with_cores = 0;
  for (size_t site = 0; site < ledger.sites(); ++site) {
    if (!demand.Takes(site) || !HasCoresNow(ledger, site, demand.milli_cores)) continue;
    with_cores |= uint64_t{1} << site;
  }
  if (with_cores == 0) return std::nullopt;
  const Offers offers(ledger, demand);
  std::optional<Target> best;
  for (size_t site = 0; site < ledger.sites(); ++site) {
    if ((with_cores >> site & 1) == 0) continue;
    // The cores are held from now on, so headroom must be there from now on.
    const size_t first = ledger.first_block();
    if (offers.Reach(site, first) < arrives || !offers.Holds(site, block, arrives)) continue;
    const int64_t score = offers.Score(site, block, arrives);
    if (!best.has_value() || score < best->score) {
      best = Target{.site = site, .arrives_s = arrives, .score = score};
    }
  }
  return best;
}

// Enters a task where it stays. What lies further ahead than a task that can leave is sure to stay
// is taken there only as far as there is headroom: for the rest it will have moved.
void EnterStaying(Ledger& ledger, const RunningTask& task, Overflow& overflow) {
  const Input& input = ledger.input();
  const int64_t sure = ledger.now() + Ledger::Seconds(input.settings.minimum_run);
  overflow.EnterRunning(ledger, {.use = {.site = task.site,
                                         .from = ledger.now(),
                                         .to = ledger.now() + Ledger::Seconds(task.remaining),
                                         .milli_cores = task.request.cores.value()},
                                 .sure_until_s = task.checkpointable ? sure : Ledger::kForever,
                                 .sites = FittingSites(input, task.allowed, task.request)});
}

void EnterMoving(Ledger& ledger, const RunningTask& task, const Target& target,
                 Overflow& overflow) {
  const Input& input = ledger.input();
  ledger.TakeFreeNow(target.site, task.request.cores.value());
  overflow.EnterRunning(
      ledger, {.use = {.site = target.site,
                       .from = ledger.now(),
                       .to = target.arrives_s + Ledger::Seconds(task.remaining),
                       .milli_cores = task.request.cores.value()},
               .sure_until_s = target.arrives_s + Ledger::Seconds(input.settings.minimum_run),
               .sites = FittingSites(input, task.allowed, task.request)});
}

void EnterLeaving(Ledger& ledger, const RunningTask& task) {
  ledger.Add({.site = task.site,
              .from = ledger.now(),
              .to = ledger.now() + PauseOf(task),
              .milli_cores = task.request.cores.value()});
}

// Cores that batch holds beyond the running tasks: tasks that leave, and room reserved for tasks
// that come. Neither is known by name here; it is taken as held for a while.
void EnterUnlisted(Ledger& ledger) {
  const Input& input = ledger.input();
  for (size_t site = 0; site < input.sites.size(); ++site) {
    const int64_t unlisted =
        input.sites[site].batch_now.value() - HeldAt(ledger, site, ledger.now() - 1);
    if (unlisted <= 0) continue;
    ledger.Add({.site = site,
                .from = ledger.now(),
                .to = ledger.now() + Ledger::Seconds(input.settings.minimum_run),
                .milli_cores = unlisted});
  }
}

std::string TargetText(const Ledger& ledger, const RunningTask& task,
                       const std::optional<Target>& target) {
  if (!target.has_value()) {
    return "; no allowed data center has headroom for it now, so it checkpoints and waits";
  }
  const int64_t end = target->arrives_s + std::min(kPriceHorizon, Ledger::Seconds(task.remaining));
  const size_t block = ledger.BlockOf(target->arrives_s);
  return absl::StrCat("; goes to ", NameOf(ledger, target->site), ": ",
                      CoresText(ledger.residual(target->site, block)), " free of ",
                      CoresText(ledger.headroom(target->site, block)), " of headroom, price ",
                      PriceText(ledger.MeanPrice(target->site, target->arrives_s, end)),
                      " against ", PriceText(ledger.MeanPrice(task.site, target->arrives_s, end)),
                      " here");
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

// A saving that a move would bring.
struct Saving {
  int64_t milli_core_price = 0;  // Gain weighted by cores: what is sorted by.
  size_t task = 0;
};

class PriceMoves {
 public:
  PriceMoves(Ledger& ledger, Plan& plan) : ledger_(ledger), input_(ledger.input()), plan_(plan) {
    FindRamps();
  }

  void Seek();

 private:
  // What is gained over the span that is compared, both ways in price times seconds a core.
  struct Gain {
    int64_t saved = 0;
    int64_t span_s = 0;
  };

  void FindRamps();
  bool MayMove(const RunningTask& task) const;
  std::optional<Gain> GainOf(const RunningTask& task, size_t to) const;
  bool TryMove(const RunningTask& task);
  std::string Text(const RunningTask& task, size_t to, const Gain& gain) const;

  Ledger& ledger_;
  const Input& input_;
  Plan& plan_;
  // By site: when batch that runs there now will exceed its headroom; the horizon at the latest.
  std::vector<int64_t> ramp_s_;
};

void PriceMoves::FindRamps() {
  const size_t blocks = ledger_.blocks();
  // By site and block: what ends in the block, then what is held at its start.
  std::vector<std::vector<int64_t>> ends(ledger_.sites(), std::vector<int64_t>(blocks + 1));
  for (const RunningTask& task : input_.running) {
    if (!CountsThere(task)) continue;
    const int64_t last = ledger_.now() + Ledger::Seconds(task.remaining) - 1;
    ends[task.site][ledger_.BlockOf(last)] += task.request.cores.value();
  }
  ramp_s_.assign(ledger_.sites(), ledger_.horizon());
  for (size_t site = 0; site < ledger_.sites(); ++site) {
    int64_t held = ends[site][blocks];
    for (size_t block = blocks; block-- > ledger_.first_block() + 1;) {
      held += ends[site][block];
      if (held > ledger_.headroom(site, block) + Tolerance(input_.sites[site])) {
        ramp_s_[site] = ledger_.start(block);
      }
    }
  }
}

bool PriceMoves::MayMove(const RunningTask& task) const {
  if (!task.checkpointable || !CountsThere(task)) return false;
  const absl::Time settled = std::max(task.last_moved, task.started);
  if (settled + input_.settings.move_cooldown > input_.now) return false;
  if (Laxity(ledger_, task) <= PauseOf(task)) return false;
  return std::none_of(plan_.moves.begin(), plan_.moves.end(),
                      [&](const MoveAdvice& move) { return move.task == task.task; });
}

std::optional<PriceMoves::Gain> PriceMoves::GainOf(const RunningTask& task, size_t to) const {
  const int64_t now = ledger_.now();
  const int64_t pause = PauseOf(task);
  const int64_t left = Ledger::Seconds(task.remaining);
  const int64_t span = std::min({left, kPriceHorizon, ramp_s_[task.site] - now});
  if (span < std::min(left, kLeastPriceHorizon) || span <= pause) return std::nullopt;
  const int64_t stay = ledger_.Cost(task.site, now, now + span);
  const int64_t go = ledger_.Cost(to, now + pause, now + pause + span);
  const int64_t hourly =
      std::max(ledger_.typical_price(), ledger_.MeanPrice(task.site, now, now + span));
  const int64_t cost =
      MicroCost::FromMicro(hourly * pause).ScaledBy(input_.settings.move_gain_factor).value();
  const int64_t saved = stay - go;
  if (saved <= cost || saved * 100 <= std::abs(stay) * kLeastGainPercent) return std::nullopt;
  return Gain{.saved = saved, .span_s = span};
}

bool PriceMoves::TryMove(const RunningTask& task) {
  const std::optional<Target> target = FindTarget(ledger_, task);
  if (!target.has_value()) return false;
  const std::optional<Gain> gain = GainOf(task, target->site);
  if (!gain.has_value()) return false;
  const Offers offers(ledger_, DemandOf(input_, task));
  const int64_t wanted = std::min(Ledger::Seconds(task.remaining), kStretchWanted) / 4 * 3;
  const int64_t until = offers.Reach(target->site, ledger_.BlockOf(target->arrives_s));
  if (until - target->arrives_s < wanted) return false;
  plan_.moves.push_back({.task = task.task,
                         .attempt = task.attempt,
                         .to = target->site,
                         .reason = Reason::kCheaperElsewhere,
                         .detail = Text(task, target->site, *gain)});
  // Its own site's part stays entered: nothing is planned after this.
  Overflow overflow(ledger_);
  EnterMoving(ledger_, task, *target, overflow);
  return true;
}

std::string PriceMoves::Text(const RunningTask& task, size_t to, const Gain& gain) const {
  const int64_t now = ledger_.now();
  const int64_t pause = PauseOf(task);
  return absl::StrCat(
      NameOf(ledger_, to), " costs ",
      PriceText(ledger_.MeanPrice(to, now + pause, now + pause + gain.span_s)), " against ",
      PriceText(ledger_.MeanPrice(task.site, now, now + gain.span_s)), " in ",
      NameOf(ledger_, task.site), " over the next ", SpanText(gain.span_s), " (",
      SpanText(Ledger::Seconds(task.remaining)), " of work left, the move stops it for ",
      SpanText(pause), "), and has ", CoresText(ledger_.residual(to, ledger_.BlockOf(now + pause))),
      " free of ", CoresText(ledger_.headroom(to, ledger_.BlockOf(now + pause))), " of headroom");
}

void PriceMoves::Seek() {
  std::vector<Saving> savings;
  for (size_t i = 0; i < input_.running.size(); ++i) {
    const RunningTask& task = input_.running[i];
    if (!MayMove(task)) continue;
    const uint64_t sites = DemandOf(input_, task).sites;
    int64_t best = 0;
    for (size_t site = 0; site < ledger_.sites(); ++site) {
      if ((sites >> site & 1) == 0) continue;
      const std::optional<Gain> gain = GainOf(task, site);
      if (gain.has_value()) best = std::max(best, gain->saved / 3600);
    }
    if (best <= 0) continue;
    const int64_t weight = std::max<int64_t>(1, task.request.cores.value() / 100);
    savings.push_back({.milli_core_price = best * weight, .task = i});
  }
  std::sort(savings.begin(), savings.end(), [](const Saving& a, const Saving& b) {
    return std::tie(b.milli_core_price, a.task) < std::tie(a.milli_core_price, b.task);
  });
  size_t moved = 0;
  for (size_t i = 0; i < savings.size() && i < kMaxPriceTries && moved < kMaxPriceMoves; ++i) {
    if (TryMove(input_.running[savings[i].task])) ++moved;
  }
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
    if (leaves[i] == nullptr) {
      EnterStaying(ledger, input.running[i], overflow);
    } else {
      going.push_back(i);
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
    EnterLeaving(ledger, task);
    if (target.has_value()) EnterMoving(ledger, task, *target, overflow);
  }
  overflow.EnterRest(ledger);
}

void SeekCheaper(Ledger& ledger, Plan& plan) { PriceMoves(ledger, plan).Seek(); }

}  // namespace heliotrope::plan
