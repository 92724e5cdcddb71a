// What of a plan may end after its deadline.
#include "scheduler/plan/lateness.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

int64_t AllottedOf(const Verdict& verdict) {
  int64_t count = 0;
  for (const Allotment& allotment : verdict.allotments) count += allotment.count;
  return count;
}

// 40 of 100 cores are headroom, 30 are the foreground's: 30 more could be had above the target.
SiteBuilder AFullSite() { return ASite("dubai").Headroom(Always(40)).Foreground(30); }

TEST(Lateness, CoresAboveTheTargetAreCountedForWhatHasNoAllotment) {
  const Input input = InputOf(
      {.now = 0, .sites = {AFullSite()}, .classes = {AClass().Hours(4).Deadline(6).Count(200)}});
  const Plan plan = Compute(input);
  const Verdict& verdict = plan.verdicts.front();
  EXPECT_EQ(AllottedOf(verdict), 40) << Described(input, plan);
  // From the safety net on they have 4h11m. Where those have ended there is more room, too late to
  // do four hours of work in.
  EXPECT_GE(verdict.beyond, 30);
  EXPECT_LE(verdict.beyond, 34);
}

TEST(Lateness, TheyAreCountedOnce) {
  const Class one = AClass().Hours(4).Deadline(6).Count(100);
  const Class other = AClass().Id(2).Hours(4).Deadline(6).Count(100).Priority(-1);
  const Plan alone = Compute(InputOf({.now = 0, .sites = {AFullSite()}, .classes = {one}}));
  const Plan both = Compute(InputOf({.now = 0, .sites = {AFullSite()}, .classes = {one, other}}));
  EXPECT_GT(alone.verdicts[0].beyond, 0);
  EXPECT_EQ(both.verdicts[0].beyond, alone.verdicts[0].beyond);
  EXPECT_LT(both.verdicts[1].beyond, 8) << "the first has taken them";
}

TEST(Lateness, WhatRunsAndCanWaitWithoutEndMakesWay) {
  const auto beyond = [](const RunningTask& running) {
    return Compute(InputOf({.now = 0,
                            .sites = {ASite("dubai").Headroom(Always(40)).Foreground(60)},
                            .classes = {AClass().Cores(40).Hours(4).Deadline(4.1)},
                            .running = {running}}))
        .verdicts.front()
        .beyond;
  };
  EXPECT_EQ(beyond(ARunningTask(0).Cores(40).Hours(9)), 1);
  EXPECT_EQ(beyond(ARunningTask(0).Cores(40).Hours(9).CannotCheckpoint()), 0);
  EXPECT_EQ(beyond(ARunningTask(0).Cores(40).Hours(9).Deadline(9.1)), 0) << "it has one to meet";
}

TEST(Lateness, NowhereAllowedThereAreNone) {
  const Plan plan = Compute(InputOf({.now = 0,
                                     .sites = {ASite("dubai").NoNodes(), AFullSite()},
                                     .classes = {AClass().Hours(4).Deadline(6).Allowed(1)}}));
  EXPECT_EQ(plan.verdicts.front().beyond, 0);
}

TEST(Lateness, BeyondTheHorizonNothingIsForeseen) {
  const Plan plan = Compute(InputOf({.now = 0,
                                     .sites = {ASite("dubai").NoNodes()},
                                     .classes = {AClass().Deadline(24 * 8).Count(7)}}));
  EXPECT_EQ(plan.verdicts.front().beyond, 7);
}

TEST(Lateness, RunningTasksAreJudgedByAllThatTheyMayTake) {
  RunningTask sure = ARunningTask(0).Task(1).Hours(2).Deadline(3);
  RunningTask maybe = ARunningTask(0).Task(2).Hours(2).Deadline(3);
  maybe.remaining_high = HoursOf(3.5);
  RunningTask late = ARunningTask(0).Task(3).Hours(4).Deadline(3);
  RunningTask free = ARunningTask(0).Task(4).Hours(400);
  const Plan plan =
      Compute(InputOf({.now = 0, .sites = {AFullSite()}, .running = {sure, maybe, late, free}}));
  EXPECT_THAT(plan.at_risk, ElementsAre(maybe.task, late.task));
  EXPECT_THAT(Compute(InputOf({.now = 0, .sites = {AFullSite()}, .running = {sure}})).at_risk,
              IsEmpty());
}

}  // namespace
}  // namespace heliotrope::plan
