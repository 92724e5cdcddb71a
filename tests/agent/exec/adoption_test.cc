// What a restarted agent finds, and what it must leave alone (Promises 3 and 11).
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/exec/attempt_files.h"
#include "agent/exec/lease.h"
#include "agent/exec/shim_process.h"
#include "runner_fixture.h"
#include "scheduler/os/clock.h"

extern char** environ;

namespace heliotrope::agent::exec {
namespace {

class AdoptionTest : public RunnerTest {
 protected:
  // Another process starts the attempt and is killed: the attempt has no agent then.
  void RunByAgentThatDies(uint32_t attempt, const std::string& script, int grace_ms = 60'000) {
    const std::string cgroup =
        cgroups_ == nullptr
            ? "-"
            : cgroups_->directory().substr(cgroups_->directory().find("heliotrope-agent-") + 17);
    std::vector<std::string> arguments = {std::string(HT_BIN_DIR) + "/agent_exec_short_lived_agent",
                                          scratch_.path(),
                                          Options().shim,
                                          cgroup,
                                          lease_.empty() ? "-" : lease_,
                                          std::to_string(grace_ms),
                                          std::to_string(attempt),
                                          script};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], 1);
    pid_t agent = -1;
    ASSERT_EQ(posix_spawn(&agent, argv[0], &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    char text[16] = {};
    EXPECT_EQ(read(ends[0], text, sizeof text), 8) << "not started";
    close(ends[0]);
    ASSERT_EQ(kill(agent, SIGKILL), 0);
    ASSERT_EQ(waitpid(agent, nullptr, 0), agent);
  }

  void Tamper(uint32_t attempt, const std::string& file, const std::string& from,
              const std::string& to) {
    const std::string path = Paths(attempt).root + "/" + file;
    const std::string text = ReadText(path);
    ASSERT_TRUE(absl::StrContains(text, from)) << text;
    WriteText(path, absl::StrReplaceAll(text, {{from, to}}));
  }
};
INSTANTIATE_TEST_SUITE_P(Trees, AdoptionTest, testing::Bool(), TreeName);

TEST_P(AdoptionTest, AJobOutlivesItsAgentAndIsObeyedByTheNext) {
  RunByAgentThatDies(1, kCheckpointer);
  ASSERT_TRUE(WaitForOutput(1, "from"));
  EXPECT_EQ(*runner_->List(), std::vector<AttemptKey>{Key(1)});
  EXPECT_TRUE(absl::IsFailedPrecondition(runner_->Start(Script(1, "true"))))
      << "a second process for a living attempt";
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  EXPECT_EQ(adoption->state, Adoption::State::kLive);
  EXPECT_EQ(runner_->Adopt(Key(1))->state, Adoption::State::kLive) << "twice is as good";
  EXPECT_TRUE(runner_->StartTime(Key(1)).ok());
  EXPECT_TRUE(runner_->UsageOf(Key(1)).ok());
  ASSERT_TRUE(runner_->Leave(Key(1)).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)), "exited 85 leave-requested checkpointed");
}

TEST_P(AdoptionTest, AnEndWithoutAnyAgentIsFound) {
  RunByAgentThatDies(1, "echo done; exit 9");
  ASSERT_TRUE(WaitUntil([&] { return ReadExitRecord(Paths(1), 1).ok(); }));
  // The record is there a moment before its shim is gone; then it is reported like any other end.
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  const AttemptEnd end =
      adoption->state == Adoption::State::kEnded ? *adoption->end : WaitForEnd(1);
  EXPECT_EQ(Describe(end), "exited 9");
  const auto again = runner_->Adopt(Key(1));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->state, Adoption::State::kEnded) << "kept until removed";
  EXPECT_EQ(again->incarnation, 1u);
  EXPECT_EQ(again->end->incarnation, 1u);
}

TEST_P(AdoptionTest, AShimThatDiedUnwatchedLosesTheAttemptAndLeavesNothingAlive) {
  RunByAgentThatDies(1, std::string(kDaemonizer) + "exec sleep 1000");
  ASSERT_TRUE(WaitForOutput(1, "ready"));
  const PinnedProcess daemon(WaitForPid(1, "pid"));
  const PinnedProcess shim(ShimPid(1));
  ASSERT_EQ(kill(ShimPid(1), SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return !shim.alive(); }));
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  const AttemptEnd end =
      adoption->state == Adoption::State::kEnded ? *adoption->end : WaitForEnd(1);
  EXPECT_EQ(Describe(end), "lost (its shim is gone and has left no exit record)");
  EXPECT_TRUE(WaitUntil([&] { return !daemon.alive(); }));
  EXPECT_EQ(runner_->Adopt(Key(1))->state, Adoption::State::kEnded);
}

// Nobody is there but the shim, and it saves the job's work and ends it in time.
TEST_P(AdoptionTest, ALeaseEndsTheJobOfADeadAgent) {
  const auto lease = LeaseFile::Open(scratch_.path());
  ASSERT_TRUE(lease.ok());
  // One second to the signal, then ten of grace and one of margin.
  (*lease)->Extend(os::Boottime() + absl::Seconds(12));
  lease_ = (*lease)->path();
  MakeRunner();
  RunByAgentThatDies(1, kCheckpointer, 10'000);
  ASSERT_TRUE(WaitUntil([&] { return ReadExitRecord(Paths(1), 1).ok(); }));
  EXPECT_LT(os::Boottime(), *(*lease)->deadline());
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok());
  const AttemptEnd end =
      adoption->state == Adoption::State::kEnded ? *adoption->end : WaitForEnd(1);
  EXPECT_EQ(end.stop_cause, StopCause::kLeaseExpired);
}

// The pid of the record belongs to somebody else by now.
TEST_P(AdoptionTest, AStrangerWithThePidIsLeftAlone) {
  RunByAgentThatDies(1, "echo up; exec sleep 1000");
  ASSERT_TRUE(WaitForOutput(1, "up"));
  const pid_t shim_pid = ShimPid(1);
  pid_t stranger_pid = -1;
  char* argv[] = {const_cast<char*>("sleep"), const_cast<char*>("1000"), nullptr};
  ASSERT_EQ(posix_spawnp(&stranger_pid, "sleep", nullptr, nullptr, argv, environ), 0);
  const PinnedProcess stranger(stranger_pid);
  const PinnedProcess shim(shim_pid);
  // While the shim lives: neither the stranger nor the shim, the two disagreeing, is signalled.
  Tamper(1, "status", absl::StrCat("shim_pid ", shim_pid), absl::StrCat("shim_pid ", stranger_pid));
  const auto refused = runner_->Adopt(Key(1));
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
  EXPECT_TRUE(absl::IsNotFound(runner_->Kill(Key(1))));
  EXPECT_TRUE(shim.alive());
  // And when it is dead: the attempt is lost, the stranger goes on.
  ASSERT_EQ(kill(shim_pid, SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return !shim.alive(); }));
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  const AttemptEnd end =
      adoption->state == Adoption::State::kEnded ? *adoption->end : WaitForEnd(1);
  EXPECT_EQ(end.kind, AttemptEnd::Kind::kLost);
  EXPECT_TRUE(stranger.alive());
  kill(stranger_pid, SIGKILL);
  waitpid(stranger_pid, nullptr, 0);
}

// As long as it lives nobody may take it for lost: it would be started elsewhere as well.
TEST_P(AdoptionTest, WithADamagedLaunchAJobIsDeadBeforeItIsLost) {
  RunByAgentThatDies(1, std::string(kDaemonizer) + "exec sleep 1000");
  ASSERT_TRUE(WaitForOutput(1, "ready"));
  const PinnedProcess daemon(WaitForPid(1, "pid"));
  const PinnedProcess shim(ShimPid(1));
  WriteText(Paths(1).root + "/launch", "nothing of it\n");
  const auto lost = runner_->Adopt(Key(1));
  EXPECT_TRUE(absl::IsDataLoss(lost.status())) << lost.status();
  EXPECT_FALSE(shim.alive());
  EXPECT_FALSE(daemon.alive());
  EXPECT_TRUE(absl::IsDataLoss(runner_->Adopt(Key(1)).status())) << "and stays so";
}

TEST_P(AdoptionTest, WithADamagedStatusAJobGoesOn) {
  RunByAgentThatDies(1, kCheckpointer);
  ASSERT_TRUE(WaitForOutput(1, "from"));
  WriteText(Paths(1).root + "/status", "nothing of it\n");
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  EXPECT_EQ(adoption->state, Adoption::State::kLive);
  ASSERT_TRUE(runner_->Leave(Key(1)).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)), "exited 85 leave-requested checkpointed");
}

TEST_P(AdoptionTest, WithADamagedStatusADeadJobIsNoneThatWasNeverStarted) {
  RunByAgentThatDies(1, "echo up; exec sleep 1000");
  ASSERT_TRUE(WaitForOutput(1, "up"));
  const PinnedProcess shim(ShimPid(1));
  ASSERT_EQ(kill(ShimPid(1), SIGKILL), 0);
  ASSERT_TRUE(WaitUntil([&] { return !shim.alive(); }));
  WriteText(Paths(1).root + "/status", "nothing of it\n");
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  const AttemptEnd end =
      adoption->state == Adoption::State::kEnded ? *adoption->end : WaitForEnd(1);
  EXPECT_EQ(Describe(end), "lost (its shim is gone and has left no exit record)");
}

TEST_P(AdoptionTest, AnotherStartTimeOrBootIsAnotherProcess) {
  RunByAgentThatDies(1, "echo up; exec sleep 1000");
  ASSERT_TRUE(WaitForOutput(1, "up"));
  const std::string status = ReadText(Paths(1).root + "/status");
  Tamper(1, "status", "shim_start ", "shim_start 1");
  EXPECT_TRUE(absl::IsFailedPrecondition(runner_->Adopt(Key(1)).status()));
  WriteText(Paths(1).root + "/status", status);
  const size_t boot = status.find("boot ") + 5;
  WriteText(Paths(1).root + "/status",
            absl::StrCat(status.substr(0, boot), "x", status.substr(boot + 1)));
  EXPECT_TRUE(absl::IsFailedPrecondition(runner_->Adopt(Key(1)).status()));
  WriteText(Paths(1).root + "/status", status);
  ASSERT_EQ(runner_->Adopt(Key(1))->state, Adoption::State::kLive);
  ASSERT_TRUE(runner_->Kill(Key(1)).ok());
  WaitForEnd(1);
}

// An agent that died between writing the launch and starting the shim, or whose shim has not come
// to its lock yet: once adopted as nothing, that launch is never started (Promise 3).
TEST_P(AdoptionTest, ALaunchThatNobodyStartedIsVoid) {
  const AttemptLaunch launch = Script(1, "echo started");
  ASSERT_TRUE(runner_->Prepare(launch).ok());
  const auto text = LaunchText(launch, Paths(1), {.kill_margin = absl::Seconds(1)});
  ASSERT_TRUE(text.ok());
  WriteText(Paths(1).root + "/launch", *text);
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  EXPECT_EQ(adoption->state, Adoption::State::kNone);
  const std::string late = Options().shim + " " + Paths(1).root + " 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(system(late.c_str())), 70);
  EXPECT_EQ(Log(1), "");
  ASSERT_TRUE(Run(launch).ok());
  EXPECT_EQ(Describe(WaitForEnd(1)), "exited 0");
}

// Between writing the next launch and starting its shim the records of the process before are still
// there: they must not be taken for the next one's.
TEST_P(AdoptionTest, RecordsOfTheProcessBeforeAreNotTheNextOnes) {
  const AttemptLaunch launch = Script(1, "exit 85");
  ASSERT_TRUE(Run(launch).ok());
  WaitForEnd(1);
  const auto text =
      LaunchText(launch, Paths(1), {.incarnation = 2, .kill_margin = absl::Seconds(1)});
  WriteText(Paths(1).root + "/launch", *text);
  MakeRunner();
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  EXPECT_EQ(adoption->state, Adoption::State::kNone);
  EXPECT_EQ(adoption->incarnation, 1u) << "the last that was started";
  ASSERT_TRUE(Run(launch).ok());
  EXPECT_EQ(WaitForEnd(1).incarnation, 3u) << "a voided launch is never used again";
}

TEST_P(AdoptionTest, AnEmptyOrUnknownDirectoryIsNothing) {
  EXPECT_EQ(runner_->Adopt(Key(1))->state, Adoption::State::kNone);
  ASSERT_TRUE(runner_->Prepare(Script(1, "true")).ok());
  EXPECT_EQ(runner_->Adopt(Key(1))->state, Adoption::State::kNone);
}

TEST_P(AdoptionTest, ATornExitRecordIsALoss) {
  ASSERT_TRUE(Run(Script(1, "exit 0")).ok());
  WaitForEnd(1);
  const std::string path = Paths(1).root + "/exit";
  WriteText(path, ReadText(path).substr(0, 40));
  MakeRunner();
  const auto adoption = runner_->Adopt(Key(1));
  ASSERT_TRUE(adoption.ok()) << adoption.status();
  ASSERT_EQ(adoption->state, Adoption::State::kEnded);
  EXPECT_EQ(adoption->end->kind, AttemptEnd::Kind::kLost);
  EXPECT_TRUE(absl::StrContains(adoption->end->error, "not a whole record"));
}

// What was saved and not synced before the machine's last start is not trusted. Told wrongly, good
// work is thrown away or half of it goes on.
TEST_P(AdoptionTest, AnEndTellsWhetherItWasBeforeTheLastBoot) {
  ASSERT_TRUE(Run(Script(1, "exit 85")).ok());
  WaitForEnd(1);
  const auto adopt = [this] {
    const auto adoption = runner_->Adopt(Key(1));
    EXPECT_TRUE(adoption.ok()) << adoption.status();
    EXPECT_EQ(adoption->state, Adoption::State::kEnded);
    EXPECT_EQ(Describe(*adoption->end), "exited 85 checkpointed");
    return *adoption;
  };
  MakeRunner();
  EXPECT_FALSE(adopt().before_boot) << "the agent alone was restarted";
  const std::string path = Paths(1).root + "/status";
  const std::string status = ReadText(path);
  std::string elsewhere = status;
  char& digit = elsewhere.at(elsewhere.find("boot ") + 5);
  digit = digit == '0' ? '1' : '0';
  WriteText(path, elsewhere);
  EXPECT_TRUE(adopt().before_boot) << "the status is of another boot";
  ASSERT_EQ(unlink(path.c_str()), 0);
  EXPECT_TRUE(adopt().before_boot) << "nobody knows";
  WriteText(path, status);
  ShimRunner::Options options = Options();
  options.after_boot = true;
  runner_ = nullptr;
  runner_ = *ShimRunner::Create(options, [](const AttemptKey&, const AttemptEnd&) {});
  EXPECT_TRUE(adopt().before_boot) << "the agent knows that the machine was started anew";
}

}  // namespace
}  // namespace heliotrope::agent::exec
