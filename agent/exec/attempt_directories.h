// The directories of attempts: made, listed, removed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/exec/attempt.h"

namespace heliotrope::agent::exec {

// Makes the attempt's directories, or gives those that are there to the job's user.
absl::Status MakeAttemptDirectories(const AttemptPaths& paths, const std::optional<JobUser>& user);

// Attempts with a directory, in order of their keys.
absl::StatusOr<std::vector<AttemptKey>> ListAttempts(const std::string& state_directory);

// Removes an attempt's directory. It is no attempt's any more from the first moment, so a crash
// leaves none with half of its records. RESOURCE_EXHAUSTED when it is very large: call again.
absl::Status RemoveAttempt(const std::string& state_directory, const AttemptKey& key);
// Goes on with removals that a crash has cut short.
void FinishRemovals(const std::string& state_directory);

}  // namespace heliotrope::agent::exec
