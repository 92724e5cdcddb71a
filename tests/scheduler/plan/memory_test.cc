// Memory as the second resource of a plan: what is short of it spreads or waits, and is told so.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

using model::Reason;
using testing::HasSubstr;
using testing::Not;

Bytes GiB(int64_t gib) { return Bytes::FromGiB(gib); }

// Cores for 50 of these tasks, and memory for four.
SiteBuilder LittleMemory(const char* id) { return ASite(id).Headroom(Always(50)).Memory(GiB(256)); }
ClassBuilder Hungry(int count) { return AClass().Memory(GiB(64)).Count(count); }

// Tasks of the verdict that are in the site at that hour.
int InSite(const Verdict& verdict, size_t site, double hour) {
  int count = 0;
  for (const Allotment& allotment : verdict.allotments) {
    const bool then = allotment.start <= At(hour) && At(hour) < allotment.end;
    if (allotment.site == site && then) count += allotment.count;
  }
  return count;
}

TEST(Memory, TasksThatAskMuchOfItSpreadOverDataCenters) {
  const Input input = InputOf({.now = 14,
                               .sites = {LittleMemory("a"), LittleMemory("b").Price(Always(20))},
                               .classes = {Hungry(8)}});
  const Plan plan = Compute(input);
  SCOPED_TRACE(Described(input, plan));
  EXPECT_EQ(InSite(plan.verdicts[0], 0, 14), 4);
  EXPECT_EQ(InSite(plan.verdicts[0], 1, 14), 4);
  ASSERT_EQ(plan.verdicts[0].grants.size(), 2u);
  EXPECT_EQ(plan.verdicts[0].grants[0].count, 4);
}

TEST(Memory, WhatFindsNoneWaitsAndIsToldOfIt) {
  const Input input =
      InputOf({.now = 14,
               .sites = {LittleMemory("a").ForegroundMemory(GiB(20))},
               .classes = {Hungry(8)},
               .running = {ARunningTask(0).Memory(GiB(100)).CannotCheckpoint().Hours(40)}});
  const Plan plan = Compute(input);
  SCOPED_TRACE(Described(input, plan));
  EXPECT_EQ(InSite(plan.verdicts[0], 0, 14), 2);
  EXPECT_EQ(plan.verdicts[0].reason, Reason::kWaitingForCapacity);
  EXPECT_THAT(plan.verdicts[0].detail,
              HasSubstr("memory is short: a task asks 64 GiB, and in a 8 GiB of 256 GiB is left "
                        "(foreground 20 GiB, batch 228 GiB)"));
}

TEST(Memory, IsNotSpokenOfWhereCoresAreShort) {
  const Input input = InputOf(
      {.now = 14, .sites = {LittleMemory("a").Headroom(Always(2))}, .classes = {Hungry(8)}});
  const Plan plan = Compute(input);
  EXPECT_THAT(Described(input, plan), Not(HasSubstr("memory")));
}

TEST(Memory, TasksThatAskLittleOfItAreNotKeptOut) {
  const Input input =
      InputOf({.now = 14,
               .sites = {LittleMemory("a")},
               .classes = {Hungry(8).Priority(1), AClass().Id(2).Memory(Bytes::Zero()).Count(46)}});
  const Plan plan = Compute(input);
  SCOPED_TRACE(Described(input, plan));
  EXPECT_EQ(InSite(plan.verdicts[0], 0, 14), 4);
  EXPECT_EQ(InSite(plan.verdicts[1], 0, 14), 46);
}

TEST(Memory, CheapHoursHoldNoMoreThanThereIs) {
  for (const bool checkpointable : {true, false}) {
    ClassBuilder made = Hungry(8).Hours(4).Deadline(40);
    if (!checkpointable) made.CannotCheckpoint();
    const Input input = InputOf(
        {.now = 14, .sites = {LittleMemory("a").Price(Daily(20, 6, 10, 60))}, .classes = {made}});
    const Plan plan = Compute(input);
    SCOPED_TRACE(Described(input, plan));
    int most = 0;
    for (double hour = 14; hour < 40; hour += 0.25) {
      most = std::max(most, InSite(plan.verdicts[0], 0, hour));
    }
    EXPECT_EQ(most, 4);
  }
}

TEST(Memory, WhatCheapHoursCannotHoldBidsMoreForOthers) {
  const auto bid = [](Bytes memory) {
    const Input input =
        InputOf({.now = 14,
                 .sites = {LittleMemory("a").Memory(memory).Price(Daily(20, 6, 10, 60))},
                 .classes = {Hungry(20).Hours(8).Deadline(30)}});
    return Compute(input).verdicts[0].bid;
  };
  EXPECT_GT(bid(GiB(256)), bid(GiB(64 * 20)));
  EXPECT_EQ(bid(GiB(64 * 20)), bid(Bytes::Max()));
}

TEST(Memory, IsNotExceededForADeadline) {
  const Input input = InputOf({.now = 14,
                               .sites = {LittleMemory("a").Headroom(Always(0)).Foreground(70)},
                               .classes = {Hungry(6).Hours(5).Cores(2).Deadline(19.1)}});
  const Plan plan = Compute(input);
  SCOPED_TRACE(Described(input, plan));
  EXPECT_EQ(plan.verdicts[0].mode, Mode::kMustRun);
  EXPECT_EQ(InSite(plan.verdicts[0], 0, 14), 4);
  EXPECT_THAT(plan.verdicts[0].detail, HasSubstr("no memory is free in a"));
  EXPECT_THAT(plan.verdicts[0].detail, HasSubstr("in a 0 B of 256 GiB is left"));
}

TEST(Memory, WayIsMadeForATaskThatNeedsIt) {
  const RunningTask held = ARunningTask(0).Memory(GiB(200)).Hours(9);
  const Input input = InputOf({.now = 14,
                               .sites = {LittleMemory("a")},
                               .classes = {Hungry(1).Hours(5).Priority(1).Deadline(19.1)},
                               .running = {held}});
  const Plan plan = Compute(input);
  SCOPED_TRACE(Described(input, plan));
  ASSERT_EQ(plan.moves.size(), 1u);
  EXPECT_EQ(plan.moves[0].reason, Reason::kMakesWay);
}

TEST(Memory, NobodyIsSentWhereItIsShort) {
  const RunningTask leaving = ARunningTask(0).Memory(GiB(64)).NodeDrained();
  const auto goes_to = [&](Bytes held) {
    const Input input = InputOf(
        {.now = 14,
         .sites = {LittleMemory("a").Headroom(Always(0)), LittleMemory("b").BatchMemory(held),
                   LittleMemory("c").Price(Always(90))},
         .running = {leaving}});
    const Plan plan = Compute(input);
    return plan.moves.at(0).to.value();
  };
  EXPECT_EQ(goes_to(GiB(192)), 1u);
  EXPECT_EQ(goes_to(GiB(193)), 2u);
}

TEST(Memory, WhatRunsStaysWhenTheForegroundTakesIt) {
  const Input input =
      InputOf({.now = 14,
               .sites = {LittleMemory("a").ForegroundMemory(GiB(220)), LittleMemory("b")},
               .running = {ARunningTask(0).Memory(GiB(64)).Deadline(40)}});
  EXPECT_TRUE(Compute(input).moves.empty());
}

TEST(Memory, IsWhatADataCenterIsSaidToLack) {
  const Class hungry = Hungry(1).Hours(2);
  const Input input = InputOf(
      {.now = 14,
       .sites = {LittleMemory("a"), LittleMemory("b").Memory(GiB(70))},
       .classes = {hungry},
       .running = {ARunningTask(0).Memory(GiB(250)).CannotCheckpoint().Hours(3),
                   ARunningTask(1).Task(1).Memory(GiB(60)).CannotCheckpoint().Hours(1000)}});
  const std::vector<Option> options = Explain(input, Compute(input), hungry);
  ASSERT_EQ(options.size(), 2u);
  EXPECT_EQ(options[0].start, At(17)) << options[0].detail;
  EXPECT_THAT(options[0].detail,
              HasSubstr("memory is short now: a task asks 64 GiB, and in a 6 GiB "
                        "of 256 GiB is left (foreground 0 B, batch 250 GiB)"));
  EXPECT_EQ(options[1].verdict, Option::Verdict::kNever);
  EXPECT_THAT(options[1].detail, HasSubstr("needs 64 GiB of memory; the most that is left in the "
                                           "next 7d is 10 GiB of 70 GiB"));
}

}  // namespace
}  // namespace heliotrope::plan
