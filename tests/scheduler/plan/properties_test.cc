// What holds of every plan, tried on random fleets. A failing seed is printed; give it a name here.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "scheduler/base/random.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

constexpr uint64_t kSeeds = 100;

SiteBuilder RandomSite(const char* id, Random& random) {
  const double night = random.Double() * 24;
  const double most = random.Double() * 80;
  const double least = random.Chance(0.5) ? 0 : random.Double() * most;
  const double cheap = random.Double() * 60 - 5;
  const double dear = cheap + random.Double() * 50;
  const double length = 4 + random.Double() * 12;
  const double end = std::fmod(night + length, 24);
  SiteBuilder site = ASite(id)
                         .Headroom(Daily(night, end, most, least))
                         .Price(Daily(night, end, cheap, dear))
                         .Foreground(random.Double() * 90);
  if (random.Chance(0.2)) site.Reactive();
  if (random.Chance(0.1)) site.NoNodes();
  if (random.Chance(0.3)) site.LargestNode(1 + random.Double() * 16, Bytes::FromGiB(64));
  return site;
}

Class RandomClass(uint64_t id, Random& random) {
  ClassBuilder made = AClass().Id(id);
  made.Cores(0.1 + random.Double() * 12).Hours(0.01 + random.Double() * 20);
  made.Count(1 + static_cast<int>(random.Uniform(40))).Allowed(random.Uniform(128));
  made.Priority(static_cast<int>(random.Uniform(3)) - 1).Oldest(-random.Double() * 20);
  if (random.Chance(0.6)) made.Deadline(random.Double() * 120);
  if (random.Chance(0.3)) made.Home("d");
  if (random.Chance(0.3)) made.CheckpointAt("e", random.Double());
  if (random.Chance(0.3)) made.CannotCheckpoint();
  return made;
}

RunningTask RandomTask(uint32_t index, Random& random) {
  RunningBuilder made = ARunningTask(random.Uniform(7)).Task(index);
  made.Cores(0.1 + random.Double() * 8).Hours(random.Double() * 12);
  made.Allowed(random.Uniform(128)).Priority(static_cast<int>(random.Uniform(3)) - 1);
  if (random.Chance(0.3)) made.Deadline(random.Double() * 60);
  if (random.Chance(0.3)) made.CannotCheckpoint();
  if (random.Chance(0.1)) made.NodeDrained();
  if (random.Chance(0.1)) made.NodeAway();
  if (random.Chance(0.3)) made.Moved(9.5);
  return made;
}

Fleet RandomFleet(uint64_t seed) {
  Random random(seed);
  Fleet fleet{.now = 10 + random.Double(), .sites = {}, .classes = {}, .running = {}};
  for (const char* id : {"a", "b", "c", "d", "e", "f", "g"}) {
    fleet.sites.push_back(RandomSite(id, random));
  }
  const uint64_t classes = 1 + random.Uniform(30);
  for (uint64_t id = 1; id <= classes; ++id) fleet.classes.push_back(RandomClass(id, random));
  const uint64_t running = random.Uniform(30);
  for (uint32_t i = 0; i < running; ++i) fleet.running.push_back(RandomTask(i, random));
  return fleet;
}

const Class& ClassOf(const Input& input, uint64_t id) { return input.classes.at(id - 1); }

TEST(EveryPlan, KeepsResidency) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Input input = InputOf(RandomFleet(seed));
    const Plan plan = Compute(input);
    for (const Verdict& verdict : plan.verdicts) {
      const uint64_t allowed = ClassOf(input, verdict.class_id).allowed;
      for (const size_t site : verdict.ranked) EXPECT_TRUE(allowed >> site & 1) << "seed " << seed;
      for (const Allotment& allotment : verdict.allotments) {
        EXPECT_TRUE(allowed >> allotment.site & 1) << "seed " << seed;
      }
      for (const Mode mode : {Mode::kMustRun, Mode::kAsSoonAsPossible, Mode::kDeferred}) {
        for (size_t site = 0; site < input.sites.size(); ++site) {
          if (FitsNow(input, ClassOf(input, verdict.class_id), site, mode)) {
            EXPECT_TRUE(allowed >> site & 1) << "seed " << seed;
          }
        }
      }
    }
    for (const MoveAdvice& move : plan.moves) {
      if (!move.to.has_value()) continue;
      const uint64_t allowed = input.running.at(move.task.index).allowed;
      EXPECT_TRUE(allowed >> *move.to & 1) << "seed " << seed;
    }
  }
}

// Cores of a block that starts of these classes hold and that cannot be left again, as
// thousandths.
double HeldBy(const Input& input, const std::vector<Verdict>& verdicts, size_t site, size_t block) {
  double held = 0;
  const absl::Time from = std::max(input.now, input.grid[block].start);
  const absl::Time to = input.grid[block].start + input.grid[block].length;
  for (const Verdict& verdict : verdicts) {
    const Class& c = ClassOf(input, verdict.class_id);
    for (const Allotment& allotment : verdict.allotments) {
      if (allotment.site != site || c.checkpointable) continue;
      absl::Duration run = c.remaining;
      if (c.checkpoint_at.has_value() && *c.checkpoint_at != input.sites[site].id) {
        run += c.restore_pause;
      }
      const absl::Duration overlap =
          std::min(to, allotment.start + run) - std::max(from, allotment.start);
      if (overlap <= absl::ZeroDuration()) continue;
      held += static_cast<double>(c.request.cores.value() * allotment.count) *
              absl::FDivDuration(overlap, to - from);
    }
  }
  return held;
}

// What a plan may give away: headroom, and beyond two hours what is likely, since what can pause
// will.
double RoomOf(const Input& input, size_t site, size_t block) {
  MilliCores room = input.sites[site].headroom[block];
  if (input.grid[block].start >= input.now + absl::Hours(2)) {
    room = std::max(room, input.sites[site].likely[block]);
  }
  return static_cast<double>(room.value());
}

TEST(EveryPlan, AllotsNoMoreThanHeadroomExceptUnderTheSafetyNet) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Input input = InputOf(RandomFleet(seed));
    std::vector<Verdict> within;
    for (const Verdict& verdict : Compute(input).verdicts) {
      if (verdict.mode != Mode::kMustRun) within.push_back(verdict);
    }
    for (size_t site = 0; site < input.sites.size(); ++site) {
      for (size_t block = 0; block < input.grid.size(); ++block) {
        const double held = HeldBy(input, within, site, block);
        ASSERT_LE(held, RoomOf(input, site, block) + 1)
            << "seed " << seed << " site " << site << " block " << block;
      }
    }
  }
}

// A random fleet with memory that is short, and of which nobody leaves.
Input FleetShortOfMemory(uint64_t seed) {
  Random random(seed + kSeeds);
  Fleet fleet = RandomFleet(seed);
  for (Class& one : fleet.classes) {
    one.request.memory = Bytes::FromMiB(1 + static_cast<int64_t>(random.Uniform(40'000)));
  }
  for (RunningTask& task : fleet.running) {
    task.request.memory = Bytes::FromMiB(1 + static_cast<int64_t>(random.Uniform(10'000)));
    task.checkpointable = false;
  }
  Input input = InputOf(fleet);
  for (Site& site : input.sites) {
    site.foreground_memory = Bytes::FromMiB(static_cast<int64_t>(random.Uniform(20'000)));
    site.memory = site.foreground_memory + site.batch_memory +
                  Bytes::FromMiB(static_cast<int64_t>(random.Uniform(200'000)));
  }
  return input;
}

TEST(EveryPlan, PromisesNoMoreMemoryThanThereIs) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Input input = FleetShortOfMemory(seed);
    std::vector<Bytes> starts(input.sites.size());  // Of what cannot leave again.
    std::vector<Bytes> granted(input.sites.size());
    for (const Verdict& verdict : Compute(input).verdicts) {
      const Class& c = ClassOf(input, verdict.class_id);
      for (const Allotment& allotment : verdict.allotments) {
        // Shorter ones may follow after another within the block.
        if (c.checkpointable || allotment.start > input.now) continue;
        if (c.remaining < absl::Minutes(5)) continue;
        starts[allotment.site] += c.request.memory * allotment.count;
      }
      for (const Grant& grant : verdict.grants) {
        granted[grant.site] += c.request.memory * grant.count;
      }
    }
    for (size_t i = 0; i < input.sites.size(); ++i) {
      const Site& site = input.sites[i];
      const Bytes held = site.foreground_memory + site.batch_memory;
      ASSERT_LE(held + starts[i], site.memory) << "seed " << seed << " site " << i;
      ASSERT_LE(held + granted[i], site.memory) << "seed " << seed << " site " << i;
    }
  }
}

TEST(EveryPlan, LeavesRoomForWhatRuns) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Fleet fleet = RandomFleet(seed);
    for (RunningTask& task : fleet.running) task.checkpointable = false;  // So nobody leaves.
    const Input input = InputOf(fleet);
    std::vector<Verdict> within;
    for (const Verdict& verdict : Compute(input).verdicts) {
      if (verdict.mode != Mode::kMustRun) within.push_back(verdict);
    }
    for (size_t site = 0; site < input.sites.size(); ++site) {
      for (size_t block = 0; block < 24; ++block) {
        const double held = HeldBy(input, within, site, block);
        if (held == 0) continue;
        double running = 0;
        const absl::Time end = input.grid[block].start + input.grid[block].length;
        for (const RunningTask& task : fleet.running) {
          if (task.node_drained || task.node_away) continue;
          if (task.site != site || input.now + task.remaining < end) continue;
          running += static_cast<double>(task.request.cores.value());
        }
        ASSERT_LE(held + running, RoomOf(input, site, block) + 1)
            << "seed " << seed << " site " << site << " block " << block;
      }
    }
  }
}

TEST(EveryPlan, IsTheSameForTheSameInput) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Input once = InputOf(RandomFleet(seed));
    const Input again = InputOf(RandomFleet(seed));
    const Plan first = Compute(once);
    const Plan second = Compute(again);
    ASSERT_EQ(Described(once, first), Described(again, second)) << "seed " << seed;
    ASSERT_EQ(first.planned, second.planned) << "seed " << seed;
  }
}

TEST(EveryPlan, MeetsDeadlinesWithWhatItDefers) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Input input = InputOf(RandomFleet(seed));
    for (const Verdict& verdict : Compute(input).verdicts) {
      if (verdict.mode != Mode::kDeferred) continue;
      for (const Allotment& allotment : verdict.allotments) {
        ASSERT_LE(allotment.end, ClassOf(input, verdict.class_id).deadline) << "seed " << seed;
      }
    }
  }
}

TEST(EveryPlan, GivesEachClassAVerdictWithAReasonAndNoMoreTasksThanItHas) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Input input = InputOf(RandomFleet(seed));
    const Plan plan = Compute(input);
    std::set<uint64_t> seen;
    for (const Verdict& verdict : plan.verdicts) {
      EXPECT_TRUE(seen.insert(verdict.class_id).second);
      EXPECT_NE(verdict.reason, model::Reason::kNone) << "seed " << seed;
      EXPECT_FALSE(verdict.detail.empty()) << "seed " << seed;
      EXPECT_LE(verdict.allotments.size(), 32u);
      int count = 0;
      for (const Allotment& allotment : verdict.allotments) {
        EXPECT_GT(allotment.count, 0);
        EXPECT_GE(allotment.start, input.now);
        count += allotment.count;
      }
      EXPECT_LE(count, ClassOf(input, verdict.class_id).count) << "seed " << seed;
      EXPECT_TRUE(
          std::is_sorted(verdict.allotments.begin(), verdict.allotments.end(),
                         [](const Allotment& a, const Allotment& b) { return a.start < b.start; }));
    }
    EXPECT_EQ(seen.size(), input.classes.size());
  }
}

TEST(EveryPlan, MovesEachTaskOnceAndOnlyThoseThatMayBeTold) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Input input = InputOf(RandomFleet(seed));
    std::set<uint32_t> seen;
    for (const MoveAdvice& move : Compute(input).moves) {
      const RunningTask& task = input.running.at(move.task.index);
      EXPECT_TRUE(seen.insert(move.task.index).second) << "seed " << seed;
      EXPECT_TRUE(task.checkpointable && !task.node_away) << "seed " << seed;
      EXPECT_NE(move.to, task.site) << "seed " << seed;
      EXPECT_FALSE(move.detail.empty());
    }
  }
}

}  // namespace
}  // namespace heliotrope::plan
