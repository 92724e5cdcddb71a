// Days of a fleet in fast motion: the planner is asked every five minutes and what it says is done,
// as the core would do it. Forecasts are the truth plus a margin; the world is seven data centers
// whose foreground peaks in their own afternoon.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/base/random.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

constexpr absl::Duration kStep = absl::Minutes(5);
constexpr double kCapacity = 64;

struct Place {
  const char* id;
  double utc_offset;
};
constexpr Place kPlaces[] = {{"dubai", 4},    {"frankfurt-1", 1},     {"frankfurt-2", 1},
                             {"hangzhou", 8}, {"silicon-valley", -8}, {"singapore", 8},
                             {"virginia", -5}};
constexpr size_t kSites = std::size(kPlaces);

// Share of the cores that foreground takes: 20 % at 04:00, 75 % at 16:00 of local time.
double Foreground(size_t site, double hour) {
  const double local = hour + kPlaces[site].utc_offset;
  return 0.475 - 0.275 * std::cos((local - 4) / 24 * 2 * M_PI);
}

struct SimTask {
  Class shape;
  absl::Duration left;
  absl::Time ready;
  enum class State { kWaiting, kRunning, kMoving, kDone } state = State::kWaiting;
  size_t site = 0;
  std::optional<size_t> to;
  absl::Time started;
  absl::Time last_moved = absl::InfinitePast();
  absl::Time arrives;
  absl::Time ended = absl::InfiniteFuture();
  int moves = 0;
  int yields = 0;
};

class World {
 public:
  World(std::vector<SimTask> tasks, double start) : tasks_(std::move(tasks)), now_(At(start)) {}

  void Run(absl::Duration span) {
    for (const absl::Time end = now_ + span; now_ < end; now_ += kStep) Step();
  }

  const std::vector<SimTask>& tasks() const { return tasks_; }
  double worst_over_target() const { return worst_over_target_; }
  std::string Journeys() const {
    std::string text;
    for (const auto& [id, journey] : journeys_) text += std::to_string(id) + journey + "\n";
    return text;
  }

 private:
  using State = SimTask::State;

  void Step() {
    Advance();
    Input input = MakeInput();
    input.scarcity = std::exchange(scarcity_, {});
    Plan plan = Compute(input);
    scarcity_ = std::move(plan.scarcity);
    for (const MoveAdvice& move : plan.moves) Apply(input, move);
    granted_.assign(kSites, {});
    for (const Verdict* verdict : InTurn(plan)) Dispatch(input, *verdict);
    for (size_t site = 0; site < kSites; ++site) {
      const double used = Foreground(site, Hour()) * kCapacity + Held(site);
      // Full at the most, but for what foreground rises by until the next plan.
      ASSERT_LE(used, kCapacity * 1.02) << kPlaces[site].id;
      worst_over_target_ = std::max(worst_over_target_, used / kCapacity - 0.8);
    }
  }

  double Hour() const { return absl::ToDoubleHours(now_ - At(0)); }
  double Held(size_t site) const {
    double held = 0;
    for (const SimTask& task : tasks_) {
      const double cores = task.shape.request.cores.cores();
      if (task.state == State::kRunning && task.site == site) held += cores;
      if (task.state == State::kMoving && (task.to == site || (!task.to && task.site == site)))
        held += cores;
    }
    return held;
  }
  void Note(const SimTask& task, const std::string& what) {
    std::string& journey = journeys_[task.shape.id];
    journey += absl::FormatTime(" | %a %H:%M ", now_, absl::UTCTimeZone()) + what;
  }

  void Advance() {
    for (SimTask& task : tasks_) {
      if (task.state == State::kMoving && task.arrives <= now_) {
        task.state = task.to ? State::kRunning : State::kWaiting;
        if (task.to) {
          task.site = *task.to;
          task.started = now_;
          task.last_moved = now_;
        } else {
          task.shape.checkpoint_at = DataCenterId(kPlaces[task.site].id);
          task.shape.restore_pause = task.shape.move_pause;
          task.ready = now_;
        }
      } else if (task.state == State::kRunning) {
        task.left -= kStep;
        if (task.left > absl::ZeroDuration()) continue;
        task.state = State::kDone;
        task.ended = now_;
        Note(task, "done");
      }
    }
  }

  Input MakeInput() {
    Input input;
    input.now = now_;
    input.grid = MakeGrid(now_);
    for (size_t site = 0; site < kSites; ++site) {
      SiteBuilder made = ASite(kPlaces[site].id);
      made.Capacity(kCapacity).Foreground(Foreground(site, Hour()) * kCapacity);
      made.Headroom([site](double hour) {
        return std::max(0.0, (0.8 - Foreground(site, hour) - 0.03) * kCapacity);
      });
      made.Price([site](double hour) { return 100 * Foreground(site, hour); });
      made.Batch(Held(site));
      input.sites.push_back(made.Build(input.grid));
    }
    for (const SimTask& task : tasks_) {
      if (task.state == State::kWaiting && task.ready <= now_) {
        input.classes.push_back(task.shape);
        input.classes.back().remaining = task.left;
        input.classes.back().oldest = task.ready;
      }
      if (task.state != State::kRunning) continue;
      RunningTask running = ARunningTask(task.site).Task(static_cast<uint32_t>(task.shape.id));
      running.attempt = AttemptNumber(static_cast<uint32_t>(1 + task.moves + task.yields));
      running.request = task.shape.request;
      running.remaining = task.left;
      running.deadline = task.shape.deadline;
      running.allowed = task.shape.allowed;
      running.checkpointable = task.shape.checkpointable;
      running.started = task.started;
      running.last_moved = task.last_moved;
      running.move_pause = task.shape.move_pause;
      input.running.push_back(running);
    }
    return input;
  }

  // As the core takes them: the safety net first, then by what an hour is worth to them.
  static std::vector<const Verdict*> InTurn(const Plan& plan) {
    std::vector<const Verdict*> turns;
    for (const Verdict& verdict : plan.verdicts) turns.push_back(&verdict);
    std::stable_sort(turns.begin(), turns.end(), [](const Verdict* a, const Verdict* b) {
      return std::make_tuple(a->mode != Mode::kMustRun, -a->rank) <
             std::make_tuple(b->mode != Mode::kMustRun, -b->rank);
    });
    return turns;
  }

  void Apply(Input& input, const MoveAdvice& move) {
    SimTask& task = tasks_.at(move.task.index - 1);
    task.state = State::kMoving;
    task.to = move.to;
    task.arrives = now_ + task.shape.move_pause;
    ++(move.to ? task.moves : task.yields);
    if (move.to) {
      input.sites[*move.to].batch_now += task.shape.request.cores;
      input.sites[task.site].batch_now -= task.shape.request.cores;
    }
    Note(task, std::string(model::ReasonName(move.reason)) + " to " +
                   (move.to ? kPlaces[*move.to].id : "nowhere"));
  }

  void Dispatch(Input& input, const Verdict& verdict) {
    SimTask& task = tasks_.at(verdict.class_id - 1);
    if (verdict.mode == Mode::kNever) return;
    std::vector<size_t> wanted;
    for (const Allotment& allotment : verdict.allotments) {
      if (allotment.start <= now_) wanted.push_back(allotment.site);
    }
    if (verdict.mode != Mode::kDeferred) {
      wanted.insert(wanted.end(), verdict.ranked.begin(), verdict.ranked.end());
    }
    for (const size_t site : wanted) {
      if (!FitsNow(input, task.shape, site, verdict.mode, granted_[site])) continue;
      ASSERT_TRUE(task.shape.allowed >> site & 1);
      task.state = State::kRunning;
      task.site = site;
      task.started = now_;
      input.sites[site].batch_now += task.shape.request.cores;
      Note(task, std::string("starts in ") + kPlaces[site].id);
      return;
    }
    for (const Grant& grant : verdict.grants) {
      granted_[grant.site].cores += task.shape.request.cores;
    }
  }

  std::vector<SimTask> tasks_;
  absl::Time now_;
  Scarcity scarcity_;                      // Of the plan before.
  std::vector<model::Resources> granted_;  // By site: kept for those before in turn.
  double worst_over_target_ = 0;
  std::map<uint64_t, std::string> journeys_;
};

SimTask Task(const Class& shape) {
  SimTask task;
  task.shape = shape;
  task.left = shape.remaining;
  task.ready = At(0);
  return task;
}

std::vector<SimTask> RandomWork(uint64_t seed, int count) {
  Random random(seed);
  std::vector<SimTask> tasks;
  for (int i = 0; i < count; ++i) {
    ClassBuilder made = AClass().Id(static_cast<uint64_t>(i) + 1);
    const double hours = 1 + random.Double() * 14;
    made.Cores(1 + static_cast<double>(random.Uniform(6))).Hours(hours);
    const double ready = random.Double() * 24;
    if (random.Chance(0.6)) made.Deadline(ready + hours * 1.2 + 2 + random.Double() * 30);
    if (random.Chance(0.3)) made.Allowed(6);  // Both of Frankfurt.
    if (random.Chance(0.15)) made.CannotCheckpoint().Hours(std::min(hours, 5.0));
    tasks.push_back(Task(made));
    tasks.back().ready = At(ready);
  }
  return tasks;
}

struct Tally {
  int unfinished = 0;
  int missed = 0;
  int moves = 0;
  int most_moves = 0;
};

Tally TallyOf(const World& world) {
  Tally tally;
  for (const SimTask& task : world.tasks()) {
    const int moves = task.moves + task.yields;
    tally.unfinished += task.state == SimTask::State::kDone ? 0 : 1;
    tally.missed += task.ended > task.shape.deadline ? 1 : 0;
    tally.moves += moves;
    tally.most_moves = std::max(tally.most_moves, moves);
  }
  return tally;
}

TEST(Days, WorkGetsDoneInTimeInTheShadeOfTheForeground) {
  for (uint64_t seed = 1; seed <= 2; ++seed) {
    World world(RandomWork(seed, 60), 0);
    world.Run(absl::Hours(72));
    const Tally tally = TallyOf(world);
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + world.Journeys());
    EXPECT_EQ(tally.unfinished, 0);
    EXPECT_EQ(tally.missed, 0);
    EXPECT_LE(tally.moves, 110);
    EXPECT_LE(tally.most_moves, 10);
    EXPECT_LE(world.worst_over_target(), 0.06);
  }
}

TEST(Days, AFleetThatIsAskedForMoreThanItsNightsStillMeetsWhatItCan) {
  World world(RandomWork(4, 180), 0);
  world.Run(absl::Hours(84));
  const Tally tally = TallyOf(world);
  SCOPED_TRACE(world.Journeys());
  EXPECT_EQ(tally.unfinished, 0);
  EXPECT_EQ(tally.missed, 0);
  EXPECT_LE(tally.moves, 400);
  EXPECT_LE(tally.most_moves, 14);
}

}  // namespace
}  // namespace heliotrope::plan
