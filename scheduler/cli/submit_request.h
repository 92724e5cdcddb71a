// From the flags of `job submit` and a job file to the request. Pure: the file's job and the
// scheduler's time come in as values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heliotrope/v1/jobs.pb.h"
#include "scheduler/base/units.h"

namespace heliotrope::cli {

// Only what was given is set.
struct SubmitFlags {
  std::string file;
  std::optional<std::string> name;
  std::optional<int> count;
  std::optional<MilliCores> cores;
  std::optional<Bytes> memory;
  std::optional<absl::Duration> expected;
  // RFC 3339, or "+" and a duration from the scheduler's now.
  std::optional<std::string> deadline;
  std::optional<int> priority;
  std::optional<std::string> account;
  std::optional<std::string> home;
  // Each may hold several, with commas between.
  std::vector<std::string> residency;
  // NAME=VALUE.
  std::vector<std::string> environment;
  std::optional<std::string> working_directory;
  bool checkpoint = false;
  std::optional<std::string> checkpoint_signal;
  std::optional<absl::Duration> checkpoint_grace;
  std::optional<int> checkpoint_exit_code;
  std::optional<absl::Duration> checkpoint_interval;
  std::optional<Bytes> checkpoint_size;
  std::optional<int> retries;
  std::optional<std::string> on_disconnect;
  std::vector<std::string> outputs;
  bool allow_late = false;
  std::string request_id;
  bool dry_run = false;
  bool wait = false;
  std::vector<std::string> command;
};

// Whether `deadline` counts from the scheduler's clock.
bool DeadlineIsRelative(const SubmitFlags& flags);

// The request without its request id. What a flag says wins over `job`, which is the file's; lists
// (residency, outputs, the command) are replaced, the environment is added to. `now` is needed only
// if DeadlineIsRelative. INVALID_ARGUMENT (misuse): a flag is wrong in itself, or there is no
// command.
absl::StatusOr<v1::CreateJobRequest> MakeCreateRequest(const SubmitFlags& flags, v1::Job job,
                                                       absl::Time now);

}  // namespace heliotrope::cli
