#include "agent/core/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/core/world.h"

namespace heliotrope::agent {
namespace {

TEST(Machine, StartsReportsAndForgets) {
  World w;
  EXPECT_EQ(w.Start(kFirst, World::OneCore()), "prepare 1/0#1; launch 1/0#1 1");
  EXPECT_EQ(w.Report(), "1/0#1 verified");
  EXPECT_EQ(w.Launched(kFirst), "");
  EXPECT_EQ(w.Report(), "1/0#1 running");
  EXPECT_EQ(w.Exit(kFirst, {.code = 0}), "");
  EXPECT_EQ(w.Report(), "1/0#1 succeeded EXITED");
  EXPECT_EQ(w.Order(ForgetOrder{.key = kFirst}), "forget 1/0#1");
  EXPECT_TRUE(w.machine.Statuses(w.now).empty());
}

TEST(Machine, TheTerminalStatusStaysUntilForget) {
  World w;
  w.Run(kFirst, World::OneCore());
  w.Exit(kFirst, {.code = 3});
  w.Report();
  EXPECT_EQ(w.Start(kFirst, World::OneCore()), "") << "a repeated START does not run again";
  EXPECT_EQ(w.Report(), "1/0#1 failed EXITED") << "but is answered";
  ASSERT_EQ(w.machine.Statuses(w.now).size(), 1u);
  EXPECT_EQ(w.machine.Statuses(w.now)[0].exit_code, 3);
  EXPECT_EQ(w.machine.Statuses(w.now)[0].run_time, absl::Minutes(1));
}

TEST(Machine, AStartThatComesLateAfterForgetDoesNotRun) {
  World w;
  w.Run(kFirst, World::OneCore());
  w.Exit(kFirst, {.code = 0});
  w.Order(ForgetOrder{.key = kFirst});
  w.Report();
  EXPECT_EQ(w.Start(kFirst, World::OneCore()), "");
  EXPECT_EQ(w.Report(), "1/0#1 refused STALE_ATTEMPT");
}

TEST(Machine, ALowerAttemptNumberIsRefused) {
  World w;
  w.Run(kSecond, World::OneCore());
  w.Report();
  EXPECT_EQ(w.Start(kFirst, World::OneCore()), "");
  EXPECT_EQ(w.Report(), "1/0#1 refused STALE_ATTEMPT");
  EXPECT_EQ(w.machine.Statuses(w.now).size(), 1u);
}

TEST(Machine, AHigherAttemptWaitsUntilTheOldOneHasEnded) {
  World w;
  w.Run(kFirst, World::OneCore());
  EXPECT_EQ(w.Start(kSecond, World::OneCore()), "prepare 1/0#2; stop 1/0#1");
  EXPECT_EQ(w.Exit(kFirst, {.kind = ExitKind::kSignaled, .signal = 9, .cause = StopCause::kStop}),
            "launch 1/0#2 1");
  EXPECT_EQ(w.Report(), "1/0#1 stopped SUPERSEDED; 1/0#2 verified");
}

TEST(Machine, ResidencyIsCheckedHereToo) {
  const struct {
    const char* name;
    std::vector<std::string> jurisdictions;
    bool runs;
  } cases[] = {
      {"listed", {"FR", "DE"}, true},           {"any", {"*"}, true},
      {"elsewhere only", {"CN"}, false},        {"empty means none, not any", {}, false},
      {"a group is not a code", {"EU"}, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    World w;
    AttemptSpec spec = World::OneCore();
    spec.jurisdictions = c.jurisdictions;
    EXPECT_EQ(w.Start(kFirst, spec), c.runs ? "prepare 1/0#1; launch 1/0#1 1" : "");
    EXPECT_EQ(w.Report(), c.runs ? "1/0#1 verified" : "1/0#1 refused RESIDENCY");
  }
}

TEST(Machine, ANodeThatDoesNotKnowItsJurisdictionTakesOnlyWhatMayBeAnywhere) {
  NodeSpec node = World::Node();
  node.jurisdiction = "";
  World w(node);
  AttemptSpec spec = World::OneCore();
  spec.jurisdictions = {""};
  w.Start(kFirst, spec);
  EXPECT_EQ(w.Report(), "1/0#1 refused RESIDENCY");
  spec.jurisdictions = {"*"};
  w.Start(kOther, spec);
  EXPECT_EQ(w.Report(), "2/0#1 verified");
}

TEST(Machine, NeverMoreThanItsOwnCapacity) {
  World w;
  AttemptSpec three = World::OneCore();
  three.cores = MilliCores::FromMilli(3000);
  w.Run(kFirst, three);
  w.Report();
  AttemptSpec two = World::OneCore();
  two.cores = MilliCores::FromMilli(1001);
  EXPECT_EQ(w.Start(kOther, two), "");
  EXPECT_EQ(w.Report(), "2/0#1 refused NO_CAPACITY");
  AttemptSpec memory = World::OneCore();
  memory.memory = Bytes::FromGiB(9);
  w.Start(Key(3, 0, 1), memory);
  EXPECT_EQ(w.Report(), "3/0#1 refused NO_CAPACITY");
  AttemptSpec nothing = World::OneCore();
  nothing.cores = MilliCores::Zero();
  w.Start(Key(4, 0, 1), nothing);
  EXPECT_EQ(w.Report(), "4/0#1 refused INVALID_ORDER");
  w.Exit(kFirst, {.code = 0});
  EXPECT_EQ(w.Start(Key(2, 0, 2), two), "prepare 2/0#2; launch 2/0#2 1") << "room is free again";
}

TEST(Machine, NothingStartsWithoutALease) {
  World w;
  w.After(absl::Hours(2000));
  EXPECT_EQ(w.Start(kFirst, World::OneCore()), "prepare 1/0#1");
  EXPECT_EQ(w.machine.NextTimer(), absl::InfiniteFuture()) << "no spinning while it waits";
  EXPECT_EQ(w.Do(LeaseRenewed{.until = w.now.scheduling + absl::Seconds(60)}), "launch 1/0#1 1");
}

TEST(Machine, WhatOutlivesItsLeaseGoesOnButNothingNewOfItIsStartedWithoutOne) {
  World w;
  AttemptSpec outlives = World::Checkpointing();
  outlives.outlives_lease = true;
  w.Run(kFirst, outlives);
  w.After(absl::Hours(2000));
  w.Saved(kFirst, StopCause::kNone);
  EXPECT_EQ(w.Sealed(kFirst), "launch 1/0#1 2") << "the same attempt goes on";
  EXPECT_EQ(w.Start(Key(2, 0, 1), outlives), "prepare 2/0#1") << "a fresh one waits for the lease";
}

TEST(Machine, OrdersOfALowerTermAreIgnored) {
  World w;
  w.Do(Welcomed{.term = Term(5)});
  EXPECT_EQ(w.Order(StartOrder{.key = kFirst, .spec = World::OneCore()}, Term(4)), "");
  EXPECT_EQ(w.Report(), "");
  EXPECT_EQ(w.Order(StartOrder{.key = kFirst, .spec = World::OneCore()}, Term(6)),
            "prepare 1/0#1; launch 1/0#1 1");
  EXPECT_EQ(w.machine.term(), Term(6));
}

TEST(Machine, RestoresBeforeItStarts) {
  World w;
  EXPECT_EQ(w.Start(kSecond, Restoring(Seq(kFirst, 3))), "prepare 1/0#2; fetch 1/0#2 from 1/0#1.3");
  EXPECT_EQ(w.Report(), "1/0#2 fetching");
  EXPECT_EQ(w.Do(FetchDone{.key = kSecond}), "launch 1/0#2 1");
  EXPECT_EQ(w.Report(), "1/0#2 verified");
}

TEST(Machine, AFetchThatFailsEndsTheAttempt) {
  World w;
  w.Start(kSecond, Restoring(Seq(kFirst, 3)));
  EXPECT_EQ(w.Do(FetchFailed{.key = kSecond, .detail = "digest differs"}),
            "save 1/0#2 fetch_failed CHECKPOINT_UNAVAILABLE");
  EXPECT_EQ(w.Report(), "1/0#2 fetching") << "not told before it is on disk";
  w.Do(OutcomeSaved{.key = kSecond});
  EXPECT_EQ(w.Report(), "1/0#2 fetch_failed CHECKPOINT_UNAVAILABLE");
}

TEST(Machine, LeavesWithACheckpoint) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  EXPECT_EQ(w.Order(LeaveOrder{.key = kFirst, .reason = "MOVE_CHEAPER"}), "leave 1/0#1");
  EXPECT_EQ(w.Order(LeaveOrder{.key = kFirst, .reason = "MOVE_CHEAPER"}), "") << "told twice";
  EXPECT_EQ(w.Report(), "1/0#1 checkpointing");
  EXPECT_EQ(w.Saved(kFirst, StopCause::kLeave), "seal 1/0#1.1 move after 1m");
  EXPECT_EQ(w.Sealed(kFirst), "save 1/0#1 left MOVE_CHEAPER");
  w.Do(OutcomeSaved{.key = kFirst});
  EXPECT_EQ(w.Report(), "1/0#1 left MOVE_CHEAPER; checkpoint 1/0#1.1");
  EXPECT_EQ(w.Order(ForgetOrder{.key = kFirst}), "forget 1/0#1");
  ASSERT_EQ(w.machine.Checkpoints().size(), 1u) << "kept until RELEASE";
  EXPECT_EQ(w.Order(ReleaseOrder{.key = Seq(kFirst, 1)}), "remove 1/0#1.1");
  EXPECT_EQ(w.Order(ReleaseOrder{.key = Seq(kFirst, 1)}), "");
}

TEST(Machine, FinishingInsteadOfSavingIsFinishing) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  w.Order(LeaveOrder{.key = kFirst});
  w.Exit(kFirst, {.code = 0, .cause = StopCause::kLeave});
  EXPECT_EQ(w.Report(), "1/0#1 succeeded EXITED");
}

TEST(Machine, WhatCannotCheckpointDoesNotLeave) {
  World w;
  w.Run(kFirst, World::OneCore());
  EXPECT_EQ(w.Order(LeaveOrder{.key = kFirst, .reason = "MOVE"}), "");
  EXPECT_EQ(w.Report(), "1/0#1 running");
}

TEST(Machine, LeaveBeforeItRuns) {
  {
    World w;
    w.Start(kSecond, Restoring(Seq(kFirst, 3)));
    EXPECT_EQ(w.Order(LeaveOrder{.key = kSecond, .reason = "MOVE"}),
              "cancel 1/0#2; save 1/0#2 stopped MOVE");
  }
  World w;
  w.Start(kFirst, World::Checkpointing());
  EXPECT_EQ(w.Order(LeaveOrder{.key = kFirst, .reason = "MOVE"}), "") << "while it is starting";
  EXPECT_EQ(w.Launched(kFirst), "leave 1/0#1");
}

TEST(Machine, WithoutAContractTheCodeMeansNothing) {
  World w;
  w.Run(kFirst, World::OneCore());
  EXPECT_EQ(w.Saved(kFirst, StopCause::kNone), "");
  EXPECT_EQ(w.Report(), "1/0#1 failed EXITED");
}

TEST(Machine, StopKeepsNoCheckpoint) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  EXPECT_EQ(w.Order(StopOrder{.key = kFirst, .reason = "CANCELLED"}), "stop 1/0#1");
  EXPECT_EQ(w.Saved(kFirst, StopCause::kStop), "");
  EXPECT_EQ(w.Report(), "1/0#1 stopped CANCELLED");
}

TEST(Machine, WhatWasSavedWhenTheLeaseRanOutIsKept) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  EXPECT_EQ(w.Saved(kFirst, StopCause::kLeaseExpired), "seal 1/0#1.1 move after 1m");
  EXPECT_EQ(w.Sealed(kFirst), "save 1/0#1 stopped LEASE_EXPIRED");
  w.Do(OutcomeSaved{.key = kFirst});
  EXPECT_EQ(w.Report(), "1/0#1 stopped LEASE_EXPIRED; checkpoint 1/0#1.1");
  EXPECT_TRUE(w.machine.Statuses(w.now)[0].checkpoint.has_value());
}

TEST(Machine, AnOrderThatMakesNoSenseIsRefused) {
  World w;
  EXPECT_EQ(
      w.Order(StartOrder{.key = kFirst, .spec = World::OneCore(), .invalid = "no such signal"}),
      "");
  EXPECT_EQ(w.Report(), "1/0#1 refused INVALID_ORDER");
}

TEST(Machine, StopWhileSealing) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  w.Order(LeaveOrder{.key = kFirst});
  w.Saved(kFirst, StopCause::kLeave);
  EXPECT_EQ(w.Order(StopOrder{.key = kFirst, .reason = "CANCELLED"}), "");
  EXPECT_EQ(w.Sealed(kFirst), "remove 1/0#1.1; save 1/0#1 stopped CANCELLED");
  EXPECT_TRUE(w.machine.Checkpoints().empty());
}

TEST(Machine, StopWhileStartingReachesTheProcess) {
  World w;
  w.Start(kFirst, World::OneCore());
  EXPECT_EQ(w.Order(StopOrder{.key = kFirst, .reason = "CANCELLED"}), "stop 1/0#1");
  EXPECT_EQ(w.Launched(kFirst), "");
  w.Exit(kFirst, {.kind = ExitKind::kSignaled, .signal = 15, .cause = StopCause::kStop});
  EXPECT_EQ(w.Report(), "1/0#1 stopped CANCELLED");
}

TEST(Machine, ForgettingWhatRunsStopsItFirst) {
  World w;
  w.Run(kFirst, World::OneCore());
  w.Report();
  EXPECT_EQ(w.Order(ForgetOrder{.key = kFirst}), "stop 1/0#1");
  EXPECT_EQ(w.Exit(kFirst, {.kind = ExitKind::kSignaled, .signal = 9, .cause = StopCause::kStop}),
            "forget 1/0#1");
  EXPECT_EQ(w.Report(), "");
}

TEST(Machine, OrdersForWhatIsNotHereAreAnswered) {
  World w;
  EXPECT_EQ(w.Order(StopOrder{.key = kFirst}), "");
  EXPECT_EQ(w.Report(), "1/0#1 stopped UNKNOWN_ATTEMPT");
  w.Order(LeaveOrder{.key = kFirst});
  EXPECT_EQ(w.Report(), "1/0#1 stopped UNKNOWN_ATTEMPT");
  EXPECT_EQ(w.Start(kFirst, World::OneCore()), "") << "the STOP wins over a START that comes later";
  EXPECT_EQ(w.Report(), "1/0#1 refused STALE_ATTEMPT");
  EXPECT_EQ(w.Order(ForgetOrder{.key = kFirst}), "");
  EXPECT_EQ(w.Report(), "");
}

TEST(Machine, PeriodicCheckpointsGoOnInTheSameAttempt) {
  World w;
  AttemptSpec spec = World::Checkpointing();
  spec.checkpoint_interval = absl::Minutes(5);
  w.Run(kFirst, spec);
  EXPECT_EQ(w.machine.NextTimer(), w.now.scheduling + absl::Minutes(5));
  w.Report();
  EXPECT_EQ(w.After(absl::Minutes(5)), "leave 1/0#1");
  EXPECT_EQ(w.Saved(kFirst, StopCause::kLeave), "seal 1/0#1.1 copy after 1m");
  EXPECT_EQ(w.Report(), "") << "for the scheduler it runs all the time";
  EXPECT_EQ(w.Sealed(kFirst), "launch 1/0#1 2");
  EXPECT_EQ(w.Report(), "1/0#1 running; checkpoint 1/0#1.1");
  w.Launched(kFirst, 2);
  w.After(absl::Minutes(5));
  EXPECT_EQ(w.Saved(kFirst, StopCause::kLeave, 2), "seal 1/0#1.2 copy after 2m");
}

TEST(Machine, ACheckpointThatCannotBeSealedIsSkippedOrMissing) {
  World w;
  AttemptSpec spec = World::Checkpointing();
  spec.checkpoint_interval = absl::Minutes(5);
  w.Run(kFirst, spec);
  w.After(absl::Minutes(5));
  w.Saved(kFirst, StopCause::kLeave);
  EXPECT_EQ(w.Do(SealFailed{.key = Seq(kFirst, 1), .detail = "disk full"}), "launch 1/0#1 2")
      << "a periodic one: the job goes on";
  w.Launched(kFirst, 2);
  w.Order(LeaveOrder{.key = kFirst, .reason = "MOVE"});
  w.Saved(kFirst, StopCause::kLeave, 2);
  EXPECT_EQ(w.Do(SealFailed{.key = Seq(kFirst, 2), .detail = "disk full"}),
            "save 1/0#1 unsaved CHECKPOINT_FAILED");
}

TEST(Machine, SavingOfItsOwnAccordIsTheSame) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  EXPECT_EQ(w.Saved(kFirst, StopCause::kNone), "seal 1/0#1.1 copy after 1m");
  EXPECT_EQ(w.Sealed(kFirst), "launch 1/0#1 2");
}

TEST(Machine, AJobThatSavesAndExitsAtOnceAgainAndAgainDoesNotSpin) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  w.Exit(kFirst, {.code = 85, .checkpointed = true, .started = w.now.real - absl::Milliseconds(1)});
  EXPECT_EQ(w.Sealed(kFirst), "");
  EXPECT_EQ(w.machine.NextTimer(), w.now.scheduling + absl::Seconds(10));
  EXPECT_EQ(w.After(absl::Seconds(10)), "launch 1/0#1 2");
}

TEST(Machine, ALeaveDuringAPeriodicCheckpointLeavesAfterIt) {
  World w;
  AttemptSpec spec = World::Checkpointing();
  spec.checkpoint_interval = absl::Minutes(5);
  w.Run(kFirst, spec);
  w.After(absl::Minutes(5));
  w.Report();
  EXPECT_EQ(w.Order(LeaveOrder{.key = kFirst, .reason = "MOVE"}), "") << "it saves already";
  EXPECT_EQ(w.Report(), "1/0#1 checkpointing");
  EXPECT_EQ(w.Saved(kFirst, StopCause::kLeave), "seal 1/0#1.1 move after 1m");
  EXPECT_EQ(w.Sealed(kFirst), "save 1/0#1 left MOVE");
}

TEST(Machine, UnreleasedCheckpointsDoNotPileUp) {
  World w;
  AttemptSpec spec = World::Checkpointing();
  spec.checkpoint_interval = absl::Minutes(5);
  w.Run(kFirst, spec);
  for (uint32_t i = 1; i <= 4; ++i) {
    ASSERT_EQ(w.After(absl::Minutes(5)), "leave 1/0#1");
    w.Saved(kFirst, StopCause::kLeave, i);
    w.Sealed(kFirst, i);
    w.Launched(kFirst, i + 1);
  }
  EXPECT_EQ(w.After(absl::Minutes(5)), "");
  w.Order(ReleaseOrder{.key = Seq(kFirst, 1)});
  EXPECT_EQ(w.After(absl::Minutes(5)), "leave 1/0#1");
}

TEST(Machine, FreezesAtASpikeAndThawsAfterIt) {
  World w;
  w.Run(kFirst, World::OneCore());
  w.Run(kOther, World::OneCore());
  w.Report();
  EXPECT_EQ(w.Load(2500), "freeze 2/0#1") << "the newest";
  EXPECT_EQ(w.Report(), "2/0#1 frozen");
  w.After(absl::Minutes(1));
  EXPECT_EQ(w.Load(2000), "") << "hysteresis";
  EXPECT_EQ(w.Load(1000), "run 2/0#1");
  EXPECT_EQ(w.Report(), "2/0#1 running");
}

TEST(Machine, FrozenTimeIsNotRunningTime) {
  World w;
  w.Run(kFirst, World::OneCore());
  w.After(absl::Minutes(1));
  w.Load(3900);
  w.After(absl::Minutes(3));
  EXPECT_EQ(w.machine.Statuses(w.now)[0].run_time, absl::Minutes(1));
  w.Load(0);
  w.After(absl::Minutes(1));
  w.Exit(kFirst, {.code = 0, .started = w.now.real - absl::Minutes(5)});
  EXPECT_EQ(w.machine.Statuses(w.now)[0].run_time, absl::Minutes(2));
}

TEST(Machine, LastingPressureMakesItLeave) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  w.Run(kOther, World::OneCore());
  w.Load(4000);
  EXPECT_EQ(w.machine.NextTimer(), w.now.scheduling + absl::Minutes(10));
  EXPECT_EQ(w.After(absl::Minutes(9)), "");
  EXPECT_EQ(w.After(absl::Minutes(1)), "leave 1/0#1")
      << "what cannot checkpoint stays frozen, it is never killed";
  EXPECT_EQ(w.machine.Statuses(w.now)[0].reason, "FOREGROUND_PRESSURE");
  EXPECT_EQ(w.Load(0), "run 2/0#1");
  w.Saved(kFirst, StopCause::kLeave);
  EXPECT_EQ(w.Sealed(kFirst), "save 1/0#1 left FOREGROUND_PRESSURE");
}

TEST(Machine, HoldsCopiesWithinResidency) {
  World w;
  const CheckpointKey key = Seq(kFirst, 2);
  EXPECT_EQ(w.Order(HoldOrder{.source = {.key = key}, .jurisdictions = {"DE"}}), "hold 1/0#1.2");
  EXPECT_EQ(w.Order(HoldOrder{.source = {.key = key}, .jurisdictions = {"DE"}}), "");
  w.Do(HoldDone{.checkpoint = {.key = key}});
  EXPECT_EQ(w.Report(), "checkpoint 1/0#1.2");
  w.Order(HoldOrder{.source = {.key = key}, .jurisdictions = {"DE"}});
  EXPECT_EQ(w.Report(), "checkpoint 1/0#1.2") << "asked again, answered again";
  EXPECT_EQ(w.Order(ReleaseOrder{.key = key}), "remove 1/0#1.2");

  EXPECT_EQ(w.Order(HoldOrder{.source = {.key = key}, .jurisdictions = {"CN"}}), "");
  EXPECT_EQ(w.Report(), "checkpoint 1/0#1.2 RESIDENCY: this node is in jurisdiction \"DE\"");

  w.Order(HoldOrder{.source = {.key = key}, .jurisdictions = {"*"}});
  w.Do(HoldFailed{.key = key, .detail = "nobody answers"});
  EXPECT_EQ(w.Report(), "checkpoint 1/0#1.2 nobody answers");
  EXPECT_EQ(w.Report(), "") << "told once";
}

TEST(Machine, HoldsNoMoreCopiesThanItsLimitAtOnce) {
  World w;
  const auto hold = [](uint32_t sequence) {
    return HoldOrder{.source = {.key = Seq(kFirst, sequence)}, .jurisdictions = {"*"}};
  };
  for (uint32_t i = 1; i <= 10'000; ++i) w.Order(hold(i));
  w.Order(hold(10'001));
  EXPECT_THAT(w.Report(), testing::HasSubstr("1/0#1.10001 TOO_MANY_COPIES: 10000 copies are"));
  w.Do(HoldFailed{.key = Seq(kFirst, 7), .detail = "nobody answers"});
  EXPECT_EQ(w.Order(hold(10'001)), "hold 1/0#1.10001");
}

TEST(Machine, ReleaseCancelsACopyThatIsComing) {
  World w;
  w.Order(HoldOrder{.source = {.key = Seq(kFirst, 2)}, .jurisdictions = {"*"}});
  EXPECT_EQ(w.Order(ReleaseOrder{.key = Seq(kFirst, 2)}), "remove 1/0#1.2");
  w.Do(HoldFailed{.key = Seq(kFirst, 2), .detail = "cancelled"});
  EXPECT_EQ(w.Report(), "");
}

// Told at once and not offered any more, so that the scheduler counts on another copy.
TEST(Machine, ADamagedCheckpointIsGivenUp) {
  World w;
  AttemptSpec spec = World::Checkpointing();
  spec.checkpoint_interval = absl::Minutes(5);
  w.Run(kFirst, spec);
  w.After(absl::Minutes(5));
  w.Saved(kFirst, StopCause::kLeave);
  w.Sealed(kFirst);
  w.Launched(kFirst, 2);
  w.Report();
  const std::string digest = w.machine.Checkpoints().at(0).digest;
  EXPECT_EQ(w.Do(CheckpointLost{.key = Seq(kFirst, 1), .digest = "another's", .detail = "?"}), "")
      << "what is not held cannot be lost";
  EXPECT_EQ(w.Do(CheckpointLost{.key = Seq(kFirst, 1), .digest = digest, .detail = "bad sector"}),
            "remove 1/0#1.1");
  EXPECT_EQ(w.Report(), "checkpoint 1/0#1.1 CHECKPOINT_DAMAGED: bad sector");
  EXPECT_TRUE(w.machine.Checkpoints().empty());
  EXPECT_FALSE(w.machine.Statuses(w.now).at(0).checkpoint.has_value());
  EXPECT_EQ(w.Do(CheckpointLost{.key = Seq(kFirst, 1), .digest = digest, .detail = "twice"}), "");
}

TEST(Machine, WhatTheAgentCouldNotStartIsRefused) {
  World w;
  w.Start(kFirst, World::OneCore());
  EXPECT_EQ(w.Do(LaunchFailed{.key = kFirst, .incarnation = 1, .detail = "no such user"}),
            "save 1/0#1 refused CANNOT_START");
}

// The fault of the node, and its work is saved: not the job's failure.
TEST(Machine, WhatCouldNotGoOnAfterAPeriodicCheckpointIsStopped) {
  World w;
  AttemptSpec spec = World::Checkpointing();
  spec.checkpoint_interval = absl::Minutes(5);
  w.Run(kFirst, spec);
  w.After(absl::Minutes(5));
  w.Saved(kFirst, StopCause::kLeave);
  EXPECT_EQ(w.Sealed(kFirst), "launch 1/0#1 2");
  EXPECT_EQ(w.Do(LaunchFailed{.key = kFirst, .incarnation = 2, .detail = "disk full"}),
            "save 1/0#1 stopped CANNOT_START");
}

TEST(Machine, LateResultsOfAnEarlierProcessChangeNothing) {
  World w;
  w.Run(kFirst, World::Checkpointing());
  w.Saved(kFirst, StopCause::kNone);
  w.Sealed(kFirst);
  w.Launched(kFirst, 2);
  w.Report();
  EXPECT_EQ(w.Saved(kFirst, StopCause::kNone, 1), "");
  EXPECT_EQ(w.Exit(kFirst, {.incarnation = 1, .code = 3}), "");
  EXPECT_EQ(w.Launched(kFirst, 1), "");
  EXPECT_EQ(w.Report(), "");
}

}  // namespace
}  // namespace heliotrope::agent
