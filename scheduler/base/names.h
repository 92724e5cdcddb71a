// Ids and resource names: "jobs/nightly-7", "jobs/nightly-7/tasks/3", "nodes/f1-a",
// "dataCenters/frankfurt-1", "regions/emea". Also the nearest known name for a mistyped one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/ids.h"

namespace heliotrope {

// The pattern of every id that users choose: [a-z]([-a-z0-9]{0,61}[a-z0-9])?
bool IsValidId(absl::string_view id);
// INVALID_ARGUMENT naming `field` and the pattern, or OK.
absl::Status CheckId(absl::string_view field, absl::string_view id);

// A task as users name it.
struct TaskName {
  JobId job;
  uint32_t index = 0;

  friend auto operator<=>(const TaskName&, const TaskName&) = default;
};

std::string JobName(const JobId& id);
std::string FormatTaskName(const JobId& job, uint32_t index);
std::string AccountName(const AccountId& id);
std::string NodeName(const NodeId& id);
std::string DataCenterName(const DataCenterId& id);
std::string RegionName(const RegionId& id);

// INVALID_ARGUMENT with field "name" when the text is not such a name.
absl::StatusOr<JobId> ParseJobName(absl::string_view name);
absl::StatusOr<TaskName> ParseTaskName(absl::string_view name);
absl::StatusOr<NodeId> ParseNodeName(absl::string_view name);
absl::StatusOr<DataCenterId> ParseDataCenterName(absl::string_view name);
absl::StatusOr<RegionId> ParseRegionName(absl::string_view name);

// The candidate that `word` most likely was meant to be, or "": by insertions, deletions, changes
// and swaps of neighbours (Damerau 1964, optimal string alignment), at most 2 and fewer than half
// of the word. The first of several equals. Letter case does not count.
std::string NearestName(absl::string_view word, const std::vector<std::string>& candidates);
// "; did you mean \"y\"?" or "", to end an error's text with.
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace heliotrope
