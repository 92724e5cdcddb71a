// A job, its tasks and their journeys as text. Pure.
#pragma once

#include <google/protobuf/repeated_field.h>

#include <string>

#include "absl/time/time.h"
#include "heliotrope/v1/jobs.pb.h"
#include "scheduler/cli/journey.h"
#include "scheduler/cli/look.h"
#include "scheduler/cli/table.h"

namespace heliotrope::cli {

using Tasks = google::protobuf::RepeatedPtrField<v1::Task>;

// "name value" lines.
std::string JobText(const v1::Job& job, absl::Time now, const Look& look);
// "in 3h", "in 3h, LATE" when a task is foreseen to end after it, or "".
Cell DeadlineCell(const v1::Job& job, absl::Time now);
// A table, then a line for each task that has moved or run: "0  hangzhou 02:10 -> virginia 19:55".
std::string TasksText(const Tasks& tasks, const Zones& zones, absl::Time now, const Look& look);
// One task with its attempts and why each was placed and ended.
std::string TaskText(const v1::Task& task, const Zones& zones, absl::Time now, const Look& look);

// "nightly-7  RUNNING  2 running, 1 pending  waits for ..." without a line feed.
std::string JobLine(const v1::Job& job, const Look& look);
// "nightly-7/3  RUNNING  frankfurt-1, attempt 2  ..." without a line feed.
std::string TaskLine(const v1::Task& task, const Look& look);

// The answer of ExplainJob.
std::string ExplainText(const v1::ExplainJobResponse& answer, absl::Time now, const Look& look);

}  // namespace heliotrope::cli
