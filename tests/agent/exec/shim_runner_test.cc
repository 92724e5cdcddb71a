#include "agent/exec/shim_runner.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/exec/log_reader.h"
#include "runner_fixture.h"

namespace heliotrope::agent::exec {
namespace {

class ShimRunnerTest : public RunnerTest {};
INSTANTIATE_TEST_SUITE_P(Trees, ShimRunnerTest, testing::Bool(), TreeName);

TEST_P(ShimRunnerTest, ReportsHowItEnded) {
  ASSERT_TRUE(Run(Script(1, "echo hello; exit 7")).ok());
  const AttemptEnd end = WaitForEnd(1);
  EXPECT_EQ(Describe(end), "exited 7");
  EXPECT_EQ(end.incarnation, 1u);
  EXPECT_GT(end.start_time, absl::UnixEpoch());
  EXPECT_GE(end.end_time, end.start_time);
  EXPECT_GT(end.max_memory, Bytes::Zero());
  EXPECT_EQ(Log(1), "hello\n");
  EXPECT_TRUE(runner_->Live().empty());
}

TEST_P(ShimRunnerTest, AProgramThatIsNotThereIsAnEnd) {
  AttemptLaunch launch = Script(1, "");
  launch.command = {"/no/such/program"};
  ASSERT_TRUE(Run(launch).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)),
            "failed-to-start (exec /no/such/program: No such file or directory)");
}

TEST_P(ShimRunnerTest, ALaunchThatCannotBeIsRefused) {
  AttemptLaunch launch = Script(1, "");
  launch.command.clear();
  ASSERT_TRUE(runner_->Prepare(launch).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(runner_->Start(launch)));
  EXPECT_TRUE(runner_->Live().empty());
}

TEST_P(ShimRunnerTest, OneProcessAtATime) {
  ASSERT_TRUE(Run(Script(1, "echo up; exec sleep 1000")).ok());
  ASSERT_TRUE(WaitForOutput(1, "up"));
  EXPECT_TRUE(absl::IsFailedPrecondition(runner_->Start(Script(1, "true"))));
  EXPECT_TRUE(absl::IsFailedPrecondition(runner_->Prepare(Script(1, "true"))));
  EXPECT_TRUE(absl::IsFailedPrecondition(runner_->Remove(Key(1))));
  EXPECT_EQ(runner_->Live(), std::vector<AttemptKey>{Key(1)});
  ASSERT_TRUE(runner_->Kill(Key(1)).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)), "signaled 9 kill-requested");
}

TEST_P(ShimRunnerTest, AWishAtOnceAfterTheStartCounts) {
  ASSERT_TRUE(Run(Script(1, "exec sleep 1000")).ok());
  ASSERT_TRUE(runner_->Kill(Key(1)).ok());
  EXPECT_EQ(WaitForEnd(1).stop_cause, StopCause::kKillRequested);
}

TEST_P(ShimRunnerTest, WishesToNobodyAreRefused) {
  for (const absl::Status& status :
       {runner_->Leave(Key(1)), runner_->Stop(Key(1)), runner_->Kill(Key(1)),
        runner_->Freeze(Key(1)), runner_->Thaw(Key(1))}) {
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
  }
}

// A periodic checkpoint: the job saves, leaves, and goes on in the same attempt where it was.
TEST_P(ShimRunnerTest, GoesOnFromItsCheckpoint) {
  const AttemptLaunch launch = Script(1, kCheckpointer);
  ASSERT_TRUE(Run(launch).ok());
  ASSERT_TRUE(WaitForOutput(1, "from 0"));
  ASSERT_TRUE(runner_->Leave(Key(1)).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)), "exited 85 leave-requested checkpointed");
  const std::string saved = ReadText(Paths(1).checkpoint + "/n");
  ASSERT_TRUE(runner_->Start(launch).ok());
  ASSERT_TRUE(WaitForOutput(1, "from " + saved));
  EXPECT_TRUE(absl::StartsWith(Log(1), "from 0\n")) << "the log goes on";
  ASSERT_TRUE(runner_->Stop(Key(1)).ok());
  const AttemptEnd end = WaitForEnd(1);
  EXPECT_EQ(end.stop_cause, StopCause::kStopRequested);
  EXPECT_EQ(end.incarnation, 2u);
}

TEST_P(ShimRunnerTest, ItMayBeStartedAgainFromTheCallback) {
  std::atomic<int> ends{0};
  auto options = Options();
  std::unique_ptr<ShimRunner> runner;
  const AttemptLaunch launch = Script(1, "exit 85");
  runner = *ShimRunner::Create(options, [&](const AttemptKey&, const AttemptEnd& end) {
    EXPECT_TRUE(end.checkpointed);
    if (++ends < 3) {
      EXPECT_TRUE(runner->Start(launch).ok());
    }
  });
  ASSERT_TRUE(runner->Prepare(launch).ok());
  ASSERT_TRUE(runner->Start(launch).ok());
  EXPECT_TRUE(WaitUntil([&] { return ends == 3; }));
}

TEST_P(ShimRunnerTest, FreezesAndThaws) {
  ASSERT_TRUE(Run(Script(1, "echo up; while :; do echo x >> ticks; sleep 0.01; done")).ok());
  ASSERT_TRUE(WaitForOutput(1, "up"));
  ASSERT_TRUE(runner_->Freeze(Key(1)).ok());
  std::string ticks;
  ASSERT_TRUE(WaitUntil([&] {
    const std::string before = ReadText(Work(1, "ticks"));
    usleep(100'000);
    ticks = ReadText(Work(1, "ticks"));
    return before == ticks;
  }));
  ASSERT_TRUE(runner_->Thaw(Key(1)).ok());
  EXPECT_TRUE(WaitUntil([&] { return ReadText(Work(1, "ticks")).size() > ticks.size(); }));
  ASSERT_TRUE(runner_->Kill(Key(1)).ok());
  WaitForEnd(1);
}

TEST_P(ShimRunnerTest, AShimThatDiesLosesTheAttemptAndLeavesNothingAlive) {
  ASSERT_TRUE(Run(Script(1, std::string(kDaemonizer) + "exec sleep 1000")).ok());
  ASSERT_TRUE(WaitForOutput(1, "ready"));
  const PinnedProcess daemon(WaitForPid(1, "pid"));
  ASSERT_EQ(kill(ShimPid(1), SIGKILL), 0);
  const AttemptEnd end = WaitForEnd(1);
  EXPECT_EQ(Describe(end), "lost (its shim was killed by signal 9 and left no exit record)");
  EXPECT_FALSE(daemon.alive()) << "alive after the report";
  // The attempt can go on from a checkpoint.
  ASSERT_TRUE(runner_->Start(Script(1, "exit 0")).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)), "exited 0");
}

TEST_P(ShimRunnerTest, ManyAtOnceAllEndOnceAndLeaveNoZombie) {
  constexpr uint32_t kAttempts = 200;
  for (uint32_t i = 1; i <= kAttempts; ++i) {
    ASSERT_TRUE(Run(Script(i, absl::StrCat("exit ", i % 80))).ok());
  }
  for (uint32_t i = 1; i <= kAttempts; ++i) {
    EXPECT_EQ(Describe(WaitForEnd(i)), absl::StrCat("exited ", i % 80));
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_P(ShimRunnerTest, RunsAsAnotherUser) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  AttemptLaunch launch =
      Script(1,
             "id -u; echo a > a && echo b > $HELIOTROPE_CHECKPOINT_DIR/b && "
             "echo c > $HELIOTROPE_OUTPUT_DIR/c && echo wrote; "
             "cat ../launch ../status; ls ..; echo x > ../exit; echo y > ../y; rm -rf ../output; "
             "test -d ../output && echo safe");
  launch.user = JobUser{.name = "nobody", .uid = 65534, .gid = 65534, .groups = {}};
  ASSERT_TRUE(Run(launch).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)), "exited 0");
  EXPECT_EQ(Log(1), "65534\nwrote\nsafe\n");
}

TEST_P(ShimRunnerTest, TakesOnlyWhatNobodyElseWants) {
  auto options = Options();
  options.nice = 19;
  options.idle_scheduling = true;
  std::atomic<bool> ended{false};
  const auto runner =
      *ShimRunner::Create(options, [&](const AttemptKey&, const AttemptEnd&) { ended = true; });
  const AttemptLaunch launch = Script(1, "cut -d' ' -f19,41 /proc/self/stat");
  ASSERT_TRUE(runner->Prepare(launch).ok());
  ASSERT_TRUE(runner->Start(launch).ok());
  ASSERT_TRUE(WaitUntil([&] { return ended.load(); }));
  EXPECT_EQ(Log(1), "19 5\n") << "nice, and the policy SCHED_IDLE";
}

TEST_P(ShimRunnerTest, TellsWhatIsUsed) {
  ASSERT_TRUE(Run(Script(1, "while [ ! -e go ]; do :; done")).ok());
  ASSERT_TRUE(WaitUntil([&] {
    const auto usage = runner_->UsageOf(Key(1));
    return usage.ok() && usage->cpu > absl::Milliseconds(100) &&
           usage->memory > Bytes::FromKiB(100);
  }));
  const Usage live = runner_->TotalUsage();
  EXPECT_GT(live.cpu, absl::Milliseconds(100));
  EXPECT_GT(live.memory, Bytes::FromKiB(100));
  const auto started = runner_->StartTime(Key(1));
  ASSERT_TRUE(started.ok());
  EXPECT_LT(*started, absl::Now());
  WriteText(Work(1, "go"), "");
  const AttemptEnd end = WaitForEnd(1);
  EXPECT_EQ(*started, end.start_time);
  const Usage after = runner_->TotalUsage();
  EXPECT_GE(after.cpu, live.cpu) << "the ended count on";
  EXPECT_LT(after.memory, Bytes::FromKiB(1));
  EXPECT_TRUE(absl::IsNotFound(runner_->UsageOf(Key(1)).status()));
}

// A reader that comes back with the offset where it was gets every byte once, also while the log is
// being rotated under it.
TEST_P(ShimRunnerTest, ALogIsFollowedThroughItsRotations) {
  AttemptLaunch launch =
      Script(1, "seq 1 20000; while [ ! -e go ]; do sleep 0.01; done; seq 20001 40000");
  launch.log_size = Bytes::FromMiB(1);
  ASSERT_TRUE(Run(launch).ok());
  std::string read;
  int64_t offset = 0;
  const auto follow = [&] {
    const auto part = ReadLog(Paths(1), LogName::kStdout, offset, 5000);
    ASSERT_TRUE(part.ok()) << part.status();
    ASSERT_EQ(part->offset, offset) << "rotated away";
    read += part->data;
    offset += static_cast<int64_t>(part->data.size());
  };
  ASSERT_TRUE(WaitUntil([&] {
    follow();
    return absl::EndsWith(read, "\n20000\n");
  }));
  WriteText(Work(1, "go"), "");
  ASSERT_TRUE(WaitUntil([&] {
    follow();
    return absl::EndsWith(read, "\n40000\n");
  }));
  std::string stream;
  for (int i = 1; i <= 40'000; ++i) absl::StrAppend(&stream, i, "\n");
  EXPECT_TRUE(read == stream);
  WaitForEnd(1);
}

TEST_P(ShimRunnerTest, ListsAndRemoves) {
  for (const uint32_t i : {3u, 1u, 2u}) {
    ASSERT_TRUE(Run(Script(i, "mkdir -p a/b; echo x > a/b/c")).ok());
    WaitForEnd(i);
  }
  std::filesystem::create_directories(scratch_ / "attempts/something-else");
  EXPECT_EQ(*runner_->List(), (std::vector<AttemptKey>{Key(1), Key(2), Key(3)}));
  ASSERT_TRUE(runner_->Remove(Key(2)).ok());
  ASSERT_TRUE(runner_->Remove(Key(2)).ok()) << "gone is gone";
  EXPECT_EQ(*runner_->List(), (std::vector<AttemptKey>{Key(1), Key(3)}));
  EXPECT_FALSE(std::filesystem::exists(Paths(2).root));
}

TEST_P(ShimRunnerTest, ARemovalThatACrashCutShortIsFinished) {
  ASSERT_TRUE(Run(Script(1, "true")).ok());
  WaitForEnd(1);
  std::filesystem::rename(Paths(1).root, scratch_ / "attempts/.removed-1.0-1");
  MakeRunner();
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "attempts/.removed-1.0-1"));
}

TEST(ShimRunnerCreateTest, NeedsItsShim) {
  const Scratch scratch;
  ShimRunner::Options options;
  options.state_directory = scratch.path();
  options.shim = "/no/such/shim";
  EXPECT_TRUE(absl::IsNotFound(ShimRunner::Create(options, {}).status()));
}

}  // namespace
}  // namespace heliotrope::agent::exec
