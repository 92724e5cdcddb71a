// The files of an attempt's directory that agent and shim share: written and read back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/exec/attempt.h"
#include "agent/shim/record_format.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {

// Every process of an attempt carries this variable with a random value: by it a restarted agent
// proves that a process without shim and cgroup is one of its own (Promise 11).
inline constexpr char kMarkVariable[] = "HELIOTROPE_ATTEMPT_MARK";

// What a launch file gives back to a restarted agent.
struct LaunchFacts {
  std::string cgroup;  // Empty: process tree only.
  std::string mark;
  uint32_t incarnation = 0;
};

// What the node adds to a launch.
struct LaunchPlace {
  std::string cgroup = "";
  std::string lease = "";
  std::string mark = "";
  uint32_t incarnation = 1;
  absl::Duration kill_margin;
  int nice = 19;
  bool idle_scheduling = true;
  int oom_score_adj = 500;
  bool durable_exit = true;
};

// INVALID_ARGUMENT when the shim would refuse it: too long, too many, NUL, no program.
absl::StatusOr<std::string> LaunchText(const AttemptLaunch& launch, const AttemptPaths& paths,
                                       const LaunchPlace& place);
// Of the launch, or if there is none, of the one that was voided last. NOT_FOUND without either.
absl::StatusOr<LaunchFacts> ReadLaunchFacts(const AttemptPaths& paths);

// Makes this the attempt's launch, and rids the directory of records of earlier processes. A crash
// in between leaves records that the readers below take for what they are.
absl::Status WriteLaunch(const AttemptPaths& paths, absl::string_view text, uint32_t incarnation);

// The record of that process. NOT_FOUND when there is none, or only an earlier one's; DATA_LOSS
// when it is not whole.
absl::StatusOr<AttemptEnd> ReadExitRecord(const AttemptPaths& paths, uint32_t incarnation);
// Makes it durable, its name with it. NOT_FOUND when there is none.
absl::Status SyncExitRecord(const AttemptPaths& paths);
absl::StatusOr<shim::StatusRecord> ReadStatusRecord(const AttemptPaths& paths,
                                                    uint32_t incarnation);

// The lock that a shim holds on its launch as long as it lives.
class LaunchLock {
 public:
  // NOT_FOUND when there is no launch file.
  static absl::StatusOr<LaunchLock> Open(const AttemptPaths& paths);
  // The living shim that holds it; 0: none.
  pid_t Holder() const;
  // Takes it, until this object is gone. False when a shim was faster.
  bool Take() const;
  // Makes sure that no shim ever starts this launch. REQUIRES: taken.
  absl::Status Void(const AttemptPaths& paths) const;

 private:
  explicit LaunchLock(os::UniqueFd fd) : fd_(std::move(fd)) {}
  os::UniqueFd fd_;
};

}  // namespace heliotrope::agent::exec
