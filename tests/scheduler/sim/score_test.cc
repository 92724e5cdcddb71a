#include "scheduler/sim/score.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/sim/policy.h"
#include "tests/scheduler/sim/worlds.h"

namespace heliotrope::sim {
namespace {

using testing::ElementsAre;

TEST(ScoreTest, FiguresComputedByHand) {
  World world = TwoPlaces();
  // "a" has (0.8 - 0.2) * 16 = 9.6 cores for batch.
  Job wide = AnHour();
  wide.cpus = 12;
  Job saved = AnHour();
  saved.checkpoint_mb = 250;  // Carried in 30 s + 2 s.
  Job late = AnHour();
  late.deadline = kHour;
  world.jobs = {wide, saved, late, AnHour()};
  Journal journal;
  journal.submitted = {0, 1, 2, 3};
  journal.segments = {
      {0, 1, 0, 0, kHour, kHour},                   // 12 core-hours at 50, 2.4 above.
      {1, 1, 0, kHour, kHour + 1810, 1800},         // Half of it, and saving, at 50.
      {1, 2, 1, kHour + 1842, kHour + 3642, 1800},  // The rest at 20.
      {2, 1, 1, 10, kHour + 10, kHour},             // An hour at 20, 10 s late.
  };
  const Score score = ScoreJournal(world, journal);
  EXPECT_THAT(score.broken, ElementsAre());
  EXPECT_EQ(score.jobs, 4);
  EXPECT_EQ(score.completed, 3);
  EXPECT_EQ(score.misses, 2);  // The late one, and the one that never ran.
  EXPECT_EQ(score.moves, 1);
  EXPECT_EQ(score.movable_jobs, 1);
  EXPECT_NEAR(score.core_hours, 14 + 10 / 3600.0, 1e-9);
  EXPECT_NEAR(score.useful_core_hours, 14, 1e-9);
  EXPECT_NEAR(score.overload_core_hours, 2.4, 1e-9);
  EXPECT_NEAR(score.mean_price, (12 * 50 + 1810 / 3600.0 * 50 + 0.5 * 20 + 20) / 14, 1e-9);
}

TEST(ScoreTest, AgreesWithTheJudgeOfTheWorlds) {
  // As check_journal.py, which comes with the format of worlds, has judged these journals.
  struct Case {
    Policy policy;
    int64_t misses;
    double overload_percent;
    double mean_price;
    int64_t moves;
  };
  const Case cases[] = {{Policy::kHome, 8, 3.6525, 73.6346, 0},
                        {Policy::kLeastLoaded, 6, 6.0024, 70.8009, 0},
                        {Policy::kCheapestNow, 6, 5.6299, 69.9085, 0},
                        {Policy::kNightWindow, 18, 1.4161, 76.5477, 0},
                        {Policy::kGreedy, 1, 0.0033, 60.4063, 9}};
  const World world = SmallWorld();
  for (const Case& one : cases) {
    const Journal journal = Simulate(world, {.policy = one.policy, .progress = {}});
    const Score score = ScoreJournal(world, journal);
    EXPECT_EQ(score.misses, one.misses) << PolicyName(one.policy);
    EXPECT_EQ(score.moves, one.moves) << PolicyName(one.policy);
    EXPECT_NEAR(100 * score.overload_share(), one.overload_percent, 1e-4) << PolicyName(one.policy);
    EXPECT_NEAR(score.mean_price, one.mean_price, 1e-4) << PolicyName(one.policy);
  }
}

TEST(ScoreTest, AJournalThatCannotBeTrueIsFound) {
  World world = TwoPlaces();
  Job saved = AnHour();
  saved.checkpoint_mb = 250;
  Job german = AnHour();
  german.residency = 1;
  Job later = AnHour();
  later.submit = 100;
  world.jobs = {AnHour(), saved, german, later};
  struct Case {
    const char* name;
    std::vector<Segment> segments;
    const char* want;
  };
  const Case cases[] = {
      {"outside its residency", {{2, 1, 1, 0, 60, 60}}, "1 residency violations"},
      {"twice at once", {{1, 1, 0, 0, 60, 60}, {1, 2, 0, 50, 90, 0}}, "1 overlapping attempts"},
      {"too fast", {{1, 1, 0, 0, 60, 60}, {1, 2, 1, 91, 99, 0}}, "1 moves faster than the network"},
      {"kept what it could not save",
       {{0, 1, 0, 0, 60, 60}, {0, 2, 0, 99, 199, 100}},
       "1 jobs without a checkpoint that kept work of a stopped attempt"},
      {"before it was there",
       {{3, 1, 0, 99, 199, 100}},
       "1 segments outside their interval or before their submission"},
  };
  for (const Case& one : cases) {
    Journal journal;
    journal.segments = one.segments;
    EXPECT_THAT(ScoreJournal(world, journal).broken, ElementsAre(one.want)) << one.name;
  }
}

}  // namespace
}  // namespace heliotrope::sim
