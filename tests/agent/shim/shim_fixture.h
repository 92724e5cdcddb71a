// Starts a real heliotrope-shim in a scratch directory and waits for what it does. Waiting is
// always for a condition, with a deadline that is only there to fail rather than hang.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "agent/shim/launch_writer.h"
#include "agent/shim/record_format.h"
#include "agent/shim/wish.h"
#include "gtest/gtest.h"

namespace heliotrope::agent::shim {

// Polls until the condition holds; false after a generous deadline.
bool WaitUntil(const std::function<bool()>& condition);

std::string ReadWholeFile(const std::string& path);

// A process pinned by a pidfd while it was alive.
class PinnedProcess {
 public:
  explicit PinnedProcess(pid_t pid);
  ~PinnedProcess();
  PinnedProcess(const PinnedProcess&) = delete;
  PinnedProcess& operator=(const PinnedProcess&) = delete;
  bool alive() const;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  int fd_;
};

class ShimFixture : public testing::Test {
 protected:
  ShimFixture();
  ~ShimFixture() override;

  // Uses a cgroup of its own from now on. False where none can be made.
  bool UseCgroup();

  // A launch of `sh -c script` with the fixture's defaults, to be added to.
  LaunchWriter Script(const std::string& script);

  // Writes the launch and starts a shim for it.
  void Start(const LaunchWriter& writer);
  // Waits for the shim's end and reads the exit record.
  ExitRecord WaitForExit();
  // The shim's own exit code, waited for.
  int WaitForShim();

  void Wishes(Wish wish);
  // Waits until the job has written this to its standard output.
  bool WaitForOutput(const std::string& text);
  // Waits for a file of the work directory that holds a pid, and pins that process.
  pid_t WaitForPid(const std::string& name);

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  std::string Work(const std::string& name) const { return directory_ + "/work/" + name; }
  std::string Log() const { return ReadWholeFile(Path("stdout.log")); }

  std::string directory_;
  std::string cgroup_;
  pid_t shim_pid_ = -1;
  int shim_pidfd_ = -1;
};

// The same test with the process tree alone and with a cgroup.
class ShimTreeTest : public ShimFixture, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    if (GetParam() && !UseCgroup()) GTEST_SKIP() << "no cgroup v2 can be made here";
  }
};

inline std::string TreeName(const testing::TestParamInfo<bool>& info) {
  return info.param ? "Cgroup" : "ProcessTree";
}

}  // namespace heliotrope::agent::shim
