// The words of this room: which attempt, what it is started with, how it ended.
#pragma once

#include <sys/types.h>

#include <compare>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/shim/record_format.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"

namespace heliotrope::agent::exec {

struct AttemptKey {
  TaskId task;
  AttemptNumber attempt;

  friend constexpr auto operator<=>(const AttemptKey&, const AttemptKey&) = default;
  friend std::ostream& operator<<(std::ostream& out, const AttemptKey& key) {
    return out << key.task << '-' << key.attempt;
  }
};

// "12.7-3": job uid 12, task 7, attempt 3. The name of its directory and of its cgroup.
std::string DirectoryName(const AttemptKey& key);
// INVALID_ARGUMENT for what DirectoryName does not make.
absl::StatusOr<AttemptKey> ParseDirectoryName(absl::string_view name);

// Where an attempt's files are. Only work, checkpoint and output belong to the job's user.
struct AttemptPaths {
  std::string root;
  std::string work;
  std::string checkpoint;
  std::string output;
};
AttemptPaths PathsOf(const std::string& state_directory, const AttemptKey& key);

// Whom the job runs as.
struct JobUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
// NOT_FOUND when the host has no such user. INVALID_ARGUMENT for more groups than a launch holds.
absl::StatusOr<JobUser> FindJobUser(const std::string& name);

// What is started. The job's environment is exactly `environment` and what belongs to its place:
// HELIOTROPE_CHECKPOINT_DIR, HELIOTROPE_OUTPUT_DIR, and, where not given, PATH, HOME and TMPDIR.
struct AttemptLaunch {
  AttemptKey key;
  // Which process of the attempt it is, from 1: an attempt goes on in a new process after a
  // periodic checkpoint. 0: the one after the last that was launched.
  uint32_t incarnation = 0;
  std::vector<std::string> command;  // Not empty; without '/' it is looked for in PATH.
  std::map<std::string, std::string> environment;
  std::string working_directory;  // Absolute; empty: the attempt's own, AttemptPaths::work.
  std::optional<JobUser> user;    // Unset: the agent's own.
  // The checkpoint contract: signal, time to save, exit code for "saved, to be continued".
  int checkpoint_signal = SIGTERM;
  absl::Duration grace = absl::Seconds(30);
  int checkpoint_exit_code = 85;
  // From SIGTERM to the kill after Stop.
  absl::Duration stop_grace = absl::Seconds(5);
  // Where the cgroup has the controllers: its share among attempts, and its limit. Zero: none.
  MilliCores cores;
  Bytes memory;
  // It goes on when the node's lease is over.
  bool outlives_lease = false;
  // Of each of the two logs: kept in files of a quarter of this.
  Bytes log_size = Bytes::FromMiB(16);
};

// Using the shim's own words for how a job ended.
using shim::StopCause;

struct AttemptEnd {
  enum class Kind {
    kExited,
    kSignaled,
    kFailedToStart,  // `error` says why.
    kLost,           // Nobody knows how it ended, but it has; `error` says why.
  };
  Kind kind = Kind::kLost;
  uint32_t incarnation = 0;
  int exit_code = 0;  // kExited.
  int signal = 0;     // kSignaled.
  // Why it was ended from outside, kNone if it was not, and whether it had to be killed for that.
  StopCause stop_cause = StopCause::kNone;
  bool grace_exceeded = false;
  bool checkpointed = false;                     // It exited with its checkpoint code.
  absl::Time start_time = absl::InfinitePast();  // Real time; InfinitePast: it never started.
  absl::Time end_time = absl::InfinitePast();    // kLost: when it was found.
  absl::Duration user_cpu;
  absl::Duration system_cpu;
  Bytes max_memory;
  Bytes log_lost;  // Output that could not be written.
  std::string error;
};
std::string ToString(AttemptEnd::Kind kind);
// One line for logs: "exited 85 leave-requested checkpointed".
std::string Describe(const AttemptEnd& end);

// What an attempt, or all of them, uses.
struct Usage {
  absl::Duration cpu;
  Bytes memory;
};

}  // namespace heliotrope::agent::exec
