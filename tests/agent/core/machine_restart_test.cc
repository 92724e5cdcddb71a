// The machine after a restart of the agent: what is found, and what is made of it.
#include "agent/core/machine.h"

#include <gtest/gtest.h>

#include "tests/agent/core/world.h"

namespace heliotrope::agent {
namespace {

TEST(MachineRestart, AdoptsWhatRuns) {
  World w;
  AttemptSpec spec = World::Checkpointing();
  spec.checkpoint_interval = absl::Minutes(5);
  w.Do(CheckpointFound{.checkpoint = {.key = Seq(kFirst, 1), .run_time = absl::Hours(1)}});
  EXPECT_EQ(
      w.Do(AttemptFound{.key = kFirst,
                        .spec = spec,
                        .state = AttemptFound::Running{.incarnation = 2, .started = w.now.real}}),
      "run 1/0#1");
  EXPECT_EQ(w.machine.Statuses(w.now)[0].phase, Phase::kRunning);
  w.After(absl::Minutes(4));
  EXPECT_EQ(w.machine.Statuses(w.now)[0].run_time, absl::Minutes(64));
  EXPECT_EQ(w.After(absl::Minutes(1)), "leave 1/0#1") << "periodic checkpoints go on";
}

TEST(MachineRestart, AnExitMeanwhileIsJudgedNow) {
  World w;
  EXPECT_EQ(
      w.Do(AttemptFound{
          .key = kFirst,
          .spec = World::OneCore(),
          .state =
              ExitReport{.incarnation = 1, .code = 0, .started = w.now.real, .ended = w.now.real}}),
      "");
  EXPECT_EQ(w.Report(), "1/0#1 succeeded EXITED");
}

TEST(MachineRestart, WhatHadSavedIsSealedAndGoesOnOnlyWithALease) {
  World w(World::Node());
  w.After(absl::Hours(2000));  // The lease is over.
  const ExitReport saved{.incarnation = 3,
                         .code = 85,
                         .cause = StopCause::kLeave,
                         .checkpointed = true,
                         .started = w.now.real - absl::Minutes(1),
                         .ended = w.now.real};
  EXPECT_EQ(w.Do(AttemptFound{.key = kFirst, .spec = World::Checkpointing(), .state = saved}),
            "seal 1/0#1.3 copy after 1m");
  EXPECT_EQ(w.Sealed(kFirst, 3), "");
  EXPECT_EQ(w.Order(LeaveOrder{.key = kFirst, .reason = "MOVE"}), "save 1/0#1 left MOVE")
      << "the scheduler repeats its order";
}

TEST(MachineRestart, WhatTheLeaseEndedDoesNotGoOn) {
  World w;
  w.Do(CheckpointFound{.checkpoint = {.key = Seq(kFirst, 3)}});
  const ExitReport saved{.incarnation = 3,
                         .code = 85,
                         .cause = StopCause::kLeaseExpired,
                         .checkpointed = true,
                         .started = w.now.real,
                         .ended = w.now.real};
  EXPECT_EQ(w.Do(AttemptFound{.key = kFirst, .spec = World::Checkpointing(), .state = saved}),
            "save 1/0#1 stopped LEASE_EXPIRED");
}

TEST(MachineRestart, WhatOutlivesItsLeaseIsStartedAgainOnlyWithTheFirstLeaseOfThisAgent) {
  // The agent before it may have been told to stop it.
  Machine machine(World::Node());
  const Now now{.scheduling = absl::FromUnixSeconds(1000), .real = absl::FromUnixSeconds(1000)};
  AttemptSpec outlives = World::Checkpointing();
  outlives.outlives_lease = true;
  machine.Apply(CheckpointFound{.checkpoint = {.key = Seq(kFirst, 3)}}, now);
  const ExitReport saved{
      .incarnation = 3, .code = 85, .checkpointed = true, .started = now.real, .ended = now.real};
  EXPECT_EQ(Text(machine.Apply(AttemptFound{.key = kFirst, .spec = outlives, .state = saved}, now)),
            "");
  EXPECT_EQ(Text(machine.Apply(LeaseRenewed{.until = now.scheduling + absl::Seconds(60)}, now)),
            "launch 1/0#1 4");
}

TEST(MachineRestart, WhatOutlivesItsLeaseDoesNotSaveWhereItCouldNotGoOn) {
  Machine machine(World::Node());
  Now now{.scheduling = absl::FromUnixSeconds(1000), .real = absl::FromUnixSeconds(1000)};
  AttemptSpec outlives = World::Checkpointing();
  outlives.outlives_lease = true;
  outlives.checkpoint_interval = absl::Minutes(5);
  machine.Apply(AttemptFound{.key = kFirst,
                             .spec = outlives,
                             .state = AttemptFound::Running{.incarnation = 1, .started = now.real}},
                now);
  now.scheduling += absl::Minutes(5);
  EXPECT_EQ(Text(machine.Apply(TimePassed{}, now)), "");
  machine.Apply(LeaseRenewed{.until = now.scheduling + absl::Seconds(60)}, now);
  now.scheduling += absl::Minutes(5);
  EXPECT_EQ(Text(machine.Apply(TimePassed{}, now)), "leave 1/0#1");
}

TEST(MachineRestart, WhatWasSealedIsNotSealedAgain) {
  World w;
  w.Do(CheckpointFound{.checkpoint = {.key = Seq(kFirst, 3)}});
  const ExitReport saved{.incarnation = 3,
                         .code = 85,
                         .checkpointed = true,
                         .started = w.now.real,
                         .ended = w.now.real};
  EXPECT_EQ(w.Do(AttemptFound{.key = kFirst, .spec = World::Checkpointing(), .state = saved}),
            "launch 1/0#1 4");
}

TEST(MachineRestart, ASavedOutcomeIsToldAgain) {
  World w;
  AttemptStatus left{.key = kFirst, .phase = Phase::kLeft, .reason = "MOVE"};
  EXPECT_EQ(w.Do(AttemptFound{.key = kFirst, .spec = World::Checkpointing(), .state = left}), "");
  EXPECT_EQ(w.machine.Statuses(w.now)[0].phase, Phase::kLeft);
  EXPECT_EQ(w.Start(kFirst, World::Checkpointing()), "");
}

TEST(MachineRestart, WhatHadNotStartedBeginsAnew) {
  World w;
  EXPECT_EQ(
      w.Do(AttemptFound{
          .key = kSecond, .spec = Restoring(Seq(kFirst, 1)), .state = AttemptFound::NotStarted{}}),
      "fetch 1/0#2 from 1/0#1.1");
}

TEST(MachineRestart, AnAttemptThatWaitedForAnEarlierOneWaitsAgain) {
  World w;
  EXPECT_EQ(
      w.Do(AttemptFound{.key = kFirst,
                        .spec = World::OneCore(),
                        .state = AttemptFound::Running{.incarnation = 1, .started = w.now.real}}),
      "run 1/0#1");
  EXPECT_EQ(w.Do(AttemptFound{
                .key = kSecond, .spec = World::OneCore(), .state = AttemptFound::NotStarted{}}),
            "stop 1/0#1");
  EXPECT_EQ(w.Exit(kFirst, {.kind = ExitKind::kSignaled, .signal = 15, .cause = StopCause::kStop}),
            "launch 1/0#2 1");
}

TEST(MachineRestart, ALostShimIsNotAFailureOfTheJob) {
  World w;
  EXPECT_EQ(
      w.Do(AttemptFound{
          .key = kFirst,
          .spec = World::OneCore(),
          .state = ExitReport{.incarnation = 1, .kind = ExitKind::kLost, .ended = w.now.real}}),
      "save 1/0#1 stopped PROCESS_LOST");
}

}  // namespace
}  // namespace heliotrope::agent
