// Checkpoints: made, moved between agents, kept and deleted.
#include <gmock/gmock.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "scheduler/wire/time.h"
#include "tests/agent/daemon/agent_fixture.h"

namespace heliotrope::agent::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using v1::AttemptStatus;

class Carry : public AgentTest {
 protected:
  v1::RestoreSource SourceOf(const v1::CheckpointStatus& checkpoint,
                             const std::vector<std::string>& nodes) {
    v1::RestoreSource source;
    *source.mutable_key() = checkpoint.key();
    source.set_digest(checkpoint.digest());
    source.set_size_bytes(checkpoint.size_bytes());
    for (const std::string& node : nodes) source.add_addresses(Address(node));
    return source;
  }

  // Runs it for a moment and lets it leave.
  v1::CheckpointStatus LeftWith(const std::string& node, const v1::AttemptOrder& order) {
    EXPECT_TRUE(scheduler_.Send(node, order));
    EXPECT_TRUE(Reaches(order, AttemptStatus::PHASE_RUNNING));
    EXPECT_TRUE(
        scheduler_.Until([&] { return Output(node, order).find("begun") != std::string::npos; }));
    EXPECT_TRUE(scheduler_.Send(node, Order(order, v1::AttemptOrder::ACTION_LEAVE, "MOVE")));
    EXPECT_TRUE(Reaches(order, AttemptStatus::PHASE_LEFT));
    return Status(order).checkpoint();
  }
};

TEST_F(Carry, AMoveCarriesTheWork) {
  StartAgent("node-a");
  StartAgent("node-b", {.jurisdiction = "FR"});
  const v1::AttemptOrder first = Counting(1, 1, 1'000'000);
  const v1::CheckpointStatus checkpoint = LeftWith("node-a", first);
  EXPECT_EQ(Status(first).reason(), "MOVE");
  EXPECT_EQ(Output("node-a", first), "from 0\nbegun\n");

  v1::AttemptOrder second = Counting(1, 2, 1);
  *second.mutable_start()->mutable_restore() = SourceOf(checkpoint, {"node-a"});
  ASSERT_TRUE(scheduler_.Send("node-b", second));
  ASSERT_TRUE(Reaches(second, AttemptStatus::PHASE_SUCCEEDED));
  EXPECT_THAT(Output("node-b", second), Not(HasSubstr("from 0\n")));
  EXPECT_THAT(Output("node-b", second), HasSubstr("counted "));

  // Kept at the source until it is released.
  v1::CheckpointOrder release;
  release.set_action(v1::CheckpointOrder::ACTION_RELEASE);
  *release.mutable_key() = checkpoint.key();
  const std::string folder = directory_ + "/node-a/state/checkpoints/1.0-1.1";
  EXPECT_EQ(access(folder.c_str(), F_OK), 0);
  ASSERT_TRUE(scheduler_.Send("node-a", release));
  EXPECT_TRUE(scheduler_.Until([&] { return access(folder.c_str(), F_OK) != 0; }));
}

TEST_F(Carry, GoesOnWhereItWas) {
  StartAgent("node-a");
  const v1::CheckpointStatus checkpoint = LeftWith("node-a", Counting(1, 1, 1'000'000));
  v1::AttemptOrder second = Counting(1, 2, 1);
  *second.mutable_start()->mutable_restore() = SourceOf(checkpoint, {});
  ASSERT_TRUE(scheduler_.Send("node-a", second));
  ASSERT_TRUE(Reaches(second, AttemptStatus::PHASE_SUCCEEDED));
  EXPECT_THAT(Output("node-a", second), Not(HasSubstr("from 0\n")));
}

TEST_F(Carry, TheHolderRefusesAPullerElsewhere) {
  StartAgent("node-a");
  StartAgent("node-cn", {.jurisdiction = "CN"});
  const v1::CheckpointStatus checkpoint = LeftWith("node-a", Counting(1, 1, 1'000'000));
  // A scheduler gone wrong: the order says that it may be anywhere.
  v1::AttemptOrder second = Counting(1, 2, 1);
  second.mutable_start()->clear_jurisdictions();
  second.mutable_start()->add_jurisdictions("*");
  *second.mutable_start()->mutable_restore() = SourceOf(checkpoint, {"node-a"});
  ASSERT_TRUE(scheduler_.Send("node-cn", second));
  ASSERT_TRUE(Reaches(second, AttemptStatus::PHASE_FETCH_FAILED));
  EXPECT_EQ(Status(second).reason(), "RESIDENCY");
  v1::CheckpointOrder hold;
  hold.set_action(v1::CheckpointOrder::ACTION_HOLD);
  *hold.mutable_key() = checkpoint.key();
  *hold.mutable_source() = SourceOf(checkpoint, {"node-a"});
  hold.add_jurisdictions("*");
  ASSERT_TRUE(scheduler_.Send("node-cn", hold));
  EXPECT_TRUE(scheduler_.Until([&] {
    return !scheduler_.Checkpoint("node-cn", KeyText(checkpoint.key())).failure().empty();
  }));
  EXPECT_NE(access((directory_ + "/node-cn/state/checkpoints/1.0-1.1").c_str(), F_OK), 0);
}

TEST_F(Carry, WhatNobodyHasFailsTheStart) {
  StartAgent("node-a");
  v1::AttemptOrder order = Counting(1, 2, 1);
  v1::RestoreSource& source = *order.mutable_start()->mutable_restore();
  source.mutable_key()->mutable_attempt()->set_job_uid(1);
  source.mutable_key()->mutable_attempt()->set_attempt(1);
  source.mutable_key()->set_sequence(1);
  source.set_digest(std::string(32, 'd'));
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_FETCH_FAILED));
  EXPECT_EQ(Status(order).reason(), "CHECKPOINT_UNAVAILABLE");
}

TEST_F(Carry, PeriodicCheckpointsGoOnHereAndACopyIsHeldElsewhere) {
  // An interval of half an hour is three seconds: a job that is told to save before it has come so far
  // as to listen ends by the signal.
  scheduler_.speed = 600;
  StartAgent("node-a");
  StartAgent("node-b");
  v1::AttemptOrder order = Counting(1, 1, 1'000'000);
  *order.mutable_start()->mutable_task()->mutable_checkpoint()->mutable_interval() =
      wire::ToProto(absl::Minutes(30));
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(scheduler_.Until([&] { return Status(order).checkpoint().key().sequence() >= 2; }));
  EXPECT_EQ(Status(order).phase(), AttemptStatus::PHASE_RUNNING) << "all the time";
  const v1::CheckpointStatus checkpoint = Status(order).checkpoint();
  v1::CheckpointOrder hold;
  hold.set_action(v1::CheckpointOrder::ACTION_HOLD);
  *hold.mutable_key() = checkpoint.key();
  *hold.mutable_source() = SourceOf(checkpoint, {"node-a"});
  hold.add_jurisdictions("DE");
  ASSERT_TRUE(scheduler_.Send("node-b", hold));
  EXPECT_TRUE(scheduler_.Until([&] {
    return scheduler_.Checkpoint("node-b", KeyText(checkpoint.key())).digest() ==
           checkpoint.digest();
  }));
  EXPECT_TRUE(scheduler_.Until([&] {
    const std::string text = Output("node-a", order);
    return text.find("from 0\n") == 0 && text.find("from ", 5) != std::string::npos;
  })) << "the same attempt, the same log, another process";
}

TEST_F(Carry, WhatDoesNotSaveInTimeIsUnsaved) {
  StartAgent("node-a");
  v1::AttemptOrder order = Counting(1, 1, 1);
  order.mutable_start()->mutable_task()->set_command(
      2, "trap '' TERM; echo begun; while :; do sleep 1; done");
  *order.mutable_start()->mutable_task()->mutable_checkpoint()->mutable_grace() =
      wire::ToProto(absl::Milliseconds(300));
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_RUNNING));
  ASSERT_TRUE(
      scheduler_.Until([&] { return Output("node-a", order).find("begun") != std::string::npos; }));
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_LEAVE, "MOVE")));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_UNSAVED));
  EXPECT_EQ(Status(order).reason(), "CHECKPOINT_FAILED");
}

}  // namespace
}  // namespace heliotrope::agent::daemon
