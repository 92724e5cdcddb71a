// A ShimRunner on a scratch directory, and jobs that are shell scripts. Waiting is always for a
// condition, with a deadline that is only there to fail rather than hang.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/exec/shim_runner.h"
#include "gtest/gtest.h"
#include "scheduler/base/mutex.h"
#include "scratch.h"

namespace heliotrope::agent::exec {

bool WaitUntil(const std::function<bool()>& condition);

// A process pinned by a pidfd while it was alive.
class PinnedProcess {
 public:
  explicit PinnedProcess(pid_t pid);
  bool alive() const;

 private:
  os::UniqueFd fd_;
};

// A job of the checkpoint contract.
extern const char kCheckpointer[];
// One whose main process leaves a daemon behind: another session, another parent; its pid in "pid".
extern const char kDaemonizer[];

// With the process tree alone (false) and with cgroups (true).
class RunnerTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override;
  void TearDown() override;

  // A new runner, as a restarted agent would make it. The old one is gone first.
  void MakeRunner();
  ShimRunner::Options Options() const;

  static AttemptKey Key(uint32_t attempt);
  AttemptLaunch Script(uint32_t attempt, const std::string& script) const;
  // Prepares and starts.
  absl::Status Run(const AttemptLaunch& launch);

  AttemptEnd WaitForEnd(uint32_t attempt);
  bool HasEnded(uint32_t attempt);
  bool WaitForOutput(uint32_t attempt, const std::string& text);
  pid_t WaitForPid(uint32_t attempt, const std::string& name);
  // The shim's pid as its status record has it.
  pid_t ShimPid(uint32_t attempt);

  AttemptPaths Paths(uint32_t attempt) const { return PathsOf(scratch_.path(), Key(attempt)); }
  std::string Log(uint32_t attempt) const { return ReadText(Paths(attempt).root + "/stdout.log"); }
  std::string Work(uint32_t attempt, const std::string& name) const {
    return Paths(attempt).work + "/" + name;
  }

  const Scratch scratch_;
  std::string lease_;
  std::unique_ptr<CgroupTree> cgroups_;
  std::unique_ptr<ShimRunner> runner_;
  Mutex mutex_;
  std::map<AttemptKey, std::vector<AttemptEnd>> ends_ ABSL_GUARDED_BY(mutex_);
};

inline std::string TreeName(const testing::TestParamInfo<bool>& info) {
  return info.param ? "Cgroups" : "ProcessTrees";
}

}  // namespace heliotrope::agent::exec
