// Names as people type them. The API wants `jobs/nightly-7`; `nightly-7` alone is enough here. What
// already has a slash goes as it is, so that the scheduler says what is wrong with it.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace heliotrope::cli {

std::string FullJobName(absl::string_view name);
std::string FullNodeName(absl::string_view name);
std::string FullDataCenterName(absl::string_view name);
// `regions/emea` stays; a bare id is a data center's.
std::string FullPlaceName(absl::string_view name);

// What follows the first slash: "nightly-7", "nightly-7/tasks/3"; all of it when there is none.
std::string ShortName(absl::string_view name);

// A job, or one task of it: `nightly-7`, `jobs/nightly-7/tasks/3`, `nightly-7/3`.
struct JobOrTask {
  // `jobs/nightly-7`.
  std::string job = {};
  std::optional<int> task = {};

  // `jobs/nightly-7` or `jobs/nightly-7/tasks/3`.
  std::string FullName() const;
};

// Nullopt when the part behind the job is no task's.
std::optional<JobOrTask> ParseJobOrTask(absl::string_view name);

// The index in `jobs/nightly-7/tasks/3`; 0 when there is none.
int TaskIndexOf(absl::string_view task_name);

}  // namespace heliotrope::cli
