// Starts the job's process.
#pragma once

#include <sys/types.h>

#include "agent/shim/launch_format.h"

namespace heliotrope::agent::shim {

// What went wrong between fork and exec, in the words of the child; sent through `error_fd`.
struct SpawnError {
  char step[32];
  int error;  // An errno.
};

struct SpawnedJob {
  pid_t pid;
  // Non-blocking reading ends. `error_fd` ends without a byte when the program was executed, else
  // it gives one SpawnError. Not waited for here: a program on a hanging network drive must not
  // keep the shim from its lease.
  int stdout_fd;
  int stderr_fd;
  int error_fd;
};

// The job's process is the leader of a session of its own, in the cgroup behind `cgroup_fd` (-1:
// none) from its first instruction, with the user, directory, priorities and environment of
// `launch`, and is killed when the shim dies. All signals must be blocked in the caller; the job
// gets none blocked and all at their defaults. On failure pid is -1 and `*error` says why.
SpawnedJob SpawnJob(const Launch& launch, int cgroup_fd, SpawnError* error);

}  // namespace heliotrope::agent::shim
