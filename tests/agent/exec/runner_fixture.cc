#include "runner_fixture.h"

#include <poll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/exec/attempt_files.h"

namespace heliotrope::agent::exec {
namespace {

constexpr time_t kDeadlineSeconds = 60;

// One per test, so that tests in other processes do not meet in one cgroup.
std::string AgentId(const Scratch& scratch) {
  return absl::StrCat("exec-test-", scratch.path().substr(scratch.path().size() - 6));
}

}  // namespace

const char kCheckpointer[] =
    "trap 'echo $n > $HELIOTROPE_CHECKPOINT_DIR/n; exit 85' TERM; "
    "n=$(cat $HELIOTROPE_CHECKPOINT_DIR/n 2>/dev/null || echo 0); echo from $n; "
    "while :; do n=$((n+1)); sleep 0.01; done";
const char kDaemonizer[] =
    "setsid sh -c 'sh -c \"trap \\\"\\\" TERM; echo \\$\\$ > pid; while :; do sleep 1; done\" & "
    "exit' >/dev/null 2>&1 </dev/null & while [ ! -s pid ]; do sleep 0.01; done; echo ready; ";

bool WaitUntil(const std::function<bool()>& condition) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const time_t last = now.tv_sec + kDeadlineSeconds;
  while (!condition()) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (now.tv_sec > last) return false;
    usleep(2000);
  }
  return true;
}

PinnedProcess::PinnedProcess(pid_t pid) : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
  EXPECT_TRUE(fd_.valid()) << "process " << pid << " is not there";
}

bool PinnedProcess::alive() const {
  pollfd waited{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return poll(&waited, 1, 0) == 0;
}

void RunnerTest::SetUp() {
  if (GetParam()) {
    auto tree = CgroupTree::Open({.agent = AgentId(scratch_)});
    if (!tree.ok()) GTEST_SKIP() << tree.status();
    cgroups_ = *std::move(tree);
  }
  MakeRunner();
}

void RunnerTest::TearDown() {
  if (runner_ == nullptr) return;
  // Only after a failure is there something left.
  for (const AttemptKey& key : runner_->Live()) runner_->Kill(key).IgnoreError();
  WaitUntil([&] { return runner_->Live().empty(); });
  runner_ = nullptr;
  if (cgroups_ != nullptr) {
    const std::string directory = cgroups_->directory();
    cgroups_ = nullptr;
    EXPECT_NE(access(directory.c_str(), F_OK), 0) << "an attempt's cgroup is left";
  }
}

ShimRunner::Options RunnerTest::Options() const {
  ShimRunner::Options options;
  options.state_directory = scratch_.path();
  options.shim = std::string(HT_BIN_DIR) + "/heliotrope-shim";
  options.cgroups = cgroups_.get();
  options.lease = lease_;
  // Low priorities wait for an idle CPU, which a machine that builds and tests hardly has.
  options.nice = 0;
  options.idle_scheduling = false;
  return options;
}

void RunnerTest::MakeRunner() {
  runner_ = nullptr;
  auto runner = ShimRunner::Create(Options(), [this](const AttemptKey& key, const AttemptEnd& end) {
    const MutexLock lock(mutex_);
    ends_[key].push_back(end);
  });
  ASSERT_TRUE(runner.ok()) << runner.status();
  runner_ = *std::move(runner);
}

AttemptKey RunnerTest::Key(uint32_t attempt) {
  return {.task = {.job = JobUid(1), .index = 0}, .attempt = AttemptNumber(attempt)};
}

AttemptLaunch RunnerTest::Script(uint32_t attempt, const std::string& script) const {
  AttemptLaunch launch;
  launch.key = Key(attempt);
  launch.command = {"sh", "-c", script};
  launch.grace = absl::Seconds(kDeadlineSeconds);
  return launch;
}

absl::Status RunnerTest::Run(const AttemptLaunch& launch) {
  const absl::Status prepared = runner_->Prepare(launch);
  return prepared.ok() ? runner_->Start(launch) : prepared;
}

bool RunnerTest::HasEnded(uint32_t attempt) {
  const MutexLock lock(mutex_);
  return !ends_[Key(attempt)].empty();
}

AttemptEnd RunnerTest::WaitForEnd(uint32_t attempt) {
  EXPECT_TRUE(WaitUntil([&] { return HasEnded(attempt); })) << "no end of attempt " << attempt;
  const MutexLock lock(mutex_);
  std::vector<AttemptEnd>& ends = ends_[Key(attempt)];
  if (ends.empty()) return {};
  EXPECT_EQ(ends.size(), 1u) << "reported twice";
  AttemptEnd end = ends.front();
  ends.clear();
  return end;
}

bool RunnerTest::WaitForOutput(uint32_t attempt, const std::string& text) {
  return WaitUntil([&] { return absl::StrContains(Log(attempt), text); });
}

pid_t RunnerTest::WaitForPid(uint32_t attempt, const std::string& name) {
  std::string text;
  EXPECT_TRUE(WaitUntil([&] {
    text = ReadText(Work(attempt, name));
    return absl::EndsWith(text, "\n");
  })) << name;
  return atoi(text.c_str());
}

pid_t RunnerTest::ShimPid(uint32_t attempt) {
  pid_t pid = -1;
  EXPECT_TRUE(WaitUntil([&] {
    const auto status = ReadStatusRecord(Paths(attempt), 1);
    if (status.ok()) pid = status->shim_pid;
    return status.ok();
  }));
  return pid;
}

}  // namespace heliotrope::agent::exec
