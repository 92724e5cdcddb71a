// Processes by pidfd: starting a shim, reaping it, finding it again.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "agent/exec/attempt.h"
#include "agent/exec/attempt_files.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {

struct ShimProcess {
  pid_t pid = -1;
  os::UniqueFd pidfd;  // Readable when it has ended.
};

// Whether it was written since the machine's last start.
bool IsOfThisBoot(const shim::StatusRecord& status);

// Starts `shim` for an attempt's directory, all signals blocked, its standard streams from and to
// `null_fd`. Cheap from a large process: nothing of its memory is copied.
absl::StatusOr<ShimProcess> SpawnShim(const std::string& shim, const std::string& directory,
                                      int null_fd);

// Reaps an ended shim if it is our child. How it ended, for people: "exited with 71".
std::string ReapShim(int pidfd);

// The living process that holds this lock, by the kernel's word alone. NOT_FOUND when nobody does.
absl::StatusOr<ShimProcess> FindHolder(const LaunchLock& lock);
// The living shim that holds this lock. NOT_FOUND when nobody does. FAILED_PRECONDITION when the
// attempt's status record names another process than the one that the kernel names: then nothing
// here may be signalled.
absl::StatusOr<ShimProcess> FindShim(const AttemptPaths& paths, const LaunchLock& lock,
                                     uint32_t incarnation);

}  // namespace heliotrope::agent::exec
