// Moves for price alone.
#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/plan/moves.h"
#include "scheduler/plan/offers.h"
#include "scheduler/plan/shortage.h"
#include "scheduler/plan/targets.h"
#include "scheduler/plan/text.h"
#include "scheduler/plan/urgency.h"

namespace heliotrope::plan {
namespace {

using model::Reason;

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

  const std::string& NameOf(size_t site) const { return input_.sites[site].id.value(); }

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
  if (task.deadline > input_.now && task.deadline < absl::InfiniteFuture()) return false;
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
  const int64_t stay = ledger_.MeanPrice(task.site, now, now + span) * span;
  const int64_t go = ledger_.MeanPrice(to, now + pause, now + pause + span) * span;
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
  const Offers offers(ledger_, DemandOf(input_, task),
                      target->arrives_s + Ledger::Seconds(task.remaining));
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
      NameOf(to), " costs ",
      PriceText(ledger_.MeanPrice(to, now + pause, now + pause + gain.span_s)), " against ",
      PriceText(ledger_.MeanPrice(task.site, now, now + gain.span_s)), " in ", NameOf(task.site),
      " over the next ", SpanText(gain.span_s), " (", SpanText(Ledger::Seconds(task.remaining)),
      " of work left, the move stops it for ", SpanText(pause), "), and has ",
      CoresText(ledger_.residual(to, ledger_.BlockOf(now + pause))), " free of ",
      CoresText(ledger_.headroom(to, ledger_.BlockOf(now + pause))), " of headroom");
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

void SeekCheaper(Ledger& ledger, Plan& plan) { PriceMoves(ledger, plan).Seek(); }

}  // namespace heliotrope::plan
