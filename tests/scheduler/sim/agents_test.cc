// The physics of the worlds, order by order.
#include "scheduler/sim/agents.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/sim/worlds.h"

namespace heliotrope::sim {
namespace {

using model::AttemptPhase;

class AgentsTest : public testing::Test {
 protected:
  static World OneJob() {
    World world = TwoPlaces();
    world.jobs = {AnHour()};
    world.jobs[0].checkpoint_mb = 250;
    return world;
  }

  static model::AttemptKey Key(uint32_t attempt) {
    return {TaskId{JobUid(1), 0}, AttemptNumber(attempt)};
  }

  void Order(core::AttemptAction action, uint32_t attempt, const char* node, Seconds now,
             bool restore = false) {
    core::OrderAttempt order;
    order.node = NodeId(node);
    order.key = Key(attempt);
    order.action = action;
    if (action == core::AttemptAction::kStart) {
      order.start.emplace();
      if (restore) order.start->restore = core::RestoreSource{{Key(attempt - 1), 1}, "", {}, {}};
    }
    agents_.OnOrder(order, 0, now);
  }

  // The phases reported since the last call.
  std::vector<AttemptPhase> Phases() {
    std::vector<AttemptPhase> phases;
    for (const core::NodeReport& report : agents_.TakeReports()) {
      for (const core::AttemptStatus& status : report.attempts) phases.push_back(status.phase);
    }
    return phases;
  }

  // Lets time pass to the next event of the agents and returns it.
  Seconds Next() {
    const Seconds now = agents_.NextEvent();
    agents_.Advance(now);
    return now;
  }

  World world_ = OneJob();
  Journal journal_;
  Agents agents_{world_, journal_};
};

TEST_F(AgentsTest, RunsForItsTrueDuration) {
  world_.jobs[0].expected = 60;
  Order(core::AttemptAction::kStart, 1, "a-n1", 100);
  EXPECT_EQ(Next(), 100 + kHour);
  EXPECT_THAT(Phases(), testing::ElementsAre(AttemptPhase::kRunning, AttemptPhase::kSucceeded));
  ASSERT_EQ(journal_.segments.size(), 1u);
  EXPECT_EQ(journal_.segments[0].useful, kHour);
}

TEST_F(AgentsTest, AMoveTakesSavingRestoringAndCarrying) {
  Order(core::AttemptAction::kStart, 1, "a-n1", 0);
  Order(core::AttemptAction::kLeave, 1, "a-n1", 600);
  EXPECT_EQ(Next(), 600 + kSaveTime);
  EXPECT_THAT(Phases(), testing::ElementsAre(AttemptPhase::kRunning, AttemptPhase::kCheckpointing,
                                             AttemptPhase::kLeft));
  Order(core::AttemptAction::kStart, 2, "b-n1", 610, /*restore=*/true);
  EXPECT_EQ(Next(), 610 + 30 + 2);
  EXPECT_EQ(Next(), 642 + kHour - 600);
  EXPECT_THAT(Phases(), testing::ElementsAre(AttemptPhase::kFetching, AttemptPhase::kRunning,
                                             AttemptPhase::kSucceeded));
  ASSERT_EQ(journal_.segments.size(), 2u);
  EXPECT_EQ(journal_.segments[0].end, 610);
  EXPECT_EQ(journal_.segments[0].useful, 600);
  EXPECT_EQ(journal_.segments[1].start, 642);
}

TEST_F(AgentsTest, WhereItsCheckpointIsItOnlyRestores) {
  Order(core::AttemptAction::kStart, 1, "a-n1", 0);
  Order(core::AttemptAction::kLeave, 1, "a-n1", 600);
  Next();
  Order(core::AttemptAction::kStart, 2, "a-n1", 900, /*restore=*/true);
  EXPECT_EQ(Next(), 930);
}

TEST_F(AgentsTest, WhatCannotSaveStartsOver) {
  world_.jobs[0].checkpoint_mb = -1;
  Order(core::AttemptAction::kStart, 1, "a-n1", 0);
  Order(core::AttemptAction::kStop, 1, "a-n1", 600);
  Order(core::AttemptAction::kStart, 2, "a-n2", 700);
  EXPECT_EQ(Next(), 700 + kHour);
  ASSERT_EQ(journal_.segments.size(), 2u);
  EXPECT_EQ(journal_.segments[0].useful, 0);
  EXPECT_EQ(journal_.segments[1].useful, kHour);
}

TEST_F(AgentsTest, BatchGivesWayAboveTheTargetAndGoesOn) {
  world_.jobs[0].cpus = 4;
  world_.data_centers[0].load[1] = 0.5;  // 4 + 4 of 8 cores: above 0.8.
  agents_.SetForeground(0);
  Order(core::AttemptAction::kStart, 1, "a-n1", 0);
  for (Seconds now = 0; now <= 600; now += 300) {
    agents_.SetForeground(now);
    agents_.Yield(now);
  }
  EXPECT_THAT(Phases(), testing::ElementsAre(AttemptPhase::kRunning, AttemptPhase::kFrozen,
                                             AttemptPhase::kRunning));
  EXPECT_EQ(Next(), kHour + 300);
  ASSERT_EQ(journal_.segments.size(), 2u);
  EXPECT_EQ(journal_.segments[0].end, 300);
  EXPECT_EQ(journal_.segments[1].start, 600);
  EXPECT_EQ(journal_.segments[1].end, kHour + 300);
  EXPECT_EQ(journal_.segments[1].attempt, 1u);
}

}  // namespace
}  // namespace heliotrope::sim
