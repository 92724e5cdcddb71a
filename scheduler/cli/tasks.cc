#include "scheduler/cli/tasks.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "scheduler/base/errors.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

using Jobs = v1::JobService::Stub;

int CountTasks(const v1::ListTasksResponse& response) { return response.tasks_size(); }

}  // namespace

absl::StatusOr<JobOrTask> JobOrTaskOf(const std::string& name) {
  const auto parsed = ParseJobOrTask(name);
  if (parsed.has_value()) return *parsed;
  return Misuse(absl::StrCat("\"", name,
                             "\" is neither a job, such as nightly-7, nor a task of "
                             "one, such as nightly-7/tasks/3"));
}

absl::StatusOr<v1::Job> GetJob(Client& scheduler, const std::string& name) {
  v1::GetJobRequest request;
  request.set_name(name);
  return scheduler.Read(&Jobs::GetJob, request);
}

absl::StatusOr<v1::ListTasksResponse> ListTasks(Client& scheduler, const std::string& job,
                                                PageLimit limit) {
  v1::ListTasksRequest request;
  request.set_parent(job);
  return ListAll(scheduler, &Jobs::ListTasks, request, &CountTasks, limit);
}

absl::StatusOr<v1::Task> GetTask(Client& scheduler, const std::string& job, int index) {
  v1::ListTasksRequest request;
  request.set_parent(job);
  do {
    request.set_page_size(std::min(kMaxPageSize, index + 1));
    HT_ASSIGN_OR_RETURN(const v1::ListTasksResponse page,
                        scheduler.Read(&Jobs::ListTasks, request));
    for (const v1::Task& task : page.tasks()) {
      if (TaskIndexOf(task.name()) == index) return task;
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return NotFound("task", absl::StrCat(job, "/tasks/", index));
}

absl::StatusOr<v1::Attempt> FindAttempt(const v1::Task& task, int number) {
  for (auto it = task.attempts().rbegin(); it != task.attempts().rend(); ++it) {
    if (number == 0 ? !it->agent_address().empty() : it->number() == number) return *it;
  }
  if (number != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(task.name(), " has no attempt ", number, "; the newest is ", task.attempt()));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(task.name(), " is ", StateWords(task.state()),
                   HasEnded(task.state()) ? " and never started" : " and has not started yet",
                   task.detail().empty() ? "" : ": ", task.detail()));
}

std::string AttemptWords(const v1::Task& task, const v1::Attempt& attempt) {
  return absl::StrCat("attempt ", attempt.number(), " of ",
                      absl::StrReplaceAll(ShortName(task.name()), {{"/tasks/", "/"}}), " on ",
                      ShortName(attempt.node()), " (", ShortName(attempt.data_center()), ")");
}

}  // namespace heliotrope::cli
