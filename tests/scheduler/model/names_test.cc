// The names of reasons, states and signals: shown to users, so each is there, unique and stable.
#include <set>
#include <string>

#include "gtest/gtest.h"
#include "scheduler/model/reason.h"
#include "scheduler/model/signals.h"
#include "scheduler/model/task.h"

namespace heliotrope::model {
namespace {

TEST(ReasonName, EveryReasonHasItsOwnNameThatLeadsBackToIt) {
  std::set<absl::string_view> names;
  for (int i = 0; i < kReasonCount; ++i) {
    const Reason reason = static_cast<Reason>(i);
    EXPECT_TRUE(names.insert(ReasonName(reason)).second) << ReasonName(reason);
    EXPECT_EQ(ReasonFromName(ReasonName(reason)), reason) << ReasonName(reason);
  }
  EXPECT_EQ(ReasonName(Reason::kWaitingForCheaperTime), "WAITING_FOR_CHEAPER_TIME");
}

TEST(ReasonFromName, AnUnknownNameIsNone) {
  EXPECT_EQ(ReasonFromName("WAITING_FOR_GODOT"), Reason::kNone);
  EXPECT_EQ(ReasonFromName(""), Reason::kNone);
}

TEST(TaskState, TerminalAndHoldingAreApart) {
  for (int i = 0; i <= static_cast<int>(TaskState::kCancelled); ++i) {
    const TaskState state = static_cast<TaskState>(i);
    EXPECT_FALSE(IsTerminal(state) && HoldsNode(state)) << TaskStateName(state);
    EXPECT_NE(TaskStateName(state), "UNKNOWN");
  }
  EXPECT_FALSE(HoldsNode(TaskState::kPending));
  EXPECT_FALSE(IsTerminal(TaskState::kCheckpointing));
}

TEST(AttemptPhase, PhasesFromLeftOnAreTerminal) {
  EXPECT_FALSE(IsTerminal(AttemptPhase::kCheckpointing));
  EXPECT_TRUE(IsTerminal(AttemptPhase::kLeft));
  EXPECT_TRUE(IsTerminal(AttemptPhase::kFetchFailed));
  EXPECT_EQ(AttemptPhaseName(AttemptPhase::kFetchFailed), "FETCH_FAILED");
  EXPECT_EQ(MoveStepName(MoveStep::kCarried), "CARRIED");
}

TEST(Signals, NamesLeadToNumbersWithAndWithoutTheirPrefix) {
  EXPECT_EQ(SignalFromName("SIGTERM"), 15);
  EXPECT_EQ(SignalFromName("term"), 15);
  EXPECT_EQ(SignalFromName("SIGUSR1"), 10);
  EXPECT_EQ(SignalName(12), "SIGUSR2");
}

TEST(Signals, WhatCannotBeCaughtIsNotOffered) {
  EXPECT_EQ(SignalFromName("SIGKILL"), std::nullopt);
  EXPECT_EQ(SignalFromName("SIGSTOP"), std::nullopt);
  EXPECT_EQ(SignalFromName(""), std::nullopt);
  EXPECT_EQ(SignalName(9), "");
  EXPECT_EQ(SignalName(-1), "");
}

}  // namespace
}  // namespace heliotrope::model
