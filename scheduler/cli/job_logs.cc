// heliotrope job logs: straight from the agent that has them, never through the scheduler.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "heliotrope/v1/agent.grpc.pb.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/job.h"
#include "scheduler/cli/tasks.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

// Between two looks whether the task has gone on elsewhere, real time.
constexpr absl::Duration kPollInterval = absl::Seconds(1);
// How long a silent agent is tried before the scheduler is asked whether the task has moved.
constexpr absl::Duration kAgentPatience = absl::Seconds(5);

struct Flags {
  std::string name;
  int attempt = 0;
  bool err = false;
  bool follow = false;
  int64_t tail = 0;
};

class LogReader {
 public:
  LogReader(Context& context, const Flags& flags, Client& scheduler)
      : context_(context), flags_(flags), scheduler_(scheduler) {}

  Outcome Run() {
    HT_ASSIGN_OR_RETURN(const JobOrTask name, JobOrTaskOf(flags_.name));
    HT_RETURN_IF_ERROR(ChooseTask(name));
    HT_ASSIGN_OR_RETURN(std::optional<v1::Attempt> attempt, FirstAttempt());
    while (attempt.has_value()) {
      HT_RETURN_IF_ERROR(Read(*attempt));
      if (!flags_.follow || flags_.attempt != 0) break;
      HT_ASSIGN_OR_RETURN(attempt, AttemptAfter(attempt->number()));
    }
    return Exit::kOk;
  }

 private:
  absl::Status ChooseTask(const JobOrTask& name) {
    job_ = name.job;
    index_ = name.task.value_or(0);
    if (name.task.has_value()) return absl::OkStatus();
    HT_ASSIGN_OR_RETURN(const v1::Job job, GetJob(scheduler_, job_));
    if (job.count() > 1) {
      context_.Say(
          absl::StrCat("task 0 of ", job.count(), "; for another: ", ShortName(job_), "/tasks/I"));
    }
    return absl::OkStatus();
  }

  absl::Status Refresh() {
    HT_ASSIGN_OR_RETURN(task_, GetTask(scheduler_, job_, index_));
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<v1::Attempt>> FirstAttempt() {
    HT_RETURN_IF_ERROR(Refresh());
    const auto found = FindAttempt(task_, flags_.attempt);
    if (found.ok()) return std::optional<v1::Attempt>(*found);
    if (!flags_.follow || flags_.attempt != 0) return found.status();
    context_.Say(found.status().message());
    return AttemptAfter(0);
  }

  // The oldest attempt after that one, once it has started; nullopt when the task ends without one.
  absl::StatusOr<std::optional<v1::Attempt>> AttemptAfter(int number) {
    while (true) {
      HT_RETURN_IF_ERROR(Refresh());
      for (const v1::Attempt& attempt : task_.attempts()) {
        const bool started = attempt.has_start_time() && !attempt.agent_address().empty();
        if (attempt.number() > number && started) return std::optional<v1::Attempt>(attempt);
      }
      if (HasEnded(task_.state())) return std::optional<v1::Attempt>();
      if (absl::Now() > scheduler_.follow_until()) return TimeUp();
      absl::SleepFor(kPollInterval);
    }
  }

  // Whether the attempt is over, so that its agent may be gone for good.
  bool IsOver(const v1::Attempt& attempt) {
    if (!Refresh().ok()) return false;
    return task_.attempt() > attempt.number() || HasEnded(task_.state());
  }

  absl::Status Read(const v1::Attempt& attempt) {
    if (attempt.agent_address().empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(AttemptWords(task_, attempt), " has no agent that could be asked"));
    }
    context_.Say(
        absl::StrCat(flags_.err ? "stderr" : "stdout", " of ", AttemptWords(task_, attempt)));
    HT_ASSIGN_OR_RETURN(const std::unique_ptr<Client> agent,
                        context_.Agent(attempt.agent_address()));
    int64_t offset = flags_.tail > 0 && !read_any_ ? -flags_.tail : 0;
    read_any_ = true;
    const std::function<v1::ReadLogRequest()> request = [&] { return Request(attempt, offset); };
    const std::function<bool(const v1::ReadLogResponse&)> show =
        [&](const v1::ReadLogResponse& response) {
          offset = response.offset_bytes() + static_cast<int64_t>(response.data().size());
          if (context_.json()) {
            context_.PrintJsonLine(response);
          } else {
            context_.Print(response.data());
          }
          return true;
        };
    while (true) {
      const absl::Status status =
          agent->Follow(&v1::AgentService::Stub::ReadLog, request, show, kAgentPatience);
      if (!flags_.follow || !absl::IsUnavailable(status)) return status;
      if (IsOver(attempt)) {
        context_.Say(absl::StrCat("heliotrope: ", status.message(), "; the rest of ",
                                  AttemptWords(task_, attempt), " cannot be read now"));
        return absl::OkStatus();
      }
    }
  }

  v1::ReadLogRequest Request(const v1::Attempt& attempt, int64_t offset) const {
    v1::ReadLogRequest request;
    request.mutable_attempt()->set_task(task_.name());
    request.mutable_attempt()->set_attempt(attempt.number());
    request.mutable_attempt()->set_reader_jurisdiction(context_.flags().jurisdiction);
    request.set_stream(flags_.err ? v1::ReadLogRequest::STREAM_STDERR
                                  : v1::ReadLogRequest::STREAM_STDOUT);
    request.set_offset_bytes(offset);
    request.set_follow(flags_.follow);
    return request;
  }

  Context& context_;
  const Flags& flags_;
  Client& scheduler_;
  std::string job_;
  int index_ = 0;
  v1::Task task_;
  bool read_any_ = false;
};

Outcome Logs(Context& context, const Flags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  return LogReader(context, flags, *scheduler).Run();
}

}  // namespace

void AddJobLogs(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<Flags>();
  Verb verb = tree.AddVerb(
      noun,
      {"logs",
       "reads what a task wrote, from the agent that has it",
       {"heliotrope job logs nightly-7", "heliotrope job logs nightly-7/tasks/3 --stderr",
        "heliotrope job logs nightly-7 --follow --tail 2000   # on over its moves"},
       "job"},
      [flags](Context& context) { return Logs(context, *flags); });
  verb.Argument("JOB", flags->name, Need::kRequired, "such as nightly-7, or nightly-7/tasks/3");
  verb.Number("--attempt", flags->attempt, {1, 2'000'000'000},
              "which attempt (default: the newest)");
  verb.Flag("--stderr", flags->err, "standard error instead of standard output");
  verb.Flag("--follow", flags->follow,
            "go on until the attempt ends; without --attempt until the task does");
  verb.Number("--tail", flags->tail, {1, int64_t{1} << 50}, "only the last so many bytes");
}

}  // namespace heliotrope::cli
