// heliotrope job watch|wait|cancel
#include <algorithm>
#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/job.h"
#include "scheduler/cli/job_view.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/pages.h"
#include "scheduler/cli/request_id.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

using Jobs = v1::JobService::Stub;

// Names of one WatchJobs call: the API's bound.
constexpr size_t kNamesPerWatch = 1000;

struct WatchFlags {
  std::vector<std::string> names;
  bool tasks = false;
};

struct CancelFlags {
  std::vector<std::string> names;
  std::string request_id;
  bool yes = false;
};

std::vector<std::string> FullJobNames(const std::vector<std::string>& names) {
  std::vector<std::string> full;
  for (const std::string& name : names) full.push_back(FullJobName(name));
  return full;
}

// Shows each message; lines that say what the last one of the same job or task said are left out,
// as after a reconnection.
class Lines {
 public:
  explicit Lines(Context& context) : context_(context) {}

  void Show(const v1::WatchJobsResponse& response) {
    if (context_.json()) {
      context_.PrintJsonLine(response);
      return;
    }
    Show(response.job().name(), JobLine(response.job(), context_.look()));
    for (const v1::Task& task : response.tasks()) {
      Show(task.name(), "  " + TaskLine(task, context_.look()));
    }
  }

 private:
  void Show(const std::string& name, const std::string& line) {
    std::string& last = last_[name];
    if (last == line) return;
    last = line;
    context_.Print(line + "\n");
  }

  Context& context_;
  std::map<std::string, std::string> last_;
};

Outcome Watch(Context& context, const WatchFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  const std::function<v1::WatchJobsRequest()> request = [&] {
    v1::WatchJobsRequest made;
    for (const std::string& name : FullJobNames(flags.names)) made.add_names(name);
    made.set_include_tasks(flags.tasks);
    return made;
  };
  Lines lines(context);
  const std::function<bool(const v1::WatchJobsResponse&)> show =
      [&](const v1::WatchJobsResponse& response) {
        lines.Show(response);
        return true;
      };
  const absl::Status status = scheduler->Follow(&Jobs::WatchJobs, request, show);
  if (!status.ok() && !IsTimeUp(status)) return status;
  return Exit::kOk;
}

// Watches at most kNamesPerWatch jobs until all have ended; `ended` gets each.
absl::Status WaitForSome(Client& scheduler, const std::vector<std::string>& names,
                         std::map<std::string, v1::Job>& ended) {
  const auto is_left = [&](const std::string& name) { return ended.count(name) == 0; };
  const std::function<v1::WatchJobsRequest()> request = [&] {
    v1::WatchJobsRequest made;
    for (const std::string& name : names) {
      if (is_left(name)) made.add_names(name);
    }
    return made;
  };
  const std::function<bool(const v1::WatchJobsResponse&)> note =
      [&](const v1::WatchJobsResponse& response) {
        if (HasEnded(response.job().state())) ended[response.job().name()] = response.job();
        return std::any_of(names.begin(), names.end(), is_left);
      };
  while (std::any_of(names.begin(), names.end(), is_left)) {
    const size_t ended_before = ended.size();
    HT_RETURN_IF_ERROR(scheduler.Follow(&Jobs::WatchJobs, request, note));
    // A stream that ended early and brought nothing: no reason to ask in a tight circle.
    if (ended.size() == ended_before) absl::SleepFor(absl::Seconds(1));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ActiveJobs(Client& scheduler) {
  v1::ListJobsRequest request;
  request.add_states(v1::Job::STATE_PENDING);
  request.add_states(v1::Job::STATE_RUNNING);
  HT_ASSIGN_OR_RETURN(const v1::ListJobsResponse answer,
                      ListAll(
                          scheduler, &Jobs::ListJobs, request,
                          +[](const v1::ListJobsResponse& r) { return r.jobs_size(); }));
  std::vector<std::string> names;
  for (const v1::Job& job : answer.jobs()) names.push_back(job.name());
  return names;
}

Outcome Wait(Context& context, const std::vector<std::string>& given) {
  std::vector<std::string> names = FullJobNames(given);
  if (names.empty()) {
    HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
    HT_ASSIGN_OR_RETURN(names, ActiveJobs(*scheduler));
    context.Say(absl::StrCat("waiting for the ", names.size(), " jobs that have not ended"));
  }
  HT_ASSIGN_OR_RETURN(const v1::ListJobsResponse ended, WaitForJobs(context, names));
  if (context.json()) {
    context.PrintJson(ended);
  } else {
    for (const v1::Job& job : ended.jobs()) context.Print(JobLine(job, context.look()) + "\n");
  }
  return ResultOf(ended);
}

Outcome Cancel(Context& context, const CancelFlags& flags) {
  const std::vector<std::string> names = FullJobNames(flags.names);
  if (names.size() > 1 && !flags.request_id.empty()) {
    return Misuse("--request-id is for one job, and there are several");
  }
  const std::string what = names.size() == 1 ? names.front() : absl::StrCat(names.size(), " jobs");
  HT_RETURN_IF_ERROR(
      context.Confirm(absl::StrCat("cancelling ", what, " cannot be undone:"), flags.yes));
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::ListJobsResponse cancelled;
  for (const std::string& name : names) {
    v1::CancelJobRequest request;
    request.set_name(name);
    request.set_request_id(RequestIdOr(flags.request_id));
    HT_ASSIGN_OR_RETURN(const v1::Job job, scheduler->Change(&Jobs::CancelJob, request),
                        absl::StrCat("cancelling ", name));
    *cancelled.add_jobs() = job;
    if (context.json()) continue;
    context.Print(absl::StrCat(job.name(), "\n"));
    context.Say(HasEnded(job.state())
                    ? absl::StrCat(ShortName(name), " is ", StateWords(job.state()))
                    : absl::StrCat(ShortName(name), " will not start anything more; stopping: ",
                                   CountsWords(job.task_counts())));
  }
  if (context.json()) {
    if (names.size() == 1) {
      context.PrintJson(cancelled.jobs(0));
    } else {
      context.PrintJson(cancelled);
    }
  }
  return Exit::kOk;
}

}  // namespace

absl::StatusOr<v1::ListJobsResponse> WaitForJobs(Context& context,
                                                 const std::vector<std::string>& names) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  std::map<std::string, v1::Job> ended;
  for (size_t from = 0; from < names.size(); from += kNamesPerWatch) {
    const size_t to = std::min(names.size(), from + kNamesPerWatch);
    const std::vector<std::string> part(names.begin() + static_cast<ptrdiff_t>(from),
                                        names.begin() + static_cast<ptrdiff_t>(to));
    HT_RETURN_IF_ERROR(WaitForSome(*scheduler, part, ended));
  }
  v1::ListJobsResponse in_order;
  for (const std::string& name : names) *in_order.add_jobs() = ended[name];
  return in_order;
}

Exit ResultOf(const v1::ListJobsResponse& ended) {
  const bool all_succeeded =
      std::all_of(ended.jobs().begin(), ended.jobs().end(),
                  [](const v1::Job& job) { return job.state() == v1::Job::STATE_SUCCEEDED; });
  return all_succeeded ? Exit::kOk : Exit::kFailed;
}

void AddJobWatch(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<WatchFlags>();
  Verb verb = tree.AddVerb(
      noun,
      {"watch",
       "shows a line whenever a job changes, until all that are named have ended",
       {"heliotrope job watch nightly-7 --tasks", "heliotrope job watch   # every job, for ever"},
       "job"},
      [flags](Context& context) { return Watch(context, *flags); });
  verb.Arguments("JOB", flags->names, Need::kOptional, "such as nightly-7; none: every job");
  verb.Flag("--tasks", flags->tasks, "also the tasks that change");
}

void AddJobWait(CommandTree& tree, Noun noun) {
  const auto names = std::make_shared<std::vector<std::string>>();
  Verb verb = tree.AddVerb(
      noun,
      {"wait",
       "waits until jobs have ended; exit 0 if all succeeded, else 1",
       {"heliotrope job wait nightly-7", "heliotrope job wait --timeout 2h   # every active job"},
       "job"},
      [names](Context& context) { return Wait(context, *names); });
  verb.Arguments("JOB", *names, Need::kOptional,
                 "such as nightly-7; none: every job that has not ended");
}

void AddJobCancel(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<CancelFlags>();
  Verb verb = tree.AddVerb(
      noun,
      {"cancel",
       "cancels jobs: final, and it wins over any later start",
       {"heliotrope job cancel nightly-7", "heliotrope job cancel sweep-1 sweep-2 --yes"},
       "job"},
      [flags](Context& context) { return Cancel(context, *flags); });
  verb.Arguments("JOB", flags->names, Need::kRequired, "such as nightly-7");
  verb.Flag("-y,--yes", flags->yes, "do not ask; needed where nobody can be asked");
  verb.Text("--request-id", flags->request_id, "ID",
            "sent along; a repeat changes nothing in any case");
}

}  // namespace heliotrope::cli
