// heliotrope job get|list|explain
#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "scheduler/base/names.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/fleet.h"
#include "scheduler/cli/job.h"
#include "scheduler/cli/job_view.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/tasks.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

using Jobs = v1::JobService::Stub;

// Tasks that `job get` shows of its own accord.
constexpr int kTasksShown = 20;

struct GetFlags {
  std::string name;
  bool all_tasks = false;
};

struct ListFlags {
  int limit = 100;
  bool all = false;
  std::vector<std::string> states;
  std::string account;
};

Outcome GetOneTask(Context& context, Client& scheduler, const JobOrTask& name) {
  HT_ASSIGN_OR_RETURN(const v1::Task task, GetTask(scheduler, name.job, *name.task));
  if (context.json()) {
    context.PrintJson(task);
    return Exit::kOk;
  }
  HT_ASSIGN_OR_RETURN(const v1::ListDataCentersResponse fleet, ListDataCenters(scheduler));
  HT_ASSIGN_OR_RETURN(const absl::Time now, SchedulerNow(scheduler));
  context.Print(TaskText(task, ZonesOf(fleet.data_centers()), now, context.look()));
  return Exit::kOk;
}

// {job, tasks}, the shape of a watch's message.
Outcome PrintWithTasks(Context& context, Client& scheduler, const v1::Job& job) {
  HT_ASSIGN_OR_RETURN(v1::ListTasksResponse tasks, ListTasks(scheduler, job.name()));
  v1::WatchJobsResponse document;
  *document.mutable_job() = job;
  document.mutable_tasks()->Swap(tasks.mutable_tasks());
  context.PrintJson(document);
  return Exit::kOk;
}

Outcome Get(Context& context, const GetFlags& flags) {
  HT_ASSIGN_OR_RETURN(const JobOrTask name, JobOrTaskOf(flags.name));
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  if (name.task.has_value()) return GetOneTask(context, *scheduler, name);
  HT_ASSIGN_OR_RETURN(const v1::Job job, GetJob(*scheduler, name.job));
  if (context.json() && flags.all_tasks) return PrintWithTasks(context, *scheduler, job);
  if (context.json()) {
    context.PrintJson(job);
    return Exit::kOk;
  }
  const PageLimit limit = flags.all_tasks ? PageLimit{} : PageLimit{kTasksShown};
  HT_ASSIGN_OR_RETURN(const v1::ListTasksResponse tasks, ListTasks(*scheduler, name.job, limit));
  HT_ASSIGN_OR_RETURN(const v1::ListDataCentersResponse fleet, ListDataCenters(*scheduler));
  HT_ASSIGN_OR_RETURN(const absl::Time now, SchedulerNow(*scheduler));
  context.Print(
      absl::StrCat(JobText(job, now, context.look()), "\n",
                   TasksText(tasks.tasks(), ZonesOf(fleet.data_centers()), now, context.look())));
  if (!tasks.next_page_token().empty()) {
    context.Say(absl::StrCat("the first ", tasks.tasks_size(), " of ", job.count(),
                             " tasks; --all-tasks shows every one"));
  }
  return Exit::kOk;
}

absl::StatusOr<v1::Job::State> ParseState(const std::string& word) {
  std::vector<std::string> known;
  for (const v1::Job::State state :
       {v1::Job::STATE_PENDING, v1::Job::STATE_RUNNING, v1::Job::STATE_SUCCEEDED,
        v1::Job::STATE_FAILED, v1::Job::STATE_CANCELLED}) {
    known.push_back(absl::AsciiStrToLower(StateWords(state)));
    if (known.back() == absl::AsciiStrToLower(word)) return state;
  }
  const std::string nearest = DidYouMean(word, known);
  return Misuse(
      absl::StrCat("--state \"", word, "\" is none",
                   nearest.empty() ? absl::StrCat(": use ", absl::StrJoin(known, ", ")) : nearest));
}

absl::StatusOr<v1::ListJobsRequest> RequestOf(const ListFlags& flags) {
  v1::ListJobsRequest request;
  request.set_account(flags.account);
  for (const std::string& words : flags.states) {
    for (const absl::string_view word : absl::StrSplit(words, ',', absl::SkipWhitespace())) {
      HT_ASSIGN_OR_RETURN(const v1::Job::State state, ParseState(std::string(word)));
      request.add_states(state);
    }
  }
  return request;
}

Outcome List(Context& context, const ListFlags& flags) {
  HT_ASSIGN_OR_RETURN(const v1::ListJobsRequest request, RequestOf(flags));
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  const PageLimit limit = flags.all ? PageLimit{} : PageLimit{flags.limit};
  HT_ASSIGN_OR_RETURN(v1::ListJobsResponse answer,
                      ListAll(
                          *scheduler, &Jobs::ListJobs, request,
                          +[](const v1::ListJobsResponse& r) { return r.jobs_size(); }, limit));
  if (context.json()) {
    context.PrintJson(answer);
  } else {
    HT_ASSIGN_OR_RETURN(const absl::Time now, SchedulerNow(*scheduler));
    Table table({{"JOB"}, {"STATE"}, {"TASKS"}, {"AGE"}, {"DEADLINE"}, {"ACCOUNT"}, {"WHY"}});
    for (const v1::Job& job : answer.jobs()) {
      table.Add({{ShortName(job.name())},
                 {StateWords(job.state()), StateStyle(job.state())},
                 {CountsWords(job.task_counts())},
                 {Relative(TimeOf(job.create_time()), now)},
                 DeadlineCell(job, now),
                 {job.account()},
                 {job.status_message()}});
    }
    context.Print(table.Render(context.look()));
  }
  if (!answer.next_page_token().empty()) {
    context.Say(absl::StrCat("the oldest ", answer.jobs_size(),
                             "; --all shows every one, --limit "
                             "more, --state running,pending those that have not ended"));
  }
  return Exit::kOk;
}

Outcome Explain(Context& context, const std::string& name) {
  HT_ASSIGN_OR_RETURN(const JobOrTask parsed, JobOrTaskOf(name));
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::ExplainJobRequest request;
  request.set_name(parsed.FullName());
  HT_ASSIGN_OR_RETURN(const v1::ExplainJobResponse answer,
                      scheduler->Read(&Jobs::ExplainJob, request));
  if (context.json()) {
    context.PrintJson(answer);
    return Exit::kOk;
  }
  HT_ASSIGN_OR_RETURN(const absl::Time now, SchedulerNow(*scheduler));
  context.Print(ExplainText(answer, now, context.look()));
  return Exit::kOk;
}

}  // namespace

void AddJobGet(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<GetFlags>();
  Verb verb = tree.AddVerb(noun,
                           {"get",
                            "shows a job with its tasks and their journeys, or one task",
                            {"heliotrope job get nightly-7", "heliotrope job get nightly-7/tasks/3",
                             "heliotrope job get nightly-7 --all-tasks --json"},
                            "job"},
                           [flags](Context& context) { return Get(context, *flags); });
  verb.Argument("JOB", flags->name, Need::kRequired, "such as nightly-7, or nightly-7/tasks/3");
  verb.Flag("--all-tasks", flags->all_tasks,
            "every task, not only the first 20; with --json: {job, tasks}");
}

void AddJobList(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<ListFlags>();
  Verb verb =
      tree.AddVerb(noun,
                   {"list",
                    "lists jobs, oldest first",
                    {"heliotrope job list", "heliotrope job list --state running,pending --all",
                     "heliotrope job list --account research --json"},
                    ""},
                   [flags](Context& context) { return List(context, *flags); });
  verb.Number("--limit", flags->limit, {1, 1'000'000}, "at most so many (default 100)");
  verb.Flag("--all", flags->all, "every one");
  verb.Repeated("--state", flags->states, "STATES",
                "only pending, running, succeeded, failed or cancelled ones; repeatable");
  verb.Text("--account", flags->account, "ID", "only this account's");
}

void AddJobExplain(CommandTree& tree, Noun noun) {
  const auto name = std::make_shared<std::string>();
  Verb verb = tree.AddVerb(
      noun,
      {"explain",
       "says why a job waits or runs where it does, and what each data center offers",
       {"heliotrope job explain nightly-7", "heliotrope job explain nightly-7/tasks/3"},
       "job"},
      [name](Context& context) { return Explain(context, *name); });
  verb.Argument("JOB", *name, Need::kRequired, "such as nightly-7, or nightly-7/tasks/3");
}

}  // namespace heliotrope::cli
