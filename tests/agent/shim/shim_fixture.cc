#include "shim_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

extern char** environ;

namespace heliotrope::agent::shim {
namespace {

constexpr int kDeadlineSeconds = 60;

bool PollIn(int fd, int timeout_ms) {
  pollfd waited{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&waited, 1, timeout_ms) > 0;
}

void RemoveTree(const std::string& path) {
  if (DIR* dir = opendir(path.c_str())) {
    while (const dirent* entry = readdir(dir)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      const std::string child = path + "/" + name;
      if (entry->d_type == DT_DIR) {
        RemoveTree(child);
      } else {
        unlink(child.c_str());
      }
    }
    closedir(dir);
  }
  rmdir(path.c_str());
}

}  // namespace

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

std::string ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

PinnedProcess::PinnedProcess(pid_t pid)
    : pid_(pid), fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
  EXPECT_GE(fd_, 0) << "process " << pid << " is not there";
}
PinnedProcess::~PinnedProcess() { close(fd_); }
bool PinnedProcess::alive() const { return !PollIn(fd_, 0); }

ShimFixture::ShimFixture() {
  std::string pattern = testing::TempDir() + "shim.XXXXXX";
  directory_ = mkdtemp(pattern.data());
  // The job may be another user.
  chmod(directory_.c_str(), 0755);
  mkdir((directory_ + "/work").c_str(), 0777);
  chmod((directory_ + "/work").c_str(), 0777);
}

ShimFixture::~ShimFixture() {
  if (shim_pidfd_ >= 0) {
    // Only after a failed test is it still there.
    if (!PollIn(shim_pidfd_, 0)) {
      SendWish(shim_pidfd_, Wish::kKill);
      PollIn(shim_pidfd_, kDeadlineSeconds * 1000);
      waitpid(shim_pid_, nullptr, 0);
    }
    close(shim_pidfd_);
  }
  if (!cgroup_.empty()) {
    // Emptied by the shim; where it was itself killed, some may still be dying.
    WaitUntil([&] { return rmdir(cgroup_.c_str()) == 0 || errno != EBUSY; });
  }
  RemoveTree(directory_);
}

bool ShimFixture::UseCgroup() {
  for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    const std::string path =
        std::string(root) + "/heliotrope-shim-test-" + directory_.substr(directory_.size() - 6);
    // Elsewhere than in cgroup v2, a new directory there does not have this file.
    if (mkdir(path.c_str(), 0755) != 0) continue;
    if (access((path + "/cgroup.kill").c_str(), W_OK) == 0) {
      cgroup_ = path;
      return true;
    }
    rmdir(path.c_str());
  }
  return false;
}

LaunchWriter ShimFixture::Script(const std::string& script) {
  LaunchWriter writer;
  writer.Text("arg", "sh").Text("arg", "-c").Text("arg", script);
  writer.Text("cwd", directory_ + "/work").Text("cgroup", cgroup_);
  writer.Number("grace_ms", kDeadlineSeconds * 1000);
  return writer;
}

void ShimFixture::Start(const LaunchWriter& writer) {
  std::ofstream(Path("launch"), std::ios::binary) << writer.Finish();
  const std::string program = std::string(HT_BIN_DIR) + "/heliotrope-shim";
  std::string argument = directory_;
  char* argv[] = {const_cast<char*>(program.c_str()), argument.data(), nullptr};
  // All signals blocked, as the agent does it: a wish may come before the shim listens.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  ASSERT_EQ(posix_spawn(&shim_pid_, program.c_str(), nullptr, &attributes, argv, environ), 0);
  posix_spawnattr_destroy(&attributes);
  if (shim_pidfd_ >= 0) close(shim_pidfd_);
  shim_pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, shim_pid_, 0));
  ASSERT_GE(shim_pidfd_, 0);
}

int ShimFixture::WaitForShim() {
  EXPECT_TRUE(PollIn(shim_pidfd_, kDeadlineSeconds * 1000)) << "the shim did not end";
  int status = 0;
  EXPECT_EQ(waitpid(shim_pid_, &status, WNOHANG), shim_pid_);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

ExitRecord ShimFixture::WaitForExit() {
  EXPECT_EQ(WaitForShim(), 0);
  const std::string text = ReadWholeFile(Path("exit"));
  ExitRecord record{};
  EXPECT_TRUE(ParseExit(text.data(), text.size(), &record)) << text;
  return record;
}

void ShimFixture::Wishes(Wish wish) { ASSERT_TRUE(SendWish(shim_pidfd_, wish)); }

bool ShimFixture::WaitForOutput(const std::string& text) {
  return WaitUntil([&] { return Log().find(text) != std::string::npos; });
}

pid_t ShimFixture::WaitForPid(const std::string& name) {
  std::string text;
  EXPECT_TRUE(WaitUntil([&] {
    text = ReadWholeFile(Work(name));
    return !text.empty() && text.back() == '\n';
  })) << name;
  return static_cast<pid_t>(atoi(text.c_str()));
}

}  // namespace heliotrope::agent::shim
