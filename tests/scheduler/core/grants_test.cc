// Room that the plan grants to waiting tasks is kept for them: those who come later in the order do
// not take it, and nobody keeps more than waits or longer than it waits.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/scheduler/core/one_site.h"

namespace heliotrope::core {
namespace {

// A busy task holds 10 of the 16 cores, so 6 are left: too few for a wide one of 8.
class GrantsTest : public OneSiteTest {
 protected:
  static constexpr int64_t kHigh = 2'000'000;
  static constexpr int64_t kLow = 1'000'000;

  GrantsTest() {
    Submit("busy", {.cores = 10});
    Replan();
    EXPECT_EQ(Started("busy"), 1U);
    Report("busy", 0, model::AttemptPhase::kRunning);
  }

  struct Drawn {
    std::string job;
    int64_t rank = 0;
    int64_t granted = 0;  // Tasks.
    plan::Mode mode = plan::Mode::kAsSoonAsPossible;
  };
  // Adopts a plan with these verdicts alone, on the tasks that wait.
  void Adopt(const std::vector<Drawn>& drawn) {
    plan::Plan made;
    made.made = now_;
    made.grid = machine_->board().grid;
    made.planned.assign(1, std::vector<MilliCores>(made.grid.size()));
    made.firm = made.planned;
    for (const Drawn& one : drawn) {
      plan::Verdict verdict;
      verdict.class_id = JobOf(one.job).tasks.back().class_id;
      ASSERT_NE(verdict.class_id, 0U);
      verdict.mode = one.mode;
      verdict.ranked = {0};
      verdict.rank = one.rank;
      if (one.granted > 0) verdict.grants = {{.site = 0, .count = one.granted}};
      made.verdicts.push_back(std::move(verdict));
    }
    Plan(std::move(made));
  }
};

TEST_F(GrantsTest, SmallerTasksDoNotTakeWhatAWideOneWaitsFor) {
  Submit("wide", {.cores = 8});
  Submit("small", {.cores = 1, .count = 20});
  Adopt({{.job = "wide", .rank = kHigh, .granted = 1}, {.job = "small", .rank = kLow}});
  EXPECT_EQ(Started("wide"), 0U);
  EXPECT_EQ(Started("small"), 0U);

  // Other rounds of dispatch keep it as well, and not twice.
  Take(Tick{});
  Report("busy", 0, model::AttemptPhase::kSucceeded);
  Take(Tick{});
  EXPECT_EQ(Started("wide"), 1U);
  EXPECT_EQ(Started("small"), 8U) << "the 16 cores less the wide one's";
}

TEST_F(GrantsTest, WithoutAGrantWhoFitsTakesIt) {
  Submit("wide", {.cores = 8});
  Submit("small", {.cores = 1, .count = 20});
  Adopt({{.job = "wide", .rank = kHigh}, {.job = "small", .rank = kLow}});
  EXPECT_EQ(Started("small"), 6U);
}

TEST_F(GrantsTest, WhatIsGrantedToTheNextOfAClassIsKeptToo) {
  Submit("wide", {.cores = 4, .count = 2});
  Submit("small", {.cores = 1, .count = 20});
  Adopt({{.job = "wide", .rank = kHigh, .granted = 2}, {.job = "small", .rank = kLow}});
  EXPECT_EQ(Started("wide"), 1U);
  EXPECT_EQ(Started("small"), 0U) << "the 2 cores that are left wait for the second";
}

TEST_F(GrantsTest, WhoComesEarlierInTheOrderIsNotHeldBack) {
  Submit("small", {.cores = 1, .count = 4});
  Submit("wide", {.cores = 8});
  Adopt({{.job = "small", .rank = kHigh}, {.job = "wide", .rank = kLow, .granted = 1}});
  EXPECT_EQ(Started("small"), 4U);
}

TEST_F(GrantsTest, RoomIsKeptForNoMoreTasksThanWait) {
  Submit("wide", {.cores = 8});
  Submit("small", {.cores = 1, .count = 20});
  Take(CancelJob{JobId("busy")});
  Report("busy", 0, model::AttemptPhase::kStopped);
  // 16 cores are free: one starts, and the second that was granted is not there.
  Adopt({{.job = "wide", .rank = kHigh, .granted = 2}, {.job = "small", .rank = kLow}});
  EXPECT_EQ(Started("wide"), 1U);
  EXPECT_EQ(Started("small"), 8U);
}

TEST_F(GrantsTest, AGrantIsUsedUpByTheTaskThatStarts) {
  Submit("wide", {.cores = 4, .count = 2});
  Submit("small", {.cores = 1, .count = 20});
  // Of the 6 cores one of the two takes 4; the other has been granted nothing.
  Adopt({{.job = "wide", .rank = kHigh, .granted = 1}, {.job = "small", .rank = kLow}});
  EXPECT_EQ(Started("wide"), 1U);
  EXPECT_EQ(Started("small"), 2U);
}

TEST_F(GrantsTest, WhenTheWaitingTaskIsCancelledItsRoomIsFree) {
  Submit("wide", {.cores = 8});
  Submit("small", {.cores = 1, .count = 20});
  Adopt({{.job = "wide", .rank = kHigh, .granted = 1}, {.job = "small", .rank = kLow}});
  EXPECT_EQ(Started("small"), 0U);
  Take(CancelJob{JobId("wide")});
  Submit("more", {.cores = 1});  // Anything that has it dispatch.
  Take(Tick{});
  EXPECT_EQ(Started("small") + Started("more"), 6U);
}

// Promise 8: a deadline that would be missed outranks whoever has been promised the room.
TEST_F(GrantsTest, TheSafetyNetTakesRoomThatIsGrantedToOthers) {
  Submit("wide", {.cores = 8});
  Submit("late", {.cores = 2, .deadline = now_ + absl::Minutes(61)});
  Adopt({{.job = "wide", .rank = kHigh, .granted = 1},
         {.job = "late", .rank = kLow, .mode = plan::Mode::kMustRun}});
  EXPECT_EQ(Started("late"), 1U);
}

TEST_F(GrantsTest, AGrantInADataCenterThatIsGoneIsPassedOver) {
  Submit("wide", {.cores = 8});
  Submit("small", {.cores = 1, .count = 2});
  plan::Plan made;
  made.made = now_;
  made.grid = machine_->board().grid;
  made.planned.assign(1, std::vector<MilliCores>(made.grid.size()));
  plan::Verdict wide;
  wide.class_id = JobOf("wide").tasks[0].class_id;
  wide.rank = kHigh;
  wide.grants = {{.site = 7, .count = 1}};
  plan::Verdict small;
  small.class_id = JobOf("small").tasks[0].class_id;
  small.ranked = {0};
  made.verdicts = {wide, small};
  Plan(std::move(made));
  EXPECT_EQ(Started("small"), 2U);
}

}  // namespace
}  // namespace heliotrope::core
