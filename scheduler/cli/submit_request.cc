#include "scheduler/cli/submit_request.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/cli/failure.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

absl::StatusOr<absl::Time> DeadlineOf(const std::string& text, absl::Time now) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "+")) {
    const auto ahead = ParseDuration(rest);
    if (!ahead.ok()) return Misuse(absl::StrCat("--deadline: ", ahead.status().message()));
    return now + *ahead;
  }
  const auto time = ParseTime(text);
  if (time.ok()) return *time;
  return Misuse(absl::StrCat("--deadline \"", text,
                             "\" is neither a time, such as 2026-03-02T18:00:00+01:00, nor a "
                             "duration from now, such as +12h"));
}

absl::Status AddEnvironment(const SubmitFlags& flags, v1::TaskTemplate& task) {
  for (const std::string& entry : flags.environment) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Misuse(absl::StrCat("--env \"", entry, "\": write NAME=VALUE"));
    }
    (*task.mutable_environment())[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return absl::OkStatus();
}

void SetCheckpoint(const SubmitFlags& flags, v1::TaskTemplate& task) {
  const bool any = flags.checkpoint || flags.checkpoint_signal.has_value() ||
                   flags.checkpoint_grace.has_value() || flags.checkpoint_exit_code.has_value() ||
                   flags.checkpoint_interval.has_value() || flags.checkpoint_size.has_value();
  if (!any) return;
  v1::Checkpointing& checkpoint = *task.mutable_checkpoint();
  if (flags.checkpoint_signal) checkpoint.set_signal(*flags.checkpoint_signal);
  if (flags.checkpoint_grace) {
    *checkpoint.mutable_grace() = wire::ToProto(*flags.checkpoint_grace);
  }
  if (flags.checkpoint_exit_code) checkpoint.set_exit_code(*flags.checkpoint_exit_code);
  if (flags.checkpoint_interval) {
    *checkpoint.mutable_interval() = wire::ToProto(*flags.checkpoint_interval);
  }
  if (flags.checkpoint_size) checkpoint.set_expected_bytes(flags.checkpoint_size->value());
}

absl::Status SetOnDisconnect(const SubmitFlags& flags, v1::TaskTemplate& task) {
  if (!flags.on_disconnect) return absl::OkStatus();
  if (*flags.on_disconnect == "stop") {
    task.set_on_disconnect(v1::TaskTemplate::ON_DISCONNECT_STOP);
  } else if (*flags.on_disconnect == "continue") {
    task.set_on_disconnect(v1::TaskTemplate::ON_DISCONNECT_CONTINUE);
  } else {
    return Misuse(
        absl::StrCat("--on-disconnect \"", *flags.on_disconnect, "\": write stop or continue"));
  }
  return absl::OkStatus();
}

absl::Status SetTask(const SubmitFlags& flags, v1::TaskTemplate& task) {
  if (!flags.command.empty()) {
    task.mutable_command()->Assign(flags.command.begin(), flags.command.end());
  }
  if (task.command().empty()) {
    return Misuse("what shall it run? put the command after --, or into the file as task.command");
  }
  if (flags.cores) task.set_milli_cores(flags.cores->value());
  if (flags.memory) task.set_memory_bytes(flags.memory->value());
  if (flags.expected) *task.mutable_expected_duration() = wire::ToProto(*flags.expected);
  if (flags.working_directory) task.set_working_directory(*flags.working_directory);
  if (flags.retries) task.mutable_retry()->set_max_retries(*flags.retries);
  if (!flags.outputs.empty()) {
    task.mutable_outputs()->Assign(flags.outputs.begin(), flags.outputs.end());
  }
  SetCheckpoint(flags, task);
  HT_RETURN_IF_ERROR(SetOnDisconnect(flags, task));
  return AddEnvironment(flags, task);
}

void SetResidency(const SubmitFlags& flags, v1::Job& job) {
  if (flags.residency.empty()) return;
  job.clear_residency();
  for (const std::string& words : flags.residency) {
    for (const absl::string_view word : absl::StrSplit(words, ',', absl::SkipWhitespace())) {
      job.add_residency(std::string(absl::StripAsciiWhitespace(word)));
    }
  }
}

}  // namespace

bool DeadlineIsRelative(const SubmitFlags& flags) {
  return flags.deadline.has_value() && absl::StartsWith(*flags.deadline, "+");
}

absl::StatusOr<v1::CreateJobRequest> MakeCreateRequest(const SubmitFlags& flags, v1::Job job,
                                                       absl::Time now) {
  v1::CreateJobRequest request;
  const std::string name = flags.name.value_or(job.name());
  request.set_job_id(std::string(absl::StripPrefix(name, "jobs/")));
  job.clear_name();
  HT_RETURN_IF_ERROR(SetTask(flags, *job.mutable_task()));
  if (flags.count) job.set_count(*flags.count);
  if (flags.deadline) {
    HT_ASSIGN_OR_RETURN(const absl::Time deadline, DeadlineOf(*flags.deadline, now));
    *job.mutable_deadline() = wire::ToProto(deadline);
  }
  if (flags.priority) job.set_priority(*flags.priority);
  if (flags.account) job.set_account(*flags.account);
  if (flags.home) job.set_home(std::string(absl::StripPrefix(*flags.home, "dataCenters/")));
  SetResidency(flags, job);
  if (flags.allow_late) job.set_allow_late(true);
  request.set_validate_only(flags.dry_run);
  *request.mutable_job() = std::move(job);
  return request;
}

}  // namespace heliotrope::cli
