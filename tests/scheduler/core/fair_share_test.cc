// Of scarce headroom accounts get shares by their weights, as far as no deadline needs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>

#include "tests/scheduler/core/one_site.h"

namespace heliotrope::core {
namespace {

// "light" of weight 1 floods the 16 cores before "heavy" of weight 3 does.
class FairShareTest : public OneSiteTest {
 protected:
  void SetWeights(int64_t light_milli, int64_t heavy_milli) {
    FleetConfig fleet = OneSite();
    fleet.accounts[AccountId("light")].weight_milli = light_milli;
    fleet.accounts[AccountId("heavy")].weight_milli = heavy_milli;
    Take(SetFleet{std::move(fleet)});
    Replan();
  }
  void Flood() {
    Submit("light", {.count = 400, .account = "light"});
    Submit("heavy", {.count = 400, .account = "heavy"});
    NoteStarts();
  }

  // The task that has run longest ends, and what it frees is dispatched.
  void EndOne() {
    const auto [job, index] = running_.front();
    running_.pop_front();
    Report(job, index, model::AttemptPhase::kSucceeded);
    Take(Tick{});
    NoteStarts();
  }
  void NoteStarts() {
    for (const std::string job : {"light", "heavy"}) {
      uint32_t& next = next_[job];
      const auto& tasks = JobOf(job).tasks;
      while (next < tasks.size() && tasks[next].state != model::TaskState::kPending) {
        running_.emplace_back(job, next++);
      }
    }
  }
  uint32_t StartsOf(const std::string& job) const { return next_.at(job); }

  std::map<std::string, uint32_t> next_;  // The first task that has not started.
  std::deque<std::pair<std::string, uint32_t>> running_;
};

TEST_F(FairShareTest, SharesAreByWeightWhoeverCameFirst) {
  SetWeights(1000, 3000);
  Flood();
  Take(Tick{});
  Replan();
  NoteStarts();
  EXPECT_EQ(Started("light"), 4U);
  EXPECT_EQ(Started("heavy"), 12U);
  for (int i = 0; i < 320; ++i) {
    EndOne();
    if (i % 16 == 0) {
      Replan();
      NoteStarts();
    }
    ASSERT_EQ(Started("light") + Started("heavy"), 16U) << "no core is left idle";
    ASSERT_NEAR(Started("light"), 4, 1);
  }
  EXPECT_NEAR(static_cast<double>(StartsOf("heavy")) / StartsOf("light"), 3, 0.1);
}

TEST_F(FairShareTest, TheLightestIsServedToo) {
  SetWeights(1, 1'000'000);
  Flood();
  Replan();
  NoteStarts();
  EXPECT_EQ(Started("light"), 1U);
  for (int i = 0; i < 64; ++i) EndOne();
  EXPECT_EQ(Started("light"), 1U);
  EXPECT_GE(StartsOf("light"), 4U) << "each time its one has ended the next is first";
}

TEST_F(FairShareTest, WhatOneAccountDoesNotNeedTheOtherHas) {
  SetWeights(1000, 3000);
  Submit("light", {.count = 400, .account = "light"});
  Submit("heavy", {.count = 2, .account = "heavy"});
  Replan();
  EXPECT_EQ(Started("heavy"), 2U);
  EXPECT_EQ(Started("light"), 14U);
}

TEST_F(FairShareTest, WithoutAccountsInTheConfigurationTheOldestStarts) {
  Submit("light", {.count = 400, .account = "light"});
  now_ += absl::Minutes(1);
  Submit("heavy", {.count = 400, .account = "heavy"});
  Replan();
  EXPECT_EQ(Started("light"), 16U);
  EXPECT_EQ(Started("heavy"), 0U);
}

TEST_F(FairShareTest, AHigherPriorityComesFirst) {
  SetWeights(1000, 3000);
  SubmitJob urgent = AJob("urgent", {.count = 10, .account = "light"});
  auto spec = std::make_shared<model::JobSpec>(*urgent.spec);
  spec->priority = 10;
  urgent.spec = std::move(spec);
  ASSERT_TRUE(Take(urgent).status.ok());
  Submit("heavy", {.count = 400, .account = "heavy"});
  Replan();
  EXPECT_EQ(Started("urgent"), 10U);
  EXPECT_EQ(Started("heavy"), 6U);
}

// Promise 8: a deadline that can be met comes before any share.
TEST_F(FairShareTest, ADeadlineIsMetThoughItsAccountHasMoreThanItsShare) {
  SetWeights(1000, 3000);
  Flood();
  Replan();
  NoteStarts();
  ASSERT_EQ(Started("light"), 4U);
  Submit("due", {.count = 4, .account = "light", .deadline = now_ + absl::Minutes(61)});
  Replan();
  EXPECT_EQ(Started("due"), 4U);
}

}  // namespace
}  // namespace heliotrope::core
