#include "scheduler/store/job_record.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "scheduler/wire/time.h"

namespace heliotrope::store {
namespace {

void PutCheckpoint(const model::CheckpointPolicy& policy, v1::CheckpointPolicy& record) {
  record.set_signal(policy.signal);
  *record.mutable_grace() = wire::ToProto(policy.grace);
  record.set_exit_code(policy.exit_code);
  *record.mutable_interval() = wire::ToProto(policy.interval);
  record.set_expected_bytes(policy.expected_bytes.value());
}

model::CheckpointPolicy GetCheckpoint(const v1::CheckpointPolicy& record, FieldReader& reader) {
  model::CheckpointPolicy policy;
  policy.signal = record.signal();
  policy.grace = reader.Duration(record.grace(), "spec.checkpoint.grace");
  policy.exit_code = record.exit_code();
  policy.interval = reader.Duration(record.interval(), "spec.checkpoint.interval");
  policy.expected_bytes = Bytes::FromBytes(record.expected_bytes());
  return policy;
}

void PutSpec(const model::JobSpec& spec, v1::JobSpec& record) {
  for (const std::string& argument : spec.command) record.add_command(argument);
  for (const auto& [name, value] : spec.environment) {
    (*record.mutable_environment())[name] = value;
  }
  record.set_working_directory(spec.working_directory);
  record.set_milli_cores(spec.request.cores.value());
  record.set_memory_bytes(spec.request.memory.value());
  *record.mutable_expected_duration() = wire::ToProto(spec.expected_duration);
  if (spec.checkpoint) PutCheckpoint(*spec.checkpoint, *record.mutable_checkpoint());
  v1::RetryPolicy& retry = *record.mutable_retry();
  retry.set_max_retries(spec.retry.max_retries);
  *retry.mutable_initial_backoff() = wire::ToProto(spec.retry.initial_backoff);
  *retry.mutable_max_backoff() = wire::ToProto(spec.retry.max_backoff);
  for (const std::string& glob : spec.outputs) record.add_outputs(glob);
  record.set_count(spec.count);
  if (spec.deadline != absl::InfiniteFuture()) {
    *record.mutable_deadline() = wire::ToProto(spec.deadline);
  }
  record.set_priority(spec.priority);
  record.set_account(spec.account.value());
  if (spec.home) record.set_home(spec.home->value());
  record.mutable_residency()->set_any(spec.residency.any);
  for (const std::string& word : spec.residency.words) record.mutable_residency()->add_words(word);
  record.set_allow_late(spec.allow_late);
  record.set_continue_on_disconnect(spec.on_disconnect == model::OnDisconnect::kContinue);
}

model::JobSpec GetSpec(const v1::JobSpec& record, FieldReader& reader) {
  model::JobSpec spec;
  spec.command.assign(record.command().begin(), record.command().end());
  spec.environment.insert(record.environment().begin(), record.environment().end());
  spec.working_directory = record.working_directory();
  spec.request = {MilliCores::FromMilli(record.milli_cores()),
                  Bytes::FromBytes(record.memory_bytes())};
  spec.expected_duration = reader.Duration(record.expected_duration(), "spec.expected_duration");
  if (record.has_checkpoint()) spec.checkpoint = GetCheckpoint(record.checkpoint(), reader);
  spec.retry.max_retries = record.retry().max_retries();
  spec.retry.initial_backoff =
      reader.Duration(record.retry().initial_backoff(), "spec.retry.initial_backoff");
  spec.retry.max_backoff = reader.Duration(record.retry().max_backoff(), "spec.retry.max_backoff");
  spec.outputs.assign(record.outputs().begin(), record.outputs().end());
  spec.count = record.count();
  if (record.has_deadline()) spec.deadline = reader.Time(record.deadline(), "spec.deadline");
  spec.priority = record.priority();
  spec.account = AccountId(record.account());
  if (!record.home().empty()) spec.home = DataCenterId(record.home());
  spec.residency.any = record.residency().any();
  spec.residency.words.assign(record.residency().words().begin(), record.residency().words().end());
  spec.allow_late = record.allow_late();
  if (record.continue_on_disconnect()) spec.on_disconnect = model::OnDisconnect::kContinue;
  // Promise 6: what says nothing about where it may be, may be nowhere.
  reader.Require(spec.residency.any == spec.residency.words.empty(),
                 "spec.residency is neither anywhere nor a list of words");
  return spec;
}

}  // namespace

void ToRecord(const core::Job& job, v1::Job& record) {
  record.set_version(kRecordVersion);
  record.set_id(job.id.value());
  PutSpec(*job.spec, *record.mutable_spec());
  *record.mutable_create_time() = wire::ToProto(job.create_time);
  record.set_cancel_requested(job.cancel_requested);
  if (job.Ended()) *record.mutable_end_time() = wire::ToProto(job.end_time);
  record.set_changes(job.version);
}

core::Job FromRecord(const v1::Job& record, FieldReader& reader) {
  core::Job job;
  reader.Version(record.version());
  job.id = JobId(record.id());
  reader.Require(!job.id.empty(), "id is empty");
  auto spec = std::make_shared<model::JobSpec>(GetSpec(record.spec(), reader));
  reader.Require(spec->count > 0 && spec->count <= kMaxTasksPerJob,
                 absl::StrCat("spec.count is ", spec->count, ", not 1 to ", kMaxTasksPerJob));
  if (reader.status().ok()) job.tasks.resize(spec->count);
  job.spec = std::move(spec);
  job.create_time = reader.Time(record.create_time(), "create_time");
  job.cancel_requested = record.cancel_requested();
  if (record.has_end_time()) job.end_time = reader.Time(record.end_time(), "end_time");
  job.version = record.changes();
  return job;
}

void ToRecord(const core::Request& request, v1::Request& record) {
  record.set_version(kRecordVersion);
  record.set_job_uid(request.job.value());
  record.set_fingerprint(request.fingerprint);
  *record.mutable_expire_time() = wire::ToProto(request.expire_time);
}

core::Request FromRecord(const v1::Request& record, FieldReader& reader) {
  reader.Version(record.version());
  core::Request request;
  request.job = JobUid(record.job_uid());
  request.fingerprint = record.fingerprint();
  request.expire_time = reader.Time(record.expire_time(), "expire_time");
  return request;
}

}  // namespace heliotrope::store
