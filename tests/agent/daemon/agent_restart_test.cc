// An agent that ends, in whatever way, and the next one.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "scheduler/os/files.h"
#include "scheduler/wire/time.h"
#include "tests/agent/daemon/agent_fixture.h"

namespace heliotrope::agent::daemon {
namespace {

using ::testing::HasSubstr;
using v1::AttemptStatus;

class Restart : public AgentTest {
 protected:
  // What an agent says that ends instead of serving.
  std::string RefusalToServe(const std::string& node) {
    const std::string root = directory_ + "/" + node;
    const std::string command =
        absl::StrCat("timeout 30 ", HT_BIN_DIR, "/heliotrope-agent", " --config ", root,
                     "/agent.yaml 2> ", root, "/second");
    const int status = std::system(command.c_str());
    EXPECT_EQ(WEXITSTATUS(status), 1);
    return os::ReadFile(root + "/second", 1 << 20).value_or("");
  }
};

// It has begun to count, and listens for its signal.
#define COUNTS(order)           \
  ASSERT_TRUE(scheduler_.Until( \
      [&] { return Output("node-a", order).find("begun") != std::string::npos; }))

// A link to too long a name in a file's place: it cannot be opened, also by root, and may be the
// next time.
class Unreadable {
 public:
  explicit Unreadable(std::string path) : path_(std::move(path)) {
    EXPECT_EQ(rename(path_.c_str(), (path_ + ".away").c_str()), 0);
    EXPECT_EQ(symlink(std::string(300, 'a').c_str(), path_.c_str()), 0);
  }
  void Undo() const { EXPECT_EQ(rename((path_ + ".away").c_str(), path_.c_str()), 0); }

 private:
  const std::string path_;
};

TEST_F(Restart, AKilledAgentFindsItsAttemptsRunning) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Counting(1, 1, 20);
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_RUNNING));
  EXPECT_EQ(EndAgent("node-a", SIGKILL), SIGKILL);
  StartAgent("node-a");
  const v1::Hello hello = scheduler_.hellos().back();
  EXPECT_EQ(hello.instance_id(), scheduler_.hellos().front().instance_id());
  ASSERT_EQ(hello.attempts_size(), 1);
  EXPECT_EQ(hello.attempts(0).phase(), AttemptStatus::PHASE_RUNNING);
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_SUCCEEDED));
  EXPECT_EQ(Output("node-a", order), "from 0\nbegun\ncounted 20\n") << "it was not disturbed";
}

TEST_F(Restart, TermLeavesAttemptsRunning) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Counting(1, 1, 1'000'000);
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  COUNTS(order);
  const int status = EndAgent("node-a", SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  StartAgent("node-a");
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_LEAVE, "MOVE")));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_LEFT));
}

TEST_F(Restart, AnEndMeanwhileIsReported) {
  StartAgent("node-a");
  const std::string go = directory_ + "/go";
  const v1::AttemptOrder order =
      Start(1, 1, absl::StrCat("until test -e ", go, "; do sleep 0.02; done; exit 4"));
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_RUNNING));
  EndAgent("node-a", SIGKILL);
  std::ofstream(go).close();
  const std::string exit_record = AttemptDirectory("node-a", "1.0-1") + "/exit";
  ASSERT_TRUE(scheduler_.Until([&] { return access(exit_record.c_str(), F_OK) == 0; }));
  StartAgent("node-a");
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_FAILED));
  EXPECT_EQ(Status(order).exit_code(), 4);
}

TEST_F(Restart, AnOutcomeIsKeptUntilItIsForgotten) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Counting(1, 1, 1'000'000);
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  COUNTS(order);
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_LEAVE, "MOVE")));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_LEFT));
  const v1::CheckpointStatus checkpoint = Status(order).checkpoint();
  EndAgent("node-a", SIGKILL);
  StartAgent("node-a");
  const v1::Hello hello = scheduler_.hellos().back();
  ASSERT_EQ(hello.attempts_size(), 1);
  EXPECT_EQ(hello.attempts(0).phase(), AttemptStatus::PHASE_LEFT);
  EXPECT_EQ(hello.attempts(0).reason(), "MOVE");
  ASSERT_EQ(hello.checkpoints_size(), 1);
  EXPECT_EQ(hello.checkpoints(0).digest(), checkpoint.digest());
  // A START that comes late does not run it again; and after FORGET a restart knows nothing of it.
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_FORGET)));
  const std::string done = AttemptDirectory("node-a", "1.0-1") + "/done";
  ASSERT_TRUE(scheduler_.Until([&] { return access(done.c_str(), F_OK) == 0; }));
  EndAgent("node-a", SIGKILL);
  StartAgent("node-a");
  EXPECT_EQ(scheduler_.hellos().back().attempts_size(), 0);
  EXPECT_EQ(Output("node-a", order).substr(0, 5), "from ") << "its log is still served";
}

TEST_F(Restart, PeriodicCheckpointsGoOn) {
  scheduler_.speed = 600;
  StartAgent("node-a");
  v1::AttemptOrder order = Counting(1, 1, 1'000'000);
  *order.mutable_start()->mutable_task()->mutable_checkpoint()->mutable_interval() =
      wire::ToProto(absl::Minutes(10));
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(scheduler_.Until([&] { return Status(order).checkpoint().key().sequence() >= 1; }));
  EndAgent("node-a", SIGKILL);
  StartAgent("node-a");
  const uint32_t before = Status(order).checkpoint().key().sequence();
  EXPECT_GE(before, 1u) << "it knows them again";
  EXPECT_TRUE(
      scheduler_.Until([&] { return Status(order).checkpoint().key().sequence() > before; }));
}

TEST_F(Restart, ADirectoryIsOneAgents) {
  StartAgent("node-a");
  EXPECT_THAT(RefusalToServe("node-a"), HasSubstr("another agent runs"));
}

// What hello does not name is started elsewhere.
TEST_F(Restart, WithoutASoundOrderAnAttemptIsDeadBeforeHello) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Start(1, 1, "trap '' TERM; echo $$; exec sleep 1000");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(scheduler_.Until([&] { return absl::StrContains(Output("node-a", order), "\n"); }));
  const pid_t pid = std::stoi(Output("node-a", order));
  ASSERT_EQ(kill(pid, 0), 0);
  EndAgent("node-a", SIGKILL);
  const std::string root = AttemptDirectory("node-a", "1.0-1");
  std::ofstream(root + "/order", std::ios::trunc) << "none";
  StartAgent("node-a");
  EXPECT_EQ(scheduler_.hellos().back().attempts_size(), 0);
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_NE(access(root.c_str(), F_OK), 0) << "nothing is left of it";
}

// What hello does not name is taken for lost.
TEST_F(Restart, WhileACheckpointCannotBeReadItDoesNotServe) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Counting(1, 1, 1'000'000);
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  COUNTS(order);
  ASSERT_TRUE(scheduler_.Send("node-a", Order(order, v1::AttemptOrder::ACTION_LEAVE, "MOVE")));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_LEFT));
  EndAgent("node-a", SIGKILL);
  const Unreadable manifest(directory_ + "/node-a/state/checkpoints/1.0-1.1/manifest");
  const size_t hellos = scheduler_.hellos().size();
  EXPECT_THAT(RefusalToServe("node-a"), HasSubstr("1.0-1.1/manifest"));
  EXPECT_EQ(scheduler_.hellos().size(), hellos);
  manifest.Undo();
  StartAgent("node-a");
  EXPECT_EQ(scheduler_.hellos().back().checkpoints_size(), 1);
}

// Its job is none the worse for what passes.
TEST_F(Restart, WhileAnOrderCannotBeReadItDoesNotServe) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Start(1, 1, "echo $$; exec sleep 1000");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(scheduler_.Until([&] { return absl::StrContains(Output("node-a", order), "\n"); }));
  const pid_t pid = std::stoi(Output("node-a", order));
  EndAgent("node-a", SIGKILL);
  const Unreadable file(AttemptDirectory("node-a", "1.0-1") + "/order");
  const size_t hellos = scheduler_.hellos().size();
  EXPECT_THAT(RefusalToServe("node-a"), HasSubstr("1.0-1/order"));
  EXPECT_EQ(scheduler_.hellos().size(), hellos);
  EXPECT_EQ(kill(pid, 0), 0);
  file.Undo();
  StartAgent("node-a");
  ASSERT_EQ(scheduler_.hellos().back().attempts_size(), 1);
  EXPECT_EQ(scheduler_.hellos().back().attempts(0).phase(), AttemptStatus::PHASE_RUNNING);
  EXPECT_EQ(kill(pid, 0), 0);
}

TEST_F(Restart, ABrokenStreamIsOpenedAgainAndNothingIsLost) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Start(1, 1, "sleep 0.3; exit 0");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  scheduler_.HangUp("node-a");
  ASSERT_TRUE(scheduler_.Until([&] { return scheduler_.hellos().size() >= 2; }));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_SUCCEEDED));
}

TEST_F(Restart, EndedAttemptsGoWhenTheyWereKeptLongEnough) {
  scheduler_.SetForgetting(true);
  StartAgent("node-a");
  const v1::AttemptOrder order = Start(1, 1, "true");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  const std::string root = AttemptDirectory("node-a", "1.0-1");
  ASSERT_TRUE(scheduler_.Until([&] { return access((root + "/done").c_str(), F_OK) == 0; }));
  EndAgent("node-a", SIGTERM);
  StartAgent("node-a", {.extra = "retention: {ended_attempts: 0}\n"});
  EXPECT_TRUE(scheduler_.Until([&] { return access(root.c_str(), F_OK) != 0; }));
}

}  // namespace
}  // namespace heliotrope::agent::daemon
