#include "agent/link/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <functional>

#include "scheduler/wire/time.h"

namespace heliotrope::agent::link {
namespace {

using ::testing::HasSubstr;

v1::AttemptOrder Start() {
  v1::AttemptOrder order;
  order.set_action(v1::AttemptOrder::ACTION_START);
  order.mutable_key()->set_job_uid(12);
  order.mutable_key()->set_task_index(7);
  order.mutable_key()->set_attempt(3);
  v1::StartOrder& start = *order.mutable_start();
  start.set_job_name("jobs/nightly-7");
  start.add_jurisdictions("DE");
  start.mutable_task()->add_command("/bin/true");
  start.mutable_task()->set_milli_cores(1500);
  start.mutable_task()->set_memory_bytes(1 << 20);
  (*start.mutable_task()->mutable_environment())["COLOUR"] = "blue";
  *start.mutable_deadline() = wire::ToProto(absl::FromUnixSeconds(1'767'254'400));
  v1::Checkpointing& checkpoint = *start.mutable_task()->mutable_checkpoint();
  checkpoint.set_signal("SIGUSR1");
  *checkpoint.mutable_grace() = wire::ToProto(absl::Seconds(7));
  *checkpoint.mutable_interval() = wire::ToProto(absl::Minutes(5));
  return order;
}

TEST(Convert, AStartBecomesWhatTheCoreDecidesOn) {
  const auto order = FromProto(Start());
  ASSERT_TRUE(order.ok()) << order.status();
  const auto& start = std::get<StartOrder>(*order);
  EXPECT_EQ(start.invalid, "");
  EXPECT_EQ(ToString(start.key), "12/7#3");
  EXPECT_EQ(start.spec.cores, MilliCores::FromMilli(1500));
  EXPECT_TRUE(start.spec.can_checkpoint);
  EXPECT_EQ(start.spec.checkpoint_interval, absl::Minutes(5));
  EXPECT_EQ(start.spec.jurisdictions, std::vector<std::string>{"DE"});
}

TEST(Convert, TheJobsEnvironment) {
  const auto launch = LaunchOf(Start(), {.data_center = "frankfurt-1"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_EQ(launch->environment,
            (std::map<std::string, std::string>{{"COLOUR", "blue"},
                                                {"HELIOTROPE_JOB_ID", "nightly-7"},
                                                {"HELIOTROPE_TASK_INDEX", "7"},
                                                {"HELIOTROPE_ATTEMPT", "3"},
                                                {"HELIOTROPE_DATACENTER", "frankfurt-1"},
                                                {"HELIOTROPE_DEADLINE", "2026-01-01T08:00:00Z"}}));
  EXPECT_EQ(launch->checkpoint_signal, SIGUSR1);
  EXPECT_EQ(launch->grace, absl::Seconds(7));
  EXPECT_EQ(launch->checkpoint_exit_code, 85);
}

TEST(Convert, OnlyWhatIsToContinueOutlivesItsLease) {
  v1::AttemptOrder order = Start();
  const auto outlives = [&order](int policy) {
    order.mutable_start()->mutable_task()->set_on_disconnect(
        static_cast<v1::TaskTemplate::OnDisconnect>(policy));
    const bool core = std::get<StartOrder>(*FromProto(order)).spec.outlives_lease;
    EXPECT_EQ(LaunchOf(order, {})->outlives_lease, core);
    return core;
  };
  EXPECT_FALSE(outlives(v1::TaskTemplate::ON_DISCONNECT_UNSPECIFIED));
  EXPECT_FALSE(outlives(v1::TaskTemplate::ON_DISCONNECT_STOP));
  EXPECT_TRUE(outlives(v1::TaskTemplate::ON_DISCONNECT_CONTINUE));
  EXPECT_FALSE(outlives(77)) << "a policy of a later scheduler";
}

TEST(Convert, WithoutAContractItCannotCheckpoint) {
  v1::AttemptOrder order = Start();
  order.mutable_start()->mutable_task()->clear_checkpoint();
  EXPECT_TRUE(LaunchOf(order, {}).ok());
  EXPECT_FALSE(std::get<StartOrder>(*FromProto(order)).spec.can_checkpoint);
}

TEST(Convert, AStartThatMakesNoSenseSaysWhy) {
  const struct {
    const char* name;
    std::function<void(v1::StartOrder&)> change;
    const char* want;
  } cases[] = {
      {"no command", [](auto& s) { s.mutable_task()->clear_command(); }, "task.command"},
      {"no job", [](auto& s) { s.set_job_name("nightly"); }, "name"},
      {"no signal", [](auto& s) { s.mutable_task()->mutable_checkpoint()->set_signal("SIGNONE"); },
       "SIGNONE"},
      {"uncatchable",
       [](auto& s) { s.mutable_task()->mutable_checkpoint()->set_signal("SIGKILL"); }, "SIGKILL"},
      {"exit code", [](auto& s) { s.mutable_task()->mutable_checkpoint()->set_exit_code(256); },
       "256"},
      {"interval",
       [](auto& s) { s.mutable_task()->mutable_checkpoint()->mutable_interval()->set_seconds(-1); },
       "interval"},
      {"digest", [](auto& s) { s.mutable_restore()->set_digest("short"); }, "digest"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    v1::AttemptOrder order = Start();
    c.change(*order.mutable_start());
    const auto converted = FromProto(order);
    ASSERT_TRUE(converted.ok()) << "it must be refused by key, not dropped";
    EXPECT_THAT(std::get<StartOrder>(*converted).invalid, HasSubstr(c.want));
  }
}

TEST(Convert, AStatusGoesThereAndBack) {
  const AttemptStatus status{
      .key = {.task = {.job = JobUid(1), .index = 2}, .attempt = AttemptNumber(3)},
      .phase = Phase::kLeft,
      .start_time = absl::FromUnixSeconds(100),
      .end_time = absl::FromUnixSeconds(200),
      .exit_code = 85,
      .reason = "MOVE",
      .detail = "why",
      .checkpoint = CheckpointInfo{.key = {.attempt = {.task = {.job = JobUid(1), .index = 2},
                                                       .attempt = AttemptNumber(3)},
                                           .sequence = CheckpointSeq(1)},
                                   .digest = std::string(32, 'd'),
                                   .size = Bytes::FromBytes(5),
                                   .run_time = absl::Seconds(90)},
      .cpu_time = absl::Milliseconds(1500),
      .max_memory = Bytes::FromMiB(3),
      .run_time = absl::Seconds(100)};
  const auto back = FromProto(ToProto(status));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, status);
  EXPECT_FALSE(FromProto(v1::AttemptStatus()).ok());
}

TEST(Convert, TextsAreFitForTheWire) {
  EXPECT_EQ(Clean("caf\xc3\xa9\nline"), "caf?? line");
  EXPECT_EQ(Clean(std::string(5000, 'x')).size(), 1024u);
}

TEST(Convert, UnknownActionsAreErrors) {
  EXPECT_FALSE(FromProto(v1::AttemptOrder()).ok());
  EXPECT_FALSE(FromProto(v1::CheckpointOrder()).ok());
  v1::CheckpointOrder hold;
  hold.set_action(v1::CheckpointOrder::ACTION_HOLD);
  hold.mutable_key()->set_sequence(2);
  hold.mutable_source()->set_digest(std::string(32, 'd'));
  EXPECT_FALSE(FromProto(hold).ok()) << "HOLD of another checkpoint than its source";
}

}  // namespace
}  // namespace heliotrope::agent::link
