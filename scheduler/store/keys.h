// Keys of records: numbers are big-endian, so that the order of bytes is the natural one.
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/store/store.h"

namespace heliotrope::store {

// Also the prefix of the job's task keys.
std::string JobKey(JobUid uid);
std::string TaskKey(const TaskId& id);
// All bins of a data center; no other data center's key begins so.
std::string CurveBinPrefix(const DataCenterId& data_center);
// `start` is a whole second.
std::string CurveBinKey(const DataCenterId& data_center, absl::Time start);

// DATA_LOSS when the key is none of its kind.
absl::StatusOr<JobUid> ParseJobKey(absl::string_view key);
absl::StatusOr<TaskId> ParseTaskKey(absl::string_view key);
absl::StatusOr<std::pair<DataCenterId, absl::Time>> ParseCurveBinKey(absl::string_view key);

// For people: "12/7", "frankfurt-1 2026-03-02T09:00:00Z", "nightly-7"; hex for what is no such key.
std::string PrintedKey(Kind kind, absl::string_view key);

}  // namespace heliotrope::store
