#include "scheduler/sim/greedy.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "scheduler/sim/greedy_ledger.h"

namespace heliotrope::sim {
namespace {

// Jobs run over what was expected of them: so much more of it, and this, is kept before a deadline.
constexpr double kMargin = 1.0;
constexpr Seconds kSlack = 7200;
// What is left of a job that has outlived its expectation, as a share of that.
constexpr double kOverrun = 0.15;

struct Live {
  size_t row = 0;
  uint32_t attempt = 0;
  Seconds done = 0;  // Saved, or made before the segment.
  bool runs = false;
  size_t place = 0;     // Where it runs or ran last.
  Seconds since = 0;    // When its progress began or begins.
  Seconds free_at = 0;  // Saving until then.
  std::vector<Cell> plan;
  bool urgent = false;  // No plan fits: wherever there is room.
};

class Greedy {
 public:
  Greedy(const World& world, const Options& options)
      : world_(world), options_(options), ledger_(world), used_(world.data_centers.size(), 0.0) {
    journal_.submitted = ArrivalOrder(world, options.days);
  }

  Journal Run() {
    size_t arrived = 0;
    const std::vector<size_t>& order = journal_.submitted;
    for (; now_ < world_.horizon; now_ += curve::kBinSeconds) {
      EndDue(now_);
      ledger_.Learn(now_);
      const size_t before = live_.size();
      for (; arrived < order.size() && world_.jobs[order[arrived]].submit <= now_; ++arrived) {
        live_.push_back(std::make_unique<Live>(Live{.row = order[arrived]}));
      }
      if (now_ % kHour == 0) {
        PlanAll();
      } else {
        for (size_t i = before; i < live_.size(); ++i) PlanOne(*live_[i]);
      }
      for (const auto& one : live_) PauseByPlan(*one);
      GiveWay();
      for (const auto& one : live_) StartByPlan(*one);
      if (arrived == order.size() && live_.empty()) break;
    }
    EndDue(world_.horizon);
    for (const auto& one : live_) {
      if (one->runs) Record(*one, world_.horizon, world_.horizon - one->since);
    }
    return std::move(journal_);
  }

 private:
  const Job& JobOf(const Live& one) const { return world_.jobs[one.row]; }
  bool Bound(const Live& one) const { return one.runs && !JobOf(one).can_checkpoint(); }
  Seconds DoneOf(const Live& one) const {
    return one.done + (one.runs ? std::max<Seconds>(0, now_ - one.since) : 0);
  }
  Seconds LeftOf(const Live& one) const {
    const Job& job = JobOf(one);
    const auto least = static_cast<Seconds>(kOverrun * static_cast<double>(job.expected)) + 300;
    return std::max(job.expected - DoneOf(one), least);
  }
  Seconds KeptOf(const Live& one) const {
    return static_cast<Seconds>(kMargin * static_cast<double>(JobOf(one).expected)) + kSlack;
  }
  Ask AskOf(const Live& one) const {
    const Job& job = JobOf(one);
    return {world_.AllowedOf(job), static_cast<double>(job.cpus), LeftOf(one),
            job.deadline - KeptOf(one)};
  }

  void Record(Live& one, Seconds end, Seconds useful) {
    if (end > one.since) {
      journal_.segments.push_back(
          {one.row, one.attempt, one.place, one.since, end, std::max<Seconds>(0, useful)});
    }
  }

  void EndDue(Seconds now) {
    std::erase_if(live_, [&](const std::unique_ptr<Live>& one) {
      if (!one->runs) return false;
      const Seconds end = one->since + JobOf(*one).duration - one->done;
      if (end > now) return false;
      Record(*one, end, end - one->since);
      used_[one->place] -= JobOf(*one).cpus;
      return true;
    });
  }

  void PlanAll() {
    if (options_.progress) {
      options_.progress(static_cast<double>(now_) / static_cast<double>(world_.horizon));
    }
    ledger_.Begin(now_);
    std::stable_sort(live_.begin(), live_.end(), [&](const auto& a, const auto& b) {
      return JobOf(*a).deadline - LeftOf(*a) < JobOf(*b).deadline - LeftOf(*b);
    });
    for (const auto& one : live_) {
      if (!Bound(*one)) continue;
      ledger_.TakeRunning(one->place, JobOf(*one).cpus, now_, now_ + LeftOf(*one));
    }
    for (const auto& one : live_) PlanOne(*one);
  }

  void PlanOne(Live& one) {
    if (Bound(one)) return;
    one.plan.clear();
    Ask ask = AskOf(one);
    if (JobOf(one).can_checkpoint()) {
      one.plan =
          ledger_.TakeHours(ask, one.attempt > 0 ? std::optional(one.place) : std::nullopt, now_);
    } else if (const auto cell = ledger_.TakeStretch(ask, now_)) {
      one.plan = {*cell};
    }
    one.urgent = one.plan.empty();
  }

  const Cell* CellNow(const Live& one) const {
    const int64_t hour = now_ / kHour;
    for (const Cell& cell : one.plan) {
      if (cell.hour == hour) return &cell;
      // A stretch that could not start in its hour is late, not over.
      if (cell.hour < hour && !JobOf(one).can_checkpoint()) return &cell;
    }
    return nullptr;
  }

  void Pause(Live& one) {
    Record(one, now_ + kSaveTime, now_ - one.since);
    one.done = DoneOf(one);
    one.runs = false;
    one.free_at = now_ + kSaveTime;
    used_[one.place] -= JobOf(one).cpus;
  }

  void PauseByPlan(Live& one) {
    if (!one.runs || Bound(one) || one.urgent || one.since > now_) return;
    const Cell* cell = CellNow(one);
    if (cell != nullptr && cell->place == one.place) return;
    // To move costs a pause, so the other place must have the room.
    if (cell != nullptr && !Fits(one, cell->place)) return;
    Pause(one);
  }

  // The load has risen above what was foreseen: what can wait longest gives way.
  void GiveWay() {
    for (auto it = live_.rbegin(); it != live_.rend(); ++it) {
      Live& one = **it;
      if (!one.runs || Bound(one) || one.since > now_) continue;
      if (used_[one.place] > world_.SpareAt(one.place, now_)) Pause(one);
    }
  }

  bool Fits(const Live& one, size_t place) const {
    return used_[place] + JobOf(one).cpus <= world_.SpareAt(place, now_);
  }

  bool Late(const Live& one) const {
    return now_ + LeftOf(one) + KeptOf(one) >= JobOf(one).deadline;
  }

  // Room for a job whose time runs out, from those that can wait: where it is cheapest.
  std::optional<size_t> MakeWay(const Live& late) {
    std::vector<double> free(used_.size());
    for (size_t i = 0; i < free.size(); ++i) free[i] = world_.SpareAt(i, now_) - used_[i];
    for (const auto& one : live_) {
      if (CanGiveWay(*one)) free[one->place] += JobOf(*one).cpus;
    }
    std::optional<size_t> best;
    for (size_t place = 0; place < free.size(); ++place) {
      if (!world_.Allows(JobOf(late), place) || free[place] < JobOf(late).cpus) continue;
      if (!best || world_.PriceAt(place, now_) < world_.PriceAt(*best, now_)) best = place;
    }
    if (!best) return best;
    for (auto it = live_.rbegin(); it != live_.rend() && !Fits(late, *best); ++it) {
      if ((*it)->place == *best && CanGiveWay(**it)) Pause(**it);
    }
    return best;
  }

  bool CanGiveWay(const Live& one) const {
    return one.runs && !Bound(one) && one.since <= now_ && !Late(one);
  }

  // The planned place; without a plan, or when time runs out, any that has room.
  std::optional<size_t> PlaceOf(const Live& one) {
    const Cell* cell = CellNow(one);
    if (cell != nullptr && Fits(one, cell->place)) return cell->place;
    const bool late = Late(one);
    if (cell == nullptr && !one.urgent && !late) return std::nullopt;
    std::optional<size_t> best;
    for (size_t place = 0; place < used_.size(); ++place) {
      if (!world_.Allows(JobOf(one), place) || !Fits(one, place)) continue;
      if (!best || world_.PriceAt(place, now_) < world_.PriceAt(*best, now_)) best = place;
    }
    return best || !late ? best : MakeWay(one);
  }

  void StartByPlan(Live& one) {
    if (one.runs) return;
    const std::optional<size_t> place = PlaceOf(one);
    if (!place) return;
    one.since = now_;
    if (one.attempt > 0) {
      one.since = std::max(now_, one.free_at) + RestoreTime(JobOf(one), *place != one.place);
    }
    one.place = *place;
    one.runs = true;
    ++one.attempt;
    used_[one.place] += JobOf(one).cpus;
  }

  const World& world_;
  const Options& options_;
  GreedyLedger ledger_;
  Seconds now_ = 0;
  Journal journal_;
  std::vector<double> used_;
  std::vector<std::unique_ptr<Live>> live_;  // Who can wait least first, since the last hour.
};

}  // namespace

Journal RunGreedy(const World& world, const Options& options) {
  return Greedy(world, options).Run();
}

}  // namespace heliotrope::sim
