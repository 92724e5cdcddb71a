#include "scheduler/sim/policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/sim/journal.h"
#include "scheduler/sim/score.h"
#include "tests/scheduler/sim/worlds.h"

namespace heliotrope::sim {
namespace {

using testing::ElementsAre;

std::string CsvOf(const World& world, Policy policy, uint64_t seed = 1,
                  Forecast forecast = Forecast::kLearned) {
  return JournalCsv(
      world,
      Simulate(world, {.policy = policy, .forecast = forecast, .seed = seed, .progress = {}}));
}

// The first segment of a job that is alone in its world.
Segment FirstOf(const Job& job, Policy policy) {
  World world = TwoPlaces();
  world.jobs = {job};
  const Journal journal = Simulate(world, {.policy = policy, .progress = {}});
  return journal.segments.empty() ? Segment{} : journal.segments.front();
}

class EveryPolicyTest : public testing::TestWithParam<std::string> {};

TEST_P(EveryPolicyTest, KeepsTheRulesAndIsDeterministic) {
  const World world = SmallWorld();
  const Policy policy = *ParsePolicy(GetParam());
  const Journal journal = Simulate(world, {.policy = policy, .progress = {}});
  const Score score = ScoreJournal(world, journal);
  EXPECT_THAT(score.broken, ElementsAre());
  EXPECT_EQ(score.jobs, static_cast<int64_t>(world.jobs.size()));
  EXPECT_GE(score.completed, score.jobs - 1);
  EXPECT_EQ(JournalCsv(world, journal), CsvOf(world, policy));
}

TEST_P(EveryPolicyTest, RunsAJobThatIsAlone) {
  const Segment one = FirstOf(AnHour(), *ParsePolicy(GetParam()));
  EXPECT_EQ(one.end - one.start, kHour);
  EXPECT_EQ(one.useful, kHour);
  EXPECT_LE(one.end, AnHour().deadline);
}

TEST_P(EveryPolicyTest, StaysWithinResidency) {
  Job job = AnHour();
  job.residency = 1;
  EXPECT_EQ(FirstOf(job, *ParsePolicy(GetParam())).data_center, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, EveryPolicyTest, testing::ValuesIn(PolicyNames()),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(PolicyTest, EachGoesWhereItsNameSays) {
  EXPECT_EQ(FirstOf(AnHour(), Policy::kHome).data_center, 0u);
  EXPECT_EQ(FirstOf(AnHour(), Policy::kLeastLoaded).data_center, 0u);
  EXPECT_EQ(FirstOf(AnHour(), Policy::kCheapestNow).data_center, 1u);
  EXPECT_EQ(FirstOf(AnHour(), Policy::kGreedy).data_center, 1u);
  EXPECT_EQ(FirstOf(AnHour(), Policy::kHeliotrope).data_center, 1u);
}

TEST(PolicyTest, TheNightWindowWaitsForTheNightUnlessItCannot) {
  Job job = AnHour();
  job.submit = 7 * kHour;
  EXPECT_EQ(FirstOf(job, Policy::kNightWindow).start, 22 * kHour);
  job.deadline = 12 * kHour;
  EXPECT_EQ(FirstOf(job, Policy::kNightWindow).start, 11 * kHour);
}

TEST(PolicyTest, BrokenForecastsAreFoundOutAndSurvived) {
  const World world = SmallWorld();
  for (const Forecast forecast :
       {Forecast::kTruth, Forecast::kConstant, Forecast::kInverted, Forecast::kShifted}) {
    const Journal journal = Simulate(world, {.forecast = forecast, .progress = {}});
    const Score score = ScoreJournal(world, journal);
    EXPECT_THAT(score.broken, ElementsAre());
    EXPECT_LT(score.overload_share(), 0.01);
  }
}

TEST(PolicyTest, FewerDaysMeanFewerJobsAllRunToTheirEnd) {
  World world = TwoPlaces();
  Job second = AnHour();
  second.submit = kDay;
  second.deadline = 2 * kDay;
  world.jobs = {AnHour(), second};
  const Journal journal =
      Simulate(world, {.policy = Policy::kHeliotrope, .days = 1, .progress = {}});
  EXPECT_THAT(journal.submitted, ElementsAre(0u));
  EXPECT_EQ(ScoreJournal(world, journal).completed, 1);
}

TEST(PolicyTest, AnUnknownNameIsRefusedWithTheNearest) {
  EXPECT_THAT(ParsePolicy("gredy").status().message(),
              testing::HasSubstr("did you mean \"greedy\""));
  EXPECT_FALSE(ParseForecast("").ok());
}

}  // namespace
}  // namespace heliotrope::sim
