// Tasks and their attempts, as the verbs that show and read them need them.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "scheduler/cli/client.h"
#include "scheduler/cli/context.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/pages.h"

namespace heliotrope::cli {

// INVALID_ARGUMENT (misuse) when it is no job's or task's name.
absl::StatusOr<JobOrTask> JobOrTaskOf(const std::string& name);

absl::StatusOr<v1::Job> GetJob(Client& scheduler, const std::string& name);

// The first tasks of a job, by index.
absl::StatusOr<v1::ListTasksResponse> ListTasks(Client& scheduler, const std::string& job,
                                                PageLimit limit = {});
// NOT_FOUND: the job has no such task.
absl::StatusOr<v1::Task> GetTask(Client& scheduler, const std::string& job, int index);

// The attempt of that number, or for 0 the newest one that has an agent to ask.
// FAILED_PRECONDITION: there is none (yet).
absl::StatusOr<v1::Attempt> FindAttempt(const v1::Task& task, int number);

// "attempt 2 of nightly-7/0 on nodes/fra1-a (frankfurt-1)".
std::string AttemptWords(const v1::Task& task, const v1::Attempt& attempt);

}  // namespace heliotrope::cli
