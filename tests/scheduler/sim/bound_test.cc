#include "scheduler/sim/bound.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/sim/policy.h"
#include "scheduler/sim/score.h"
#include "tests/scheduler/sim/worlds.h"

namespace heliotrope::sim {
namespace {

using testing::Optional;

constexpr int kAll = 400;

TEST(BoundTest, CheapRoomFirstThenDear) {
  World world = TwoPlaces();
  // "b" has (0.8 - 0.3) * 16 = 8 cores at 20, "a" 9.6 at 50; an hour has room for 8 and 2 hours.
  Job job = AnHour();
  job.cpus = 10;
  job.deadline = kHour;
  world.jobs = {job};
  EXPECT_THAT(BoundPrice(world, kAll),
              Optional(testing::DoubleNear((8 * 20 + 2 * 50) / 10.0, 1e-6)));
  // With two hours all of it is cheap.
  world.jobs[0].deadline = kHour + 1;
  EXPECT_THAT(BoundPrice(world, kAll), Optional(20.0));
  world.jobs[0].residency = 1;
  EXPECT_THAT(BoundPrice(world, kAll), Optional(50.0));
}

TEST(BoundTest, AHourThatIsCheapIsWaitedFor) {
  World world = TwoPlaces();
  world.data_centers[1].price[5] = -3;
  world.jobs = {AnHour()};
  EXPECT_THAT(BoundPrice(world, kAll), Optional(-3.0));
  world.jobs[0].deadline = 5 * kHour;
  EXPECT_THAT(BoundPrice(world, kAll), Optional(20.0));
  world.jobs[0].submit = 5 * kHour + 1800;  // Its release is rounded down.
  world.jobs[0].deadline = kDay;
  EXPECT_THAT(BoundPrice(world, kAll), Optional(-3.0));
}

TEST(BoundTest, WorkThatDoesNotFitHasNone) {
  World world = TwoPlaces();
  Job job = AnHour();
  job.cpus = 18;
  job.deadline = kHour;
  world.jobs = {job};
  EXPECT_EQ(BoundPrice(world, kAll), std::nullopt);
}

TEST(BoundTest, NoPolicyWithoutMissesIsBelowIt) {
  const World world = SmallWorld();
  const double bound = BoundPrice(world, kAll).value();
  for (const Policy policy : {Policy::kHome, Policy::kCheapestNow, Policy::kGreedy}) {
    EXPECT_GT(ScoreJournal(world, Simulate(world, {.policy = policy, .progress = {}})).mean_price,
              bound);
  }
}

}  // namespace
}  // namespace heliotrope::sim
