#include "scheduler/rpc/convert_job.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/model/signals.h"
#include "scheduler/wire/time.h"

namespace heliotrope::rpc {

namespace {

using Violations = std::vector<FieldViolation>;

void TakeDuration(bool has, const google::protobuf::Duration& proto, const std::string& field,
                  absl::Duration& out, Violations& violations) {
  if (!has) return;
  const auto duration = wire::FromProto(proto, field);
  if (duration.ok()) {
    out = *duration;
  } else {
    violations.push_back({field, std::string(duration.status().message())});
  }
}

model::CheckpointPolicy CheckpointFromProto(const v1::Checkpointing& proto,
                                            Violations& violations) {
  model::CheckpointPolicy policy;
  if (!proto.signal().empty()) {
    const auto signal = model::SignalFromName(proto.signal());
    if (signal) {
      policy.signal = *signal;
    } else {
      violations.push_back(
          {"job.task.checkpoint.signal",
           absl::StrCat("\"", proto.signal(), "\" is no signal that a task can be told by",
                        DidYouMean(proto.signal(), model::SignalNames()))});
    }
  }
  TakeDuration(proto.has_grace(), proto.grace(), "job.task.checkpoint.grace", policy.grace,
               violations);
  TakeDuration(proto.has_interval(), proto.interval(), "job.task.checkpoint.interval",
               policy.interval, violations);
  if (proto.has_exit_code()) policy.exit_code = proto.exit_code();
  if (proto.expected_bytes() != 0) {
    policy.expected_bytes = Bytes::FromBytes(proto.expected_bytes());
  }
  return policy;
}

model::OnDisconnect OnDisconnectFromProto(v1::TaskTemplate::OnDisconnect proto,
                                          Violations& violations) {
  switch (proto) {
    case v1::TaskTemplate::ON_DISCONNECT_UNSPECIFIED:
    case v1::TaskTemplate::ON_DISCONNECT_STOP:
      return model::OnDisconnect::kStop;
    case v1::TaskTemplate::ON_DISCONNECT_CONTINUE:
      return model::OnDisconnect::kContinue;
    default:
      violations.push_back({"job.task.on_disconnect",
                            absl::StrCat(static_cast<int>(proto),
                                         " is no policy that this scheduler knows: STOP (1) or "
                                         "CONTINUE (2)")});
      return model::OnDisconnect::kStop;
  }
}

void TaskFromProto(const v1::TaskTemplate& proto, model::JobSpec& spec, Violations& violations) {
  spec.command.assign(proto.command().begin(), proto.command().end());
  for (const auto& [name, value] : proto.environment()) spec.environment[name] = value;
  spec.working_directory = proto.working_directory();
  if (proto.has_milli_cores()) spec.request.cores = MilliCores::FromMilli(proto.milli_cores());
  if (proto.has_memory_bytes()) spec.request.memory = Bytes::FromBytes(proto.memory_bytes());
  TakeDuration(proto.has_expected_duration(), proto.expected_duration(),
               "job.task.expected_duration", spec.expected_duration, violations);
  if (proto.has_checkpoint()) spec.checkpoint = CheckpointFromProto(proto.checkpoint(), violations);
  spec.retry.max_retries = proto.retry().max_retries();
  TakeDuration(proto.retry().has_initial_backoff(), proto.retry().initial_backoff(),
               "job.task.retry.initial_backoff", spec.retry.initial_backoff, violations);
  TakeDuration(proto.retry().has_max_backoff(), proto.retry().max_backoff(),
               "job.task.retry.max_backoff", spec.retry.max_backoff, violations);
  spec.on_disconnect = OnDisconnectFromProto(proto.on_disconnect(), violations);
  spec.outputs.assign(proto.outputs().begin(), proto.outputs().end());
  if (spec.outputs.empty()) spec.outputs.push_back("**");
}

model::Residency ResidencyFromProto(const v1::Job& job) {
  model::Residency residency;
  for (const std::string& word : job.residency()) {
    if (absl::EqualsIgnoreCase(word, "any")) {
      residency.any = true;
    } else {
      residency.words.push_back(word);
    }
  }
  std::sort(residency.words.begin(), residency.words.end());
  residency.words.erase(std::unique(residency.words.begin(), residency.words.end()),
                        residency.words.end());
  return residency;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const model::JobSpec>> SpecFromProto(const v1::Job& job) {
  Violations violations;
  auto spec = std::make_shared<model::JobSpec>();
  TaskFromProto(job.task(), *spec, violations);
  if (job.has_count()) {
    if (job.count() < 1 || job.count() > static_cast<int64_t>(kMaxTasksPerJob)) {
      violations.push_back(
          {"job.count", absl::StrCat(job.count(), " tasks: ask for 1 to ", kMaxTasksPerJob)});
    } else {
      spec->count = static_cast<uint32_t>(job.count());
    }
  }
  if (job.has_deadline()) {
    const auto deadline = wire::FromProto(job.deadline(), "job.deadline");
    if (deadline.ok()) {
      spec->deadline = *deadline;
    } else {
      violations.push_back({"job.deadline", std::string(deadline.status().message())});
    }
  }
  spec->priority = job.priority();
  spec->account = AccountId(job.account().empty() ? "default" : job.account());
  if (!job.home().empty()) spec->home = DataCenterId(job.home());
  spec->residency = ResidencyFromProto(job);
  if (spec->residency.any && !spec->residency.words.empty()) {
    violations.push_back(
        {"job.residency",
         "\"any\" stands beside other words: name jurisdictions, or any, not both"});
  }
  spec->allow_late = job.allow_late();
  if (!violations.empty()) return InvalidFields(violations);
  return spec;
}

void TaskTemplateToProto(const model::JobSpec& spec, v1::TaskTemplate& task) {
  for (const std::string& argument : spec.command) task.add_command(argument);
  for (const auto& [name, value] : spec.environment) (*task.mutable_environment())[name] = value;
  task.set_working_directory(spec.working_directory);
  task.set_milli_cores(spec.request.cores.value());
  task.set_memory_bytes(spec.request.memory.value());
  *task.mutable_expected_duration() = wire::ToProto(spec.expected_duration);
  if (spec.checkpoint) {
    v1::Checkpointing& checkpoint = *task.mutable_checkpoint();
    checkpoint.set_signal(std::string(model::SignalName(spec.checkpoint->signal)));
    *checkpoint.mutable_grace() = wire::ToProto(spec.checkpoint->grace);
    checkpoint.set_exit_code(spec.checkpoint->exit_code);
    if (spec.checkpoint->interval > absl::ZeroDuration()) {
      *checkpoint.mutable_interval() = wire::ToProto(spec.checkpoint->interval);
    }
    checkpoint.set_expected_bytes(spec.checkpoint->expected_bytes.value());
  }
  task.mutable_retry()->set_max_retries(spec.retry.max_retries);
  *task.mutable_retry()->mutable_initial_backoff() = wire::ToProto(spec.retry.initial_backoff);
  *task.mutable_retry()->mutable_max_backoff() = wire::ToProto(spec.retry.max_backoff);
  task.set_on_disconnect(spec.on_disconnect == model::OnDisconnect::kContinue
                             ? v1::TaskTemplate::ON_DISCONNECT_CONTINUE
                             : v1::TaskTemplate::ON_DISCONNECT_STOP);
  for (const std::string& output : spec.outputs) task.add_outputs(output);
}

void SpecToProto(const model::JobSpec& spec, v1::Job& job) {
  TaskTemplateToProto(spec, *job.mutable_task());
  job.set_count(static_cast<int32_t>(spec.count));
  if (spec.deadline != absl::InfiniteFuture()) {
    *job.mutable_deadline() = wire::ToProto(spec.deadline);
  }
  job.set_priority(spec.priority);
  job.set_account(spec.account.value());
  if (spec.home) job.set_home(spec.home->value());
  if (spec.residency.any) job.add_residency("any");
  for (const std::string& word : spec.residency.words) job.add_residency(word);
  job.set_allow_late(spec.allow_late);
}

uint64_t Fingerprint(const v1::CreateJobRequest& request) {
  v1::CreateJobRequest content = request;
  content.clear_request_id();
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream sink(&bytes);
    google::protobuf::io::CodedOutputStream out(&sink);
    out.SetSerializationDeterministic(true);
    content.SerializeToCodedStream(&out);
  }
  uint64_t hash = 14695981039346656037ull;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

}  // namespace heliotrope::rpc
