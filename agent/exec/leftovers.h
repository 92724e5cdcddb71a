// What may live on of an attempt whose shim is dead, or whose files are damaged.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "agent/exec/attempt.h"

namespace heliotrope::agent::exec {

// Kills once more what is left of a job whose shim is dead. True when nothing is.
bool CleanOnce(const std::string& cgroup, const std::string& mark);

// Returns `damaged`, and if that is DATA_LOSS only when all is dead that the kernel names of the
// attempt: damaged files say nothing of that, and what is told as lost is started elsewhere
// (Promise 3). The shim that has the launch, with its job, and all that is in `cgroup` unless that
// is empty, is killed before. Without a cgroup nothing names what a job has left whose shim is dead:
// its mark was in the damaged file, so that may live on. FAILED_PRECONDITION when what was killed
// has not ended in 10 s.
absl::Status EndDamaged(const AttemptPaths& paths, const std::string& cgroup,
                        const absl::Status& damaged);

}  // namespace heliotrope::agent::exec
