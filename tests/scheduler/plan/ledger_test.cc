// The books of a plan: parts of blocks, costs of stretches, times outside the grid.
#include "scheduler/plan/ledger.h"

#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

Input OneSite(double now) {
  return InputOf(
      {.now = now, .sites = {ASite("dubai").Headroom(Always(10)).Price(Daily(20, 6, 30, 60))}});
}

TEST(Ledger, AStretchCostsItsPriceTimesItsSeconds) {
  const Input input = OneSite(14);
  const Ledger ledger(input);
  const int64_t six_hours = 6 * 3600;  // From 14:00 to 20:00 at 60.
  EXPECT_EQ(ledger.Cost(0, 0, six_hours), 60'000'000 * six_hours);
  EXPECT_EQ(ledger.Cost(0, six_hours - 100, six_hours + 100), int64_t{90'000'000} * 100);
  EXPECT_EQ(ledger.MeanPrice(0, six_hours - 100, six_hours + 300), 37'500'000);
  EXPECT_EQ(ledger.Cost(0, 200, 200), 0);
}

TEST(Ledger, WhatIsBeforeNowOrPastTheHorizonCostsNothing) {
  const Input input = OneSite(14 + 2.0 / 60);  // Two minutes into the first block.
  const Ledger ledger(input);
  EXPECT_EQ(ledger.now(), 120);
  EXPECT_EQ(ledger.start(0), 120);
  EXPECT_EQ(ledger.length(0), 180);
  EXPECT_EQ(ledger.Cost(0, 0, 300), int64_t{60'000'000} * 180);
  EXPECT_EQ(ledger.Cost(0, ledger.horizon() - 10, ledger.horizon() + 1000),
            ledger.Cost(0, ledger.horizon() - 10, ledger.horizon()));
}

TEST(Ledger, APartOfABlockTakesThatPartOfItsCores) {
  const Input input = OneSite(14);
  Ledger ledger(input);
  ledger.Add({.site = 0, .from = 0, .to = 450, .milli_cores = 4000});  // One block and a half.
  EXPECT_EQ(ledger.residual(0, 0), 6000);
  EXPECT_EQ(ledger.residual(0, 1), 8000);
  EXPECT_EQ(ledger.residual(0, 2), 10'000);
}

TEST(Ledger, TakesUpAnOlderPlanByTime) {
  Input input = OneSite(14);
  Plan plan;
  plan.grid = MakeGrid(At(13));
  plan.planned = {std::vector<MilliCores>(plan.grid.size(), Cores(0))};
  plan.planned[0][BlockIndex(plan.grid, At(14))] = Cores(3);
  Ledger ledger(input);
  ledger.TakeUp(plan);
  EXPECT_EQ(ledger.planned(0, 0), 3000);
  EXPECT_EQ(ledger.planned(0, 1), 0);
}

TEST(Ledger, KnowsNoBlockWhenTheGridIsOver) {
  Input input = OneSite(14);
  input.now = At(14 + 200);
  const Ledger ledger(input);
  EXPECT_EQ(ledger.first_block(), ledger.blocks());
  EXPECT_EQ(ledger.Cost(0, ledger.now(), ledger.now() + 100), 0);
}

TEST(Ledger, SurvivesAbsurdPricesAndTimes) {
  const Input input =
      InputOf({.now = 1, .sites = {ASite("x").Headroom(Always(1e6)).Price(Always(9e12))}});
  const Ledger ledger(input);
  EXPECT_GT(ledger.Cost(0, 0, ledger.horizon()), 0);
  EXPECT_EQ(ledger.SecondsOf(absl::InfiniteFuture()), Ledger::kForever);
  EXPECT_EQ(ledger.SecondsOf(absl::InfinitePast()), -Ledger::kForever);
  EXPECT_EQ(Ledger::Seconds(absl::InfiniteDuration()), Ledger::kForever);
  EXPECT_EQ(Ledger::Seconds(absl::Milliseconds(1)), 1);
}

}  // namespace
}  // namespace heliotrope::plan
