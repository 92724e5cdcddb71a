// heliotrope job submit
#include <memory>

#include "absl/strings/str_cat.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "scheduler/base/limits.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/fleet.h"
#include "scheduler/cli/job.h"
#include "scheduler/cli/job_view.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/request_id.h"
#include "scheduler/cli/submit_request.h"
#include "scheduler/cli/words.h"
#include "scheduler/os/yaml.h"

namespace heliotrope::cli {
namespace {

absl::StatusOr<v1::Job> JobOfFile(const Context& context, const std::string& file) {
  v1::Job job;
  if (file.empty()) return job;
  if (file != "-") {
    HT_RETURN_IF_ERROR(os::LoadYamlFile(file, &job));
    return job;
  }
  // One byte more than is taken, so that more is refused rather than cut.
  std::string text(static_cast<size_t>(kMaxConfigBytes) + 1, '\0');
  std::istream& in = context.console().in;
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  HT_RETURN_IF_ERROR(os::LoadYamlText(text, "stdin", &job));
  return job;
}

absl::StatusOr<v1::CreateJobRequest> RequestOf(Context& context, SubmitFlags flags,
                                               Client& scheduler) {
  flags.command = context.after_dashes();
  HT_ASSIGN_OR_RETURN(v1::Job job, JobOfFile(context, flags.file));
  absl::Time now;
  if (DeadlineIsRelative(flags)) {
    HT_ASSIGN_OR_RETURN(now, SchedulerNow(scheduler));
  }
  HT_ASSIGN_OR_RETURN(v1::CreateJobRequest request, MakeCreateRequest(flags, std::move(job), now));
  request.set_request_id(RequestIdOr(flags.request_id));
  return request;
}

// After an error that leaves open whether the job was accepted, the same request id finds it.
absl::Status WithHowToRepeat(const absl::Status& status, const v1::CreateJobRequest& request) {
  if (!absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status)) return status;
  return absl::Status(
      status.code(),
      absl::StrCat(
          status.message(),
          "\nwhether the job was accepted is not known: submit it again with --request-id ",
          request.request_id(), ", and there will be one, never two"));
}

Outcome WaitFor(Context& context, const v1::Job& job) {
  HT_ASSIGN_OR_RETURN(const v1::ListJobsResponse ended, WaitForJobs(context, {job.name()}));
  if (context.json()) {
    context.PrintJson(ended.jobs(0));
  } else {
    context.Say(absl::StrCat(ShortName(job.name()), " ", StateWords(ended.jobs(0).state())));
  }
  return ResultOf(ended);
}

// What would become of it, in the words of `job explain`.
Outcome DryRun(Context& context, Client& scheduler, const v1::CreateJobRequest& request) {
  v1::ExplainJobRequest explain;
  *explain.mutable_create() = request;
  HT_ASSIGN_OR_RETURN(const v1::ExplainJobResponse answer,
                      scheduler.Read(&v1::JobService::Stub::ExplainJob, explain));
  if (context.json()) {
    context.PrintJson(answer);
  } else {
    HT_ASSIGN_OR_RETURN(const absl::Time now, SchedulerNow(scheduler));
    context.Print(ExplainText(answer, now, context.look()));
  }
  context.Say("a dry run: the job would be accepted; nothing was submitted");
  return Exit::kOk;
}

Outcome Submit(Context& context, const SubmitFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  HT_ASSIGN_OR_RETURN(const v1::CreateJobRequest request, RequestOf(context, flags, *scheduler));
  if (flags.dry_run) return DryRun(context, *scheduler, request);
  const auto job = scheduler->Change(&v1::JobService::Stub::CreateJob, request);
  if (!job.ok()) return WithHowToRepeat(job.status(), request);
  const bool wait_with_json = context.json() && flags.wait;
  if (!context.json()) context.Print(absl::StrCat(job->name(), "\n"));
  if (context.json() && !wait_with_json) context.PrintJson(*job);
  if (flags.wait) return WaitFor(context, *job);
  context.Hint(absl::StrCat("heliotrope job explain ", ShortName(job->name()),
                            "   (where, when, "
                            "why)  |  heliotrope job wait ",
                            ShortName(job->name())));
  return Exit::kOk;
}

void AddWhat(Verb& verb, SubmitFlags& flags) {
  verb.Text("-f,--file", flags.file, "FILE",
            "a YAML file with the fields of heliotrope.v1.Job; - is stdin; flags win over it");
  verb.Text("--name", flags.name, "ID", "its id; without one an id is made up");
  verb.Number("--count", flags.count,
              "so many tasks: an array; each sees its HELIOTROPE_TASK_INDEX (default 1)");
  verb.Cores("--cores", flags.cores, "cores of a task (default 1)");
  verb.Size("--memory", flags.memory, "memory of a task, such as 4GiB (default 256MiB)");
  verb.Duration("--expected", flags.expected, "how long a task takes on its cores");
  verb.Repeated("--env", flags.environment, "NAME=VALUE",
                "a variable of its environment; repeatable");
  verb.Text("--workdir", flags.working_directory, "PATH",
            "an absolute path on the node (default: a fresh scratch directory)");
  verb.Number("--retries", flags.retries, "failed attempts to allow (default 0)");
  verb.Text("--on-disconnect", flags.on_disconnect, "stop|continue",
            "whether a task whose node is cut off goes on there, and is started nowhere else "
            "meanwhile (default stop)");
  verb.Repeated("--output", flags.outputs, "GLOB",
                "files in $HELIOTROPE_OUTPUT_DIR to keep (default **); repeatable");
}

void AddWhereAndWhen(Verb& verb, SubmitFlags& flags) {
  verb.Repeated("--residency", flags.residency, "WORDS",
                "jurisdictions or groups where it may be, such as EU,CH; or any; repeatable");
  verb.Text("--deadline", flags.deadline, "TIME",
            "when it must be done: 2026-03-02T18:00:00Z, or +12h from the scheduler's now");
  verb.Flag("--allow-late", flags.allow_late, "accept a deadline that cannot be met any more");
  verb.Number("--priority", flags.priority, "-100 to 100, higher goes first (default 0)");
  verb.Text("--account", flags.account, "ID", "who pays (default \"default\")");
  verb.Text("--home", flags.home, "NAME", "the data center that it prefers at equal cost");
}

void AddCheckpoint(Verb& verb, SubmitFlags& flags) {
  verb.Flag("--checkpoint", flags.checkpoint,
            "it can save and go on elsewhere: on a signal it saves to "
            "$HELIOTROPE_CHECKPOINT_DIR and exits with 85");
  verb.Text("--checkpoint-signal", flags.checkpoint_signal, "SIGNAL", "default SIGTERM");
  verb.Duration("--checkpoint-grace", flags.checkpoint_grace,
                "real time that it has to save (default 20s)");
  verb.Number("--checkpoint-exit-code", flags.checkpoint_exit_code,
              "the exit code that says \"saved\" (default 85)");
  verb.Duration("--checkpoint-interval", flags.checkpoint_interval,
                "save this often, with a copy on a second node (default: only to move)");
  verb.Size("--checkpoint-size", flags.checkpoint_size, "expected size (default 64MiB)");
}

void AddHow(Verb& verb, SubmitFlags& flags) {
  verb.Text("--request-id", flags.request_id, "ID",
            "the same id gives the same job, however often it is submitted");
  verb.Flag("--dry-run", flags.dry_run,
            "submit nothing; say what is wrong with it, or where and when it would run and why");
  verb.Flag("--wait", flags.wait, "wait for its end; exit 0 if it succeeded");
}

}  // namespace

void AddJobSubmit(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<SubmitFlags>();
  Verb verb = tree.AddVerb(
      noun,
      {"submit",
       "submits a job; prints its name",
       {"heliotrope job submit --residency any -- ./render --frame 7",
        "heliotrope job submit --name nightly-7 --residency EU --cores 4 --memory 8GiB \\",
        "    --expected 6h --deadline +24h --checkpoint --checkpoint-interval 30m -- ./train",
        "heliotrope job submit --count 100 --residency US,EU -- sh -c 'work "
        "$HELIOTROPE_TASK_INDEX'",
        "heliotrope job submit -f job.yaml --priority 10",
        "heliotrope job submit -f job.yaml --dry-run",
        "job=$(heliotrope job submit -f job.yaml) && heliotrope job wait $job"},
       ""},
      [flags](Context& context) { return Submit(context, *flags); });
  AddWhat(verb, *flags);
  AddWhereAndWhen(verb, *flags);
  AddCheckpoint(verb, *flags);
  AddHow(verb, *flags);
  tree.LetTakeCommand(verb);
}

}  // namespace heliotrope::cli
