// heliotrope job output: lists and fetches the files that tasks left, straight from their agents.
#include <fcntl.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "heliotrope/v1/agent.grpc.pb.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/job.h"
#include "scheduler/cli/output_path.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/tasks.h"
#include "scheduler/cli/words.h"
#include "scheduler/os/files.h"

namespace heliotrope::cli {
namespace {

// How long a file's agent may be silent before the fetch is given up.
constexpr absl::Duration kAgentPatience = absl::Minutes(1);

struct Flags {
  std::string name;
  std::string path;
  std::string to;
  int attempt = 0;
};

// One attempt's files.
struct Source {
  v1::AttemptSelector attempt = {};
  // What stands before its paths: "3/" for task 3 of an array, else nothing.
  std::string prefix = {};
  std::string words = {};
  std::unique_ptr<Client> agent = nullptr;
};

absl::StatusOr<Source> SourceOf(Context& context, const v1::Task& task, const Flags& flags) {
  HT_ASSIGN_OR_RETURN(const v1::Attempt attempt, FindAttempt(task, flags.attempt));
  Source source{.words = AttemptWords(task, attempt)};
  source.attempt.set_task(task.name());
  source.attempt.set_attempt(attempt.number());
  source.attempt.set_reader_jurisdiction(context.flags().jurisdiction);
  HT_ASSIGN_OR_RETURN(source.agent, context.Agent(attempt.agent_address()));
  return source;
}

// One source for a task or a job of one task, one for each task of an array that has started.
absl::StatusOr<std::vector<Source>> SourcesOf(Context& context, Client& scheduler,
                                              const Flags& flags) {
  HT_ASSIGN_OR_RETURN(const JobOrTask name, JobOrTaskOf(flags.name));
  std::vector<Source> sources;
  HT_ASSIGN_OR_RETURN(const v1::Job job, GetJob(scheduler, name.job));
  if (name.task.has_value() || job.count() <= 1) {
    HT_ASSIGN_OR_RETURN(const v1::Task task, GetTask(scheduler, name.job, name.task.value_or(0)));
    HT_ASSIGN_OR_RETURN(Source source, SourceOf(context, task, flags));
    sources.push_back(std::move(source));
    return sources;
  }
  if (!flags.path.empty() || flags.attempt != 0) {
    return Misuse(absl::StrCat(name.job, " has ", job.count(), " tasks: name one, such as ",
                               ShortName(name.job), "/tasks/0"));
  }
  HT_ASSIGN_OR_RETURN(const v1::ListTasksResponse tasks, ListTasks(scheduler, name.job));
  for (const v1::Task& task : tasks.tasks()) {
    if (!FindAttempt(task, 0).ok()) continue;
    HT_ASSIGN_OR_RETURN(Source source, SourceOf(context, task, flags));
    source.prefix = absl::StrCat(TaskIndexOf(task.name()), "/");
    sources.push_back(std::move(source));
  }
  return sources;
}

absl::StatusOr<v1::ListOutputsResponse> ListFiles(Source& source) {
  v1::ListOutputsRequest request;
  *request.mutable_attempt() = source.attempt;
  HT_ASSIGN_OR_RETURN(v1::ListOutputsResponse files,
                      source.agent->Read(&v1::AgentService::Stub::ListOutputs, request),
                      source.words);
  return files;
}

// Sends a file's bytes to `write`, going on from where a broken connection left off.
absl::Status Fetch(Source& source, const std::string& path,
                   const std::function<absl::Status(const std::string&)>& write) {
  int64_t offset = 0;
  absl::Status written;
  const std::function<v1::ReadOutputRequest()> request = [&] {
    v1::ReadOutputRequest made;
    *made.mutable_attempt() = source.attempt;
    made.set_path(path);
    made.set_offset_bytes(offset);
    return made;
  };
  const std::function<bool(const v1::ReadOutputResponse&)> take =
      [&](const v1::ReadOutputResponse& response) {
        written = write(response.data());
        offset += static_cast<int64_t>(response.data().size());
        return written.ok();
      };
  HT_RETURN_IF_ERROR(
      source.agent->Follow(&v1::AgentService::Stub::ReadOutput, request, take, kAgentPatience));
  return written;
}

// To a file beside it first, so that nobody takes a part for the whole.
absl::Status FetchTo(Source& source, const std::string& path, const std::string& directory) {
  HT_ASSIGN_OR_RETURN(const std::string target,
                      TargetPath(directory, absl::StrCat(source.prefix, path)));
  HT_RETURN_IF_ERROR(os::EnsureDirectory(target.substr(0, target.rfind('/')), 0755));
  const std::string part = target + ".part";
  HT_ASSIGN_OR_RETURN(const os::UniqueFd fd,
                      os::OpenFile(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
  HT_RETURN_IF_ERROR(Fetch(
      source, path, [&](const std::string& bytes) { return os::WriteAll(fd.get(), bytes, part); }));
  if (std::rename(part.c_str(), target.c_str()) != 0) {
    return os::FileError(errno, "rename", target);
  }
  return absl::OkStatus();
}

Outcome FetchAll(Context& context, std::vector<Source>& sources, const Flags& flags) {
  int count = 0;
  for (Source& source : sources) {
    HT_ASSIGN_OR_RETURN(const v1::ListOutputsResponse files, ListFiles(source));
    for (const auto& file : files.files()) {
      HT_RETURN_IF_ERROR(FetchTo(source, file.path(), flags.to));
      context.Print(absl::StrCat(flags.to, "/", source.prefix, Printable(file.path()), "\n"));
      ++count;
    }
    if (files.truncated()) context.Say(absl::StrCat(source.words, " has more files than these"));
  }
  context.Say(absl::StrCat(count, count == 1 ? " file" : " files"));
  return Exit::kOk;
}

Outcome List(Context& context, std::vector<Source>& sources) {
  v1::ListOutputsResponse all;
  for (Source& source : sources) {
    HT_ASSIGN_OR_RETURN(const v1::ListOutputsResponse files, ListFiles(source));
    for (const auto& file : files.files()) {
      auto* added = all.add_files();
      *added = file;
      added->set_path(absl::StrCat(source.prefix, file.path()));
    }
    all.set_truncated(all.truncated() || files.truncated());
  }
  if (context.json()) {
    context.PrintJson(all);
    return Exit::kOk;
  }
  Table table({{"SIZE", Align::kRight}, {"WRITTEN"}, {"PATH"}});
  for (const auto& file : all.files()) {
    table.Add({{SizeWords(file.size_bytes())},
               {file.has_modify_time() ? TimeWords(TimeOf(file.modify_time())) : ""},
               {file.path()}});
  }
  context.Print(table.Render(context.look()));
  if (all.truncated()) context.Say("there are more files than could be listed");
  return Exit::kOk;
}

Outcome Output(Context& context, const Flags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  HT_ASSIGN_OR_RETURN(std::vector<Source> sources, SourcesOf(context, *scheduler, flags));
  for (const Source& source : sources) context.Say(absl::StrCat("outputs of ", source.words));
  if (flags.path.empty()) {
    return flags.to.empty() ? List(context, sources) : FetchAll(context, sources, flags);
  }
  if (flags.to.empty()) {
    HT_RETURN_IF_ERROR(Fetch(sources.front(), flags.path, [&](const std::string& bytes) {
      context.Print(bytes);
      return absl::OkStatus();
    }));
    return Exit::kOk;
  }
  HT_RETURN_IF_ERROR(FetchTo(sources.front(), flags.path, flags.to));
  context.Print(absl::StrCat(flags.to, "/", flags.path, "\n"));
  return Exit::kOk;
}

}  // namespace

void AddJobOutput(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<Flags>();
  Verb verb = tree.AddVerb(
      noun,
      {"output",
       "lists or fetches the files that a job left",
       {"heliotrope job output nightly-7", "heliotrope job output nightly-7 model/weights.bin > w",
        "heliotrope job output sweep --to results   # results/0/..., results/1/..."},
       "job"},
      [flags](Context& context) { return Output(context, *flags); });
  verb.Argument("JOB", flags->name, Need::kRequired, "such as nightly-7, or nightly-7/tasks/3");
  verb.Argument("PATH", flags->path, Need::kOptional,
                "one file: to standard output, or below --to");
  verb.Text("--to", flags->to, "DIR", "fetch into this directory");
  verb.Number("--attempt", flags->attempt, {1, 2'000'000'000},
              "which attempt (default: the newest)");
}

}  // namespace heliotrope::cli
