// One agent and its attempts, from the order to the outcome.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "scheduler/os/files.h"
#include "scheduler/wire/time.h"
#include "tests/agent/daemon/agent_fixture.h"

namespace heliotrope::agent::daemon {
namespace {

using ::testing::HasSubstr;
using Attempts = AgentTest;
using v1::AttemptStatus;

TEST_F(Attempts, SaysWhoItIs) {
  StartAgent("node-a");
  const v1::Hello hello = scheduler_.hellos().at(0);
  EXPECT_EQ(hello.node_id(), "node-a");
  EXPECT_EQ(hello.data_center(), "frankfurt-1");
  EXPECT_EQ(hello.jurisdiction(), "DE");
  EXPECT_EQ(hello.capacity_milli_cores(), 1'000'000);
  EXPECT_EQ(hello.address(), Address("node-a"));
  EXPECT_EQ(hello.instance_id().size(), 32u);
  EXPECT_EQ(hello.attempts_size(), 0);
}

TEST_F(Attempts, RunsToItsEnd) {
  StartAgent("node-a");
  v1::AttemptOrder order =
      Start(7, 3,
            "echo $HELIOTROPE_JOB_ID $HELIOTROPE_TASK_INDEX $HELIOTROPE_ATTEMPT "
            "$HELIOTROPE_DATACENTER $HELIOTROPE_DEADLINE $COLOUR; "
            "echo x > scratch; echo 42 > $HELIOTROPE_OUTPUT_DIR/result; echo x > "
            "$HELIOTROPE_OUTPUT_DIR/junk");
  (*order.mutable_start()->mutable_task()->mutable_environment())["COLOUR"] = "blue";
  order.mutable_start()->mutable_task()->add_outputs("result*");
  *order.mutable_start()->mutable_deadline() = wire::ToProto(absl::FromUnixSeconds(1'767'254'400));
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_SUCCEEDED));
  const AttemptStatus status = Status(order);
  EXPECT_EQ(status.exit_code(), 0);
  EXPECT_TRUE(status.has_start_time());
  EXPECT_TRUE(status.has_end_time());
  EXPECT_GE(status.max_memory_bytes(), 100'000);
  EXPECT_EQ(Output("node-a", order), "job-7 0 3 frankfurt-1 2026-01-01T08:00:00Z blue\n");

  // Forgotten, logs and the outputs that were asked for are still served.
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_FORGET)));
  const std::string root = AttemptDirectory("node-a", "7.0-3");
  ASSERT_TRUE(scheduler_.Until([&] { return access((root + "/done").c_str(), F_OK) == 0; }));
  EXPECT_EQ(Output("node-a", order), "job-7 0 3 frankfurt-1 2026-01-01T08:00:00Z blue\n");
  EXPECT_EQ(*os::ReadFile(root + "/output/result", 100), "42\n");
  EXPECT_NE(access((root + "/output/junk").c_str(), F_OK), 0);
  EXPECT_NE(access((root + "/work").c_str(), F_OK), 0);
}

TEST_F(Attempts, TasksGetToTheirDirectoriesUnderAnyUmask) {
  // Once with ours, for the directories that the test itself makes.
  StartAgent("node-a");
  EndAgent("node-a", SIGTERM);
  const mode_t before = umask(077);
  StartAgent("node-a");
  umask(before);
  const v1::AttemptOrder order = Start(7, 3, "true");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_SUCCEEDED));
  struct stat info;
  ASSERT_EQ(stat(AttemptDirectory("node-a", "7.0-3").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0711u);
}

TEST_F(Attempts, FailuresSayHow) {
  StartAgent("node-a");
  const v1::AttemptOrder code = Start(1, 1, "exit 3");
  const v1::AttemptOrder signal = Start(2, 1, "kill -SEGV $$");
  v1::AttemptOrder program = Start(3, 1, "");
  program.mutable_start()->mutable_task()->set_command(0, "/no/such/program");
  for (const auto& order : {code, signal, program}) {
    ASSERT_TRUE(scheduler_.Send("node-a", order));
    ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_FAILED));
  }
  EXPECT_EQ(Status(code).exit_code(), 3);
  EXPECT_EQ(Status(code).reason(), "EXITED");
  EXPECT_EQ(Status(signal).exit_signal(), SIGSEGV);
  EXPECT_EQ(Status(signal).reason(), "SIGNALED");
  EXPECT_EQ(Status(program).reason(), "EXEC_FAILED");
  EXPECT_THAT(Status(program).detail(), HasSubstr("/no/such/program"));
}

TEST_F(Attempts, StopEndsTheWholeTree) {
  StartAgent("node-a");
  const v1::AttemptOrder order =
      Start(1, 1, "(trap '' TERM; sleep 1000) & echo $! > pid; echo $$ >> pid; wait; sleep 1000");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_RUNNING));
  const std::string pid_file = AttemptDirectory("node-a", "1.0-1") + "/work/pid";
  std::string pids;
  ASSERT_TRUE(scheduler_.Until([&] {
    pids = os::ReadFile(pid_file, 100).value_or("");
    return std::count(pids.begin(), pids.end(), '\n') == 2;
  }));
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_STOP, "CANCELLED")));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_STOPPED));
  EXPECT_EQ(Status(order).reason(), "CANCELLED");
  EXPECT_NE(kill(std::stoi(pids), 0), 0) << "a child is alive";
}

TEST_F(Attempts, RefusesWhatMayNotBeHere) {
  StartAgent("node-a");
  v1::AttemptOrder order = Start(1, 1, "echo must not run");
  order.mutable_start()->clear_jurisdictions();
  order.mutable_start()->add_jurisdictions("CN");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_REFUSED));
  EXPECT_EQ(Status(order).reason(), "RESIDENCY");
  EXPECT_NE(access(AttemptDirectory("node-a", "1.0-1").c_str(), F_OK), 0) << "nothing was made";
  EXPECT_THAT(Metrics("node-a"),
              HasSubstr("heliotrope_agent_refusals_total{reason=\"RESIDENCY\"} 1"));
}

TEST_F(Attempts, RefusesWhatMakesNoSense) {
  StartAgent("node-a");
  v1::AttemptOrder order = Start(1, 1, "true");
  order.mutable_start()->mutable_task()->mutable_checkpoint()->set_signal("SIGNAL");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_REFUSED));
  EXPECT_EQ(Status(order).reason(), "INVALID_ORDER");
  EXPECT_THAT(Status(order).detail(), HasSubstr("SIGNAL"));
}

TEST_F(Attempts, AllOfThemRunAndEnd) {
  scheduler_.SetForgetting(true);
  StartAgent("node-a");
  v1::Orders orders;
  constexpr int kCount = 300;
  for (uint64_t job = 1; job <= kCount; ++job) *orders.add_attempts() = Start(job, 1, "exit 0");
  ASSERT_TRUE(scheduler_.SendOrders("node-a", orders));
  // A second copy of the orders, as after a lost stream, starts nothing again.
  ASSERT_TRUE(scheduler_.SendOrders("node-a", orders));
  EXPECT_TRUE(scheduler_.Until([&] { return scheduler_.ended() == kCount; }))
      << scheduler_.ended() << " ended";
  EXPECT_THAT(Metrics("node-a"), HasSubstr("heliotrope_agent_starts_total 300\n"));
  EXPECT_THAT(Metrics("node-a"),
              HasSubstr("heliotrope_agent_ends_total{phase=\"succeeded\"} 300\n"));
}

TEST_F(Attempts, WithoutARenewedLeaseTheJobIsStoppedInTimeAndItsWorkKept) {
  scheduler_.lease = absl::Seconds(12);
  StartAgent("node-a");
  v1::AttemptOrder order = Counting(1, 1, 1'000'000);
  // Batch has the lowest priority: a busy host lets it wait for seconds.
  *order.mutable_start()->mutable_task()->mutable_checkpoint()->mutable_grace() =
      wire::ToProto(absl::Seconds(7));
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(
      scheduler_.Until([&] { return Output("node-a", order).find("begun") != std::string::npos; }));
  scheduler_.SetGranting(false);
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_STOPPED));
  EXPECT_EQ(Status(order).reason(), "LEASE_EXPIRED");
  EXPECT_EQ(Status(order).checkpoint().key().sequence(), 1u);
  // Nothing new starts without a lease, and everything does with one.
  ASSERT_TRUE(scheduler_.Until([&] {
    return Metrics("node-a").find("heliotrope_agent_lease_remaining_seconds 0\n") !=
           std::string::npos;
  }));
  const v1::AttemptOrder next = Start(2, 1, "true");
  ASSERT_TRUE(scheduler_.Until([&] { return scheduler_.Send("node-a", next); }));
  ASSERT_TRUE(Reaches(next, AttemptStatus::PHASE_VERIFIED));
  scheduler_.SetGranting(true);
  ASSERT_TRUE(Reaches(next, AttemptStatus::PHASE_SUCCEEDED));
}

TEST_F(Attempts, AnOldSchedulerIsNotObeyed) {
  scheduler_.term = 5;
  StartAgent("node-a");
  const v1::AttemptOrder order = Start(1, 1, "sleep 1000");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_RUNNING));
  scheduler_.term = 4;
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_STOP)));
  ASSERT_TRUE(scheduler_.Until([&] {
    return Metrics("node-a").find("heliotrope_agent_stale_messages_total 0") == std::string::npos;
  }));
  EXPECT_EQ(Status(order).phase(), AttemptStatus::PHASE_RUNNING);
}

TEST_F(Attempts, ARefusedHelloIsLoggedAndTriedAgain) {
  scheduler_.refuse = absl::InvalidArgumentError("unknown data center \"frankfurt-1\"");
  StartAgent("node-a", {.wait_connected = false});
  ASSERT_TRUE(scheduler_.Until([&] { return scheduler_.refusals() >= 1; }));
  ASSERT_TRUE(scheduler_.Until(
      [&] { return Log("node-a").find("the scheduler refuses this agent") != std::string::npos; }));
  EXPECT_THAT(Log("node-a"), HasSubstr("unknown data center"));
  EXPECT_TRUE(IsRunning("node-a"));
}

}  // namespace
}  // namespace heliotrope::agent::daemon
