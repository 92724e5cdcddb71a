#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/shim/lease_file.h"
#include "shim_fixture.h"

namespace heliotrope::agent::shim {
namespace {

// A job of the checkpoint contract: saves how far it is and exits with its checkpoint code.
constexpr char kCheckpointer[] =
    "trap 'echo $n > checkpoint; exit 85' TERM; echo ready; n=0; "
    "while :; do n=$((n+1)); sleep 0.01; done";
// One that will not hear.
constexpr char kStubborn[] = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
// A main process that leaves behind a daemon: another session, another parent, no pipe.
constexpr char kDaemonizer[] =
    "setsid sh -c 'trap \"\" TERM HUP; sh -c \"trap \\\"\\\" TERM; echo \\$\\$ > pid; "
    "while :; do sleep 1; done\" & exit' >/dev/null 2>&1 </dev/null & "
    "while [ ! -s pid ]; do sleep 0.01; done; echo ready; ";

class ShimStopTest : public ShimTreeTest {
 protected:
  std::string MakeLease(int64_t deadline_ns) {
    const std::string path = Path("lease");
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    EXPECT_EQ(ftruncate(fd, kLeaseFileBytes), 0);
    close(fd);
    EXPECT_TRUE(lease_.Map(path.c_str(), MappedLease::Access::kWrite));
    lease_.set_deadline_ns(deadline_ns);
    return path;
  }

  static int64_t Far() { return BootTimeNs() + 3'600'000'000'000; }

  // Shortens the lease, which only a test does, and makes the shim look at once.
  int64_t ExpireIn(int64_t nanoseconds) {
    const int64_t deadline = BootTimeNs() + nanoseconds;
    lease_.set_deadline_ns(deadline);
    kill(shim_pid_, SIGCONT);
    return deadline;
  }

  MappedLease lease_;
};
INSTANTIATE_TEST_SUITE_P(Trees, ShimStopTest, testing::Bool(), TreeName);

TEST_P(ShimStopTest, LeaveLetsTheJobSave) {
  Start(Script(kCheckpointer));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kLeave);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kExited);
  EXPECT_EQ(record.code, 85);
  EXPECT_TRUE(record.checkpointed);
  EXPECT_EQ(record.stop_cause, StopCause::kLeaveRequested);
  EXPECT_FALSE(record.grace_exceeded);
  EXPECT_NE(ReadWholeFile(Work("checkpoint")), "");
}

TEST_P(ShimStopTest, LeaveUsesTheJobsOwnSignal) {
  Start(Script("trap 'exit 85' USR2; trap 'exit 1' TERM; echo ready; "
               "while :; do sleep 0.01; done")
            .Number("stop_signal", SIGUSR2));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kLeave);
  EXPECT_TRUE(WaitForExit().checkpointed);
}

TEST_P(ShimStopTest, GraceIsBounded) {
  Start(Script(kStubborn).Number("grace_ms", 50));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kLeave);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kSignaled);
  EXPECT_EQ(record.signal, SIGKILL);
  EXPECT_EQ(record.stop_cause, StopCause::kLeaveRequested);
  EXPECT_TRUE(record.grace_exceeded);
}

TEST_P(ShimStopTest, StopReachesTheWholeTreeAndIsBounded) {
  // The main process waits for a child that will not hear either; a second child notes the signal.
  Start(Script("sh -c \"trap 'echo told > note; exit' TERM; echo child; "
               "while :; do sleep 0.01; done\" & trap '' TERM; "
               "while [ ! -e note ]; do sleep 0.01; done; while :; do sleep 0.01; done")
            .Number("stop_grace_ms", 300));
  ASSERT_TRUE(WaitForOutput("child"));
  Wishes(Wish::kStop);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.signal, SIGKILL);
  EXPECT_EQ(record.stop_cause, StopCause::kStopRequested);
  EXPECT_TRUE(record.grace_exceeded);
  EXPECT_EQ(ReadWholeFile(Work("note")), "told\n");
}

TEST_P(ShimStopTest, StopOverridesALongLeave) {
  Start(Script(kStubborn).Number("stop_grace_ms", 20));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kLeave);
  Wishes(Wish::kStop);
  EXPECT_EQ(WaitForExit().stop_cause, StopCause::kStopRequested);
}

TEST_P(ShimStopTest, KillIsAtOnce) {
  Start(Script(kStubborn));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kKill);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.signal, SIGKILL);
  EXPECT_EQ(record.stop_cause, StopCause::kKillRequested);
  EXPECT_FALSE(record.grace_exceeded);
}

// A wish that comes before the shim has installed anything is not lost.
TEST_P(ShimStopTest, AWishAtOnceAfterTheSpawnCounts) {
  Start(Script(kStubborn));
  Wishes(Wish::kKill);
  EXPECT_EQ(WaitForExit().stop_cause, StopCause::kKillRequested);
}

TEST_P(ShimStopTest, WhatIsLeftBehindDiesWithTheMainProcess) {
  Start(Script(std::string(kDaemonizer) + "while [ ! -e go ]; do sleep 0.01; done; exit 3"));
  ASSERT_TRUE(WaitForOutput("ready"));
  const PinnedProcess daemon(WaitForPid("pid"));
  ASSERT_TRUE(daemon.alive());
  close(open(Work("go").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kExited);
  EXPECT_EQ(record.code, 3);
  EXPECT_FALSE(daemon.alive()) << "alive after the exit record";
}

TEST_P(ShimStopTest, KillTakesDaemonsToo) {
  Start(Script(std::string(kDaemonizer) + "exec sleep 1000"));
  ASSERT_TRUE(WaitForOutput("ready"));
  const PinnedProcess daemon(WaitForPid("pid"));
  Wishes(Wish::kKill);
  WaitForExit();
  EXPECT_FALSE(daemon.alive());
}

TEST_P(ShimStopTest, ATreeThatForksWhileItDiesDies) {
  Start(Script("f() { while :; do (sleep 0.001 &) ; done; }; f & f & echo ready; f"));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kKill);
  EXPECT_EQ(WaitForExit().signal, SIGKILL);
}

TEST_P(ShimStopTest, AFrozenJobStandsStillAndGoesOn) {
  Start(Script("echo ready; while :; do echo x >> ticks; sleep 0.01; done"));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kFreeze);
  // Frozen when a second passes through ten looks without a tick.
  std::string ticks;
  ASSERT_TRUE(WaitUntil([&] {
    const std::string before = ReadWholeFile(Work("ticks"));
    usleep(100'000);
    ticks = ReadWholeFile(Work("ticks"));
    return before == ticks;
  }));
  Wishes(Wish::kRun);
  EXPECT_TRUE(WaitUntil([&] { return ReadWholeFile(Work("ticks")).size() > ticks.size(); }));
  Wishes(Wish::kKill);
  WaitForExit();
}

TEST_P(ShimStopTest, AFrozenJobIsThawedToLeave) {
  Start(Script(kCheckpointer));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kFreeze);
  Wishes(Wish::kLeave);
  Wishes(Wish::kFreeze);  // Too late: it must be able to leave.
  EXPECT_TRUE(WaitForExit().checkpointed);
}

TEST_P(ShimStopTest, AFrozenJobIsKilled) {
  Start(Script(kStubborn));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kFreeze);
  Wishes(Wish::kKill);
  EXPECT_EQ(WaitForExit().signal, SIGKILL);
}

// Promise 3: nobody but the shim is there to stop the job, and it saves before it goes.
TEST_P(ShimStopTest, AnExpiredLeaseStopsTheJob) {
  Start(Script(kCheckpointer).Text("lease", MakeLease(Far())));
  ASSERT_TRUE(WaitForOutput("ready"));
  // Grace is a minute and the margin a second: so it is time to save.
  ExpireIn(60'900'000'000);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.stop_cause, StopCause::kLeaseExpired);
  EXPECT_TRUE(record.checkpointed);
}

TEST_P(ShimStopTest, AnExpiredLeaseKillsTheStubbornBeforeItsDeadline) {
  Start(Script(kStubborn)
            .Text("lease", MakeLease(Far()))
            .Number("grace_ms", 100)
            .Number("kill_margin_ms", 29'900));
  ASSERT_TRUE(WaitForOutput("ready"));
  const int64_t deadline = ExpireIn(30'000'000'000);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.stop_cause, StopCause::kLeaseExpired);
  EXPECT_TRUE(record.grace_exceeded);
  EXPECT_EQ(record.signal, SIGKILL);
  EXPECT_LT(BootTimeNs(), deadline);
}

// A machine that slept through the whole of it must not give the job its grace as well.
TEST_P(ShimStopTest, PastTheDeadlineThereIsNoGrace) {
  Start(Script(kStubborn).Text("lease", MakeLease(Far())));
  ASSERT_TRUE(WaitForOutput("ready"));
  ExpireIn(0);
  EXPECT_EQ(WaitForExit().signal, SIGKILL);
}

TEST_P(ShimStopTest, AFrozenJobStillLosesItsLease) {
  Start(Script(kCheckpointer).Text("lease", MakeLease(Far())));
  ASSERT_TRUE(WaitForOutput("ready"));
  Wishes(Wish::kFreeze);
  ExpireIn(60'900'000'000);
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.stop_cause, StopCause::kLeaseExpired);
  EXPECT_TRUE(record.checkpointed);
}

// Nothing wakes the shim here but its own alarm.
TEST_P(ShimStopTest, ItsAlarmEndsALeaseThatNobodyExtends) {
  Start(Script("exec sleep 1000")
            .Text("lease", MakeLease(BootTimeNs() + 2'000'000'000))
            .Number("grace_ms", 1000)
            .Number("kill_margin_ms", 500));
  EXPECT_EQ(WaitForExit().stop_cause, StopCause::kLeaseExpired);
}

TEST_P(ShimStopTest, AnExtendedLeaseLetsTheJobGoOn) {
  const std::string lease = MakeLease(BootTimeNs() + 1'500'000'000);
  Start(Script("echo ready; while [ ! -e go ]; do sleep 0.01; done; exit 4")
            .Text("lease", lease)
            .Number("grace_ms", 100)
            .Number("kill_margin_ms", 100));
  ASSERT_TRUE(WaitForOutput("ready"));
  lease_.set_deadline_ns(BootTimeNs() + 3'600'000'000'000);
  // Past the first deadline by the lease's own clock.
  const int64_t past = BootTimeNs() + 2'000'000'000;
  ASSERT_TRUE(WaitUntil([&] { return BootTimeNs() > past; }));
  close(open(Work("go").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.code, 4);
  EXPECT_EQ(record.stop_cause, StopCause::kNone);
}

TEST_P(ShimStopTest, NothingStartsUnderADeadLease) {
  Start(Script("echo started").Text("lease", MakeLease(BootTimeNs() - 1)).Number("grace_ms", 1));
  const ExitRecord record = WaitForExit();
  EXPECT_EQ(record.kind, ExitKind::kFailedToStart);
  EXPECT_EQ(record.stop_cause, StopCause::kLeaseExpired);
  EXPECT_STREQ(record.error, "stopped before the start");
  EXPECT_EQ(Log(), "");
}

TEST_P(ShimStopTest, TheMainProcessDiesWithItsShim) {
  Start(Script("echo $$ > pid; exec sleep 1000"));
  const PinnedProcess job(WaitForPid("pid"));
  ASSERT_EQ(kill(shim_pid_, SIGKILL), 0);
  EXPECT_EQ(WaitForShim(), -SIGKILL);
  EXPECT_TRUE(WaitUntil([&] { return !job.alive(); }));
  EXPECT_NE(access(Path("exit").c_str(), F_OK), 0);
}

TEST_P(ShimStopTest, CountsTheCpuOfTheWholeTree) {
  // Burnt by a grandchild that nobody waits for but the shim.
  Start(
      Script("(sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done > note' &) ; "
             "while [ ! -e note ]; do sleep 0.01; done; sleep 0.05"));
  const ExitRecord record = WaitForExit();
  EXPECT_GT(record.user_us + record.system_us, 20'000);
  EXPECT_GT(record.max_rss_bytes, 100'000);
}

}  // namespace
}  // namespace heliotrope::agent::shim
