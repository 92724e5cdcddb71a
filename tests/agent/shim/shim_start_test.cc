#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

#include "agent/shim/launch_format.h"
#include "agent/shim/proc_stat.h"
#include "shim_fixture.h"

namespace heliotrope::agent::shim {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HT_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HT_SANITIZED)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

class ShimStartTest : public ShimFixture {};

TEST_F(ShimStartTest, RecordsTheExitCode) {
  Start(Script("exit 7").Number("incarnation", 4));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kExited);
  EXPECT_EQ(record.code, 7);
  EXPECT_EQ(record.stop_cause, StopCause::kNone);
  EXPECT_FALSE(record.checkpointed);
  EXPECT_EQ(record.incarnation, 4u);
  EXPECT_GT(record.started_ns, 0);
  EXPECT_GE(record.ended_ns, record.started_ns);
}

TEST_F(ShimStartTest, RecordsTheSignal) {
  Start(Script("kill -SEGV $$"));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kSignaled);
  EXPECT_EQ(record.signal, SIGSEGV);
  EXPECT_EQ(record.code, 0);
}

TEST_F(ShimStartTest, SaysWhyAProgramDidNotStart) {
  LaunchWriter writer;
  writer.Text("arg", "/no/such/program").Text("cwd", "/");
  Start(writer);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kFailedToStart);
  EXPECT_STREQ(record.error, "exec /no/such/program: No such file or directory");
}

TEST_F(ShimStartTest, SaysWhyADirectoryWasNotEntered) {
  LaunchWriter writer;
  writer.Text("arg", "true").Text("cwd", "/no/such/directory");
  Start(writer);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kFailedToStart);
  EXPECT_STREQ(record.error, "chdir /no/such/directory: No such file or directory");
}

TEST_F(ShimStartTest, FailsWithoutItsCgroupOrLease) {
  LaunchWriter writer;
  writer.Text("arg", "true").Text("cwd", "/").Text("cgroup", "/no/such/cgroup");
  Start(writer);
  EXPECT_STREQ(WaitForExit().error, "/no/such/cgroup: No such file or directory");
  LaunchWriter other;
  other.Text("arg", "true").Text("cwd", "/").Text("lease", "/no/such/lease");
  Start(other);
  EXPECT_STREQ(WaitForExit().error, "/no/such/lease: No such file or directory");
}

TEST_F(ShimStartTest, LooksForTheProgramInTheJobsOwnPath) {
  Start(Script("printf '#!/bin/sh\\necho found\\n' > tool; chmod +x tool"));
  ASSERT_EQ(WaitForExit().code, 0);
  LaunchWriter writer;
  writer.Text("arg", "tool").Text("cwd", "/").Text("env", "PATH=/nowhere:" + Work(""));
  Start(writer);
  EXPECT_EQ(WaitForExit().kind, ExitKind::kExited);
  EXPECT_EQ(Log(), "found\n");
}

// The job sees what the launch says, and nothing of the agent's or the shim's.
TEST_F(ShimStartTest, GivesTheJobACleanWorld) {
  Start(Script("pwd; echo $A; env | wc -l; umask; ls /proc/self/fd | wc -l; "
               "readlink /proc/self/fd/0; "
               // 32 and 33 belong to the C library, which lets nobody change them.
               "for mask in $(grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2); do "
               "echo $((0x$mask & ~0x180000000)); done; cut -d' ' -f19 /proc/self/stat; cat "
               "/proc/self/oom_score_adj; "
               "test $(cut -d' ' -f6 /proc/$$/stat) = $$ && echo leader")
            .Text("env", "A=one two")
            .Number("umask", 027)
            .Number("nice", 11)
            .Number("oom_score_adj", 600));
  ASSERT_EQ(WaitForExit().code, 0);
  // Environment: A and PWD (of the shell). Files: 0, 1, 2 and the one that ls opens.
  EXPECT_EQ(Log(), Work("").substr(0, Work("").size() - 1) +
                       "\none two\n2\n0027\n4\n/dev/null\n0\n0\n11\n600\nleader\n");
}

TEST_F(ShimStartTest, ChangesUserAndGroups) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  Start(Script("id -u; id -g; id -G; grep NoNewPrivs /proc/self/status | cut -f2")
            .Number("uid", 65534)
            .Number("gid", 65533)
            .Number("group", 65532)
            .Number("no_new_privileges", 1));
  ASSERT_EQ(WaitForExit().code, 0);
  EXPECT_EQ(Log(), "65534\n65533\n65533 65532\n1\n");
}

TEST_F(ShimStartTest, AUserWhoMayNotEnterFailsToStart) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  mkdir(Work("private").c_str(), 0700);
  LaunchWriter writer;
  writer.Text("arg", "true").Text("cwd", Work("private"));
  Start(writer.Number("uid", 65534).Number("gid", 65534));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kFailedToStart);
  EXPECT_NE(std::string(record.error).find("Permission denied"), std::string::npos) << record.error;
}

TEST_F(ShimStartTest, TellsWhoRuns) {
  Start(Script("echo $$; exec sleep 1000"));
  ASSERT_TRUE(WaitForOutput("\n"));
  const std::string text = ReadWholeFile(Path("status"));
  StatusRecord status{};
  ASSERT_TRUE(ParseStatus(text.data(), text.size(), &status)) << text;
  EXPECT_EQ(status.shim_pid, shim_pid_);
  EXPECT_EQ(std::to_string(status.job_pid) + "\n", Log());
  ProcStat job{};
  ASSERT_TRUE(ReadProcStat(status.job_pid, &job));
  EXPECT_EQ(job.start_ticks, status.job_start_ticks);
  EXPECT_EQ(job.parent, shim_pid_);
  ProcStat shim{};
  ASSERT_TRUE(ReadProcStat(status.shim_pid, &shim));
  EXPECT_EQ(shim.start_ticks, status.shim_start_ticks);
  Wishes(Wish::kKill);
  WaitForExit();
}

// One launch, one job: a second shim must find the first's lock (Promise 3).
TEST_F(ShimStartTest, ASecondShimForTheSameLaunchDoesNothing) {
  Start(Script("echo up; exec sleep 1000"));
  ASSERT_TRUE(WaitForOutput("up"));
  const pid_t first_pid = shim_pid_;
  const int first_pidfd = shim_pidfd_;
  shim_pidfd_ = -1;
  // As Start does, without writing the launch anew, which would be another file to lock.
  const std::string command = std::string(HT_BIN_DIR) + "/heliotrope-shim " + directory_;
  EXPECT_EQ(WEXITSTATUS(system((command + " 2>/dev/null").c_str())), 70);
  EXPECT_EQ(Log(), "up\n");
  shim_pid_ = first_pid;
  shim_pidfd_ = first_pidfd;
  Wishes(Wish::kKill);
  WaitForExit();
}

TEST_F(ShimStartTest, RefusesABrokenLaunch) {
  const std::string command =
      std::string(HT_BIN_DIR) + "/heliotrope-shim " + directory_ + " 2>/dev/null";
  EXPECT_EQ(WEXITSTATUS(system(command.c_str())), 70);
  EXPECT_EQ(WEXITSTATUS(system(("echo rubbish > " + Path("launch") + "; " + command).c_str())), 70);
  EXPECT_NE(access(Path("exit").c_str(), F_OK), 0);
}

TEST_F(ShimStartTest, StaysSmall) {
  if (kSanitized) GTEST_SKIP() << "sanitizers need memory of their own";
  // With output flowing and a walk over the processes behind it.
  Start(Script("head -c 20000000 /dev/zero; echo; echo up; exec sleep 1000")
            .Number("log_bytes", 1 << 20)
            .Number("log_files", 1));
  ASSERT_TRUE(WaitForOutput("up"));
  Wishes(Wish::kFreeze);
  Wishes(Wish::kRun);
  const std::string status = ReadWholeFile("/proc/" + std::to_string(shim_pid_) + "/status");
  const size_t at = status.find("VmHWM:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(atoi(status.c_str() + at + 6), 2048) << "KiB at most";
  Wishes(Wish::kKill);
  WaitForExit();
}

}  // namespace
}  // namespace heliotrope::agent::shim
