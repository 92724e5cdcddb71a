// The verbs of `heliotrope job`, one file each or two that belong together.
#pragma once

#include <string>
#include <vector>

#include "heliotrope/v1/jobs.pb.h"
#include "scheduler/cli/command_tree.h"

namespace heliotrope::cli {

void AddJobSubmit(CommandTree& tree, Noun noun);
void AddJobGet(CommandTree& tree, Noun noun);
void AddJobList(CommandTree& tree, Noun noun);
void AddJobWatch(CommandTree& tree, Noun noun);
void AddJobWait(CommandTree& tree, Noun noun);
void AddJobLogs(CommandTree& tree, Noun noun);
void AddJobOutput(CommandTree& tree, Noun noun);
void AddJobCancel(CommandTree& tree, Noun noun);
void AddJobExplain(CommandTree& tree, Noun noun);

// Waits until all these jobs (full names) have ended, over broken connections. The jobs as they
// ended, in the order of `names`.
absl::StatusOr<v1::ListJobsResponse> WaitForJobs(Context& context,
                                                 const std::vector<std::string>& names);
// kOk if all succeeded.
Exit ResultOf(const v1::ListJobsResponse& ended);

}  // namespace heliotrope::cli
