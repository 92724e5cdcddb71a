#include "scheduler/store/codec.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "heliotrope/store/v1/curve.pb.h"
#include "heliotrope/store/v1/meta.pb.h"
#include "heliotrope/store/v1/node.pb.h"
#include "scheduler/base/check.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/store/field_reader.h"
#include "scheduler/store/job_record.h"
#include "scheduler/store/keys.h"
#include "scheduler/store/task_record.h"
#include "scheduler/wire/time.h"

namespace heliotrope::store {
namespace {

Record Made(Kind kind, std::string key, const google::protobuf::MessageLite& message) {
  Record record{.kind = kind, .key = std::move(key), .value = {}};
  HT_CHECK(message.SerializeToString(&record.value));
  return record;
}

template <class T>
absl::StatusOr<T> Parsed(const Record& record) {
  T message;
  if (!message.ParseFromString(record.value)) {
    return absl::DataLossError(
        absl::StrCat("its ", record.value.size(), " bytes are no such message"));
  }
  return message;
}

Record MetaRecord(const core::Machine& machine) {
  v1::Meta record;
  record.set_version(kRecordVersion);
  record.set_next_job_uid(machine.next_uid().value());
  *record.mutable_last_time() = wire::ToProto(machine.now());
  return Made(Kind::kMeta, std::string(), record);
}

Record NodeRecord(const core::Node& node) {
  v1::Node record;
  record.set_version(kRecordVersion);
  record.set_instance(node.instance);
  record.set_agent_version(node.version);
  record.set_data_center(node.data_center.value());
  record.set_milli_cores(node.capacity.cores.value());
  record.set_memory_bytes(node.capacity.memory.value());
  record.set_address(node.address);
  record.set_drained(node.drained);
  return Made(Kind::kNode, node.id.value(), record);
}

core::Node FromRecord(const v1::Node& record, FieldReader& reader) {
  reader.Version(record.version());
  core::Node node;
  node.instance = record.instance();
  node.version = record.agent_version();
  node.data_center = DataCenterId(record.data_center());
  node.capacity = {MilliCores::FromMilli(record.milli_cores()),
                   Bytes::FromBytes(record.memory_bytes())};
  node.address = record.address();
  node.drained = record.drained();
  return node;
}

void FillCoverage(const core::CoverageState& state, v1::Coverage& record) {
  record.set_scored(state.scored);
  record.mutable_shares()->Add(state.shares.begin(), state.shares.end());
  record.mutable_bins()->Add(state.bins.begin(), state.bins.end());
  record.mutable_quantiles()->Add(state.quantiles.begin(), state.quantiles.end());
}

core::CoverageState FromRecord(const v1::Coverage& record) {
  core::CoverageState state;
  state.scored = record.scored();
  state.shares.assign(record.shares().begin(), record.shares().end());
  state.bins.assign(record.bins().begin(), record.bins().end());
  state.quantiles.assign(record.quantiles().begin(), record.quantiles().end());
  return state;
}

Record CurveStateRecord(const DataCenterId& id, const curve::ForecasterState& state,
                        const core::CoverageState& coverage) {
  v1::CurveState record;
  record.set_version(kRecordVersion);
  record.set_forecaster_version(state.version);
  record.mutable_integers()->Add(state.integers.begin(), state.integers.end());
  record.mutable_numbers()->Add(state.numbers.begin(), state.numbers.end());
  record.mutable_profile()->Add(state.profile.begin(), state.profile.end());
  record.mutable_samples()->Add(state.samples.begin(), state.samples.end());
  record.mutable_open_forecasts()->Add(state.open_forecasts.begin(), state.open_forecasts.end());
  FillCoverage(coverage, *record.mutable_coverage());
  return Made(Kind::kCurveState, id.value(), record);
}

curve::ForecasterState FromRecord(const v1::CurveState& record, FieldReader& reader) {
  reader.Version(record.version());
  curve::ForecasterState state;
  state.version = record.forecaster_version();
  state.integers.assign(record.integers().begin(), record.integers().end());
  state.numbers.assign(record.numbers().begin(), record.numbers().end());
  state.profile.assign(record.profile().begin(), record.profile().end());
  state.samples.assign(record.samples().begin(), record.samples().end());
  state.open_forecasts.assign(record.open_forecasts().begin(), record.open_forecasts().end());
  return state;
}

Record ArrivalsRecord(const AccountId& account, const curve::ArrivalState& state) {
  v1::Arrivals record;
  record.set_version(kRecordVersion);
  record.set_forecaster_version(state.version);
  record.mutable_integers()->Add(state.integers.begin(), state.integers.end());
  record.mutable_numbers()->Add(state.numbers.begin(), state.numbers.end());
  return Made(Kind::kArrivals, account.value(), record);
}

curve::ArrivalState FromRecord(const v1::Arrivals& record, FieldReader& reader) {
  reader.Version(record.version());
  curve::ArrivalState state;
  state.version = record.forecaster_version();
  state.integers.assign(record.integers().begin(), record.integers().end());
  state.numbers.assign(record.numbers().begin(), record.numbers().end());
  return state;
}

Record DurationsRecord(const std::string& key, const curve::DurationState& state) {
  v1::Durations record;
  record.set_version(kRecordVersion);
  record.set_learner_version(state.version);
  record.mutable_integers()->Add(state.integers.begin(), state.integers.end());
  record.mutable_numbers()->Add(state.numbers.begin(), state.numbers.end());
  record.mutable_weights()->Add(state.weights.begin(), state.weights.end());
  record.mutable_shares()->Add(state.shares.begin(), state.shares.end());
  return Made(Kind::kDurations, key, record);
}

curve::DurationState FromRecord(const v1::Durations& record, FieldReader& reader) {
  reader.Version(record.version());
  curve::DurationState state;
  state.version = record.learner_version();
  state.integers.assign(record.integers().begin(), record.integers().end());
  state.numbers.assign(record.numbers().begin(), record.numbers().end());
  state.weights.assign(record.weights().begin(), record.weights().end());
  state.shares.assign(record.shares().begin(), record.shares().end());
  return state;
}

Record CurveBinRecord(const DataCenterId& id, const curve::Bin& bin) {
  v1::CurveBin record;
  record.set_version(kRecordVersion);
  record.set_load(bin.load);
  return Made(Kind::kCurveBin, CurveBinKey(id, bin.start), record);
}

void EncodeJobs(const core::Machine& machine, const core::Changes& changes, Batch& batch) {
  for (const JobUid uid : changes.removed_jobs) {
    batch.deletes.push_back({Kind::kJob, JobKey(uid)});
    batch.delete_prefixes.push_back({Kind::kTask, JobKey(uid)});
  }
  for (const JobUid uid : changes.jobs) {
    const core::Job* job = machine.FindJob(uid);
    if (job == nullptr) continue;  // Removed since.
    v1::Job record;
    ToRecord(*job, record);
    batch.puts.push_back(Made(Kind::kJob, JobKey(uid), record));
  }
  const core::Job* job = nullptr;
  for (const TaskId& id : changes.tasks) {
    if (job == nullptr || job->uid != id.job) job = machine.FindJob(id.job);
    if (job == nullptr) continue;
    v1::Task record;
    ToRecord(job->tasks.at(id.index), record);
    record.set_job_changes(job->version);
    batch.puts.push_back(Made(Kind::kTask, TaskKey(id), record));
  }
}

void EncodeRequests(const core::Machine& machine, const core::Changes& changes, Batch& batch) {
  for (const RequestId& id : changes.removed_requests) {
    if (!machine.requests().contains(id)) batch.deletes.push_back({Kind::kRequest, id.value()});
  }
  for (const RequestId& id : changes.requests) {
    const auto request = machine.requests().find(id);
    if (request == machine.requests().end()) continue;
    v1::Request record;
    ToRecord(request->second, record);
    batch.puts.push_back(Made(Kind::kRequest, id.value(), record));
  }
}

void EncodeDurations(const core::Machine& machine, const core::Changes& changes, Batch& batch) {
  for (const std::string& key : changes.removed_durations) {
    // As with arrivals.
    if (!machine.durations().Contains(key)) batch.deletes.push_back({Kind::kDurations, key});
  }
  for (const std::string& key : changes.durations) {
    if (!machine.durations().Contains(key)) continue;
    batch.puts.push_back(DurationsRecord(key, machine.durations().Save(key)));
  }
}

void EncodeCurves(const core::Machine& machine, const core::Changes& changes, Batch& batch) {
  for (const AccountId& account : changes.removed_arrivals) {
    // It may have got a place again since.
    if (!machine.arrivals().contains(account)) {
      batch.deletes.push_back({Kind::kArrivals, account.value()});
    }
  }
  for (const AccountId& account : changes.arrivals) {
    const auto arrivals = machine.arrivals().find(account);
    if (arrivals == machine.arrivals().end()) continue;
    batch.puts.push_back(ArrivalsRecord(account, arrivals->second.Save()));
  }
  for (const DataCenterId& id : changes.curves) {
    const auto curve = machine.curves().find(id);
    if (curve == machine.curves().end()) continue;
    batch.delete_prefixes.push_back({Kind::kCurveBin, CurveBinPrefix(id)});
    batch.puts.push_back(
        CurveStateRecord(id, curve->second.Save(), machine.coverage().at(id).Save()));
  }
  for (const auto& [id, bin] : changes.bins) {
    // A state that is written with it holds it already.
    if (changes.curves.contains(id) && machine.curves().contains(id)) continue;
    batch.puts.push_back(CurveBinRecord(id, bin));
  }
}

}  // namespace

Batch Encode(const core::Machine& machine, const core::Changes& changes) {
  Batch batch;
  if (changes.Empty()) return batch;
  batch.puts.reserve(changes.jobs.size() + changes.tasks.size() + changes.requests.size() +
                     changes.nodes.size() + changes.bins.size() + 1);
  batch.puts.push_back(MetaRecord(machine));
  EncodeJobs(machine, changes, batch);
  EncodeRequests(machine, changes, batch);
  for (const NodeId& id : changes.nodes) {
    batch.puts.push_back(NodeRecord(machine.nodes().at(id)));
  }
  EncodeCurves(machine, changes, batch);
  EncodeDurations(machine, changes, batch);
  return batch;
}

absl::Status Decoder::AddJob(const Record& record) {
  HT_ASSIGN_OR_RETURN(const JobUid uid, ParseJobKey(record.key));
  HT_ASSIGN_OR_RETURN(const v1::Job message, Parsed<v1::Job>(record));
  FieldReader reader;
  core::Job job = FromRecord(message, reader);
  reader.Require(image_.jobs.empty() || image_.jobs.back().uid < uid, "is out of order");
  job.uid = uid;
  if (reader.status().ok()) image_.jobs.push_back(std::move(job));
  return reader.status();
}

absl::Status Decoder::AddTask(const Record& record) {
  HT_ASSIGN_OR_RETURN(const TaskId id, ParseTaskKey(record.key));
  HT_ASSIGN_OR_RETURN(const v1::Task message, Parsed<v1::Task>(record));
  const auto job =
      std::lower_bound(image_.jobs.begin(), image_.jobs.end(), id.job,
                       [](const core::Job& candidate, JobUid uid) { return candidate.uid < uid; });
  FieldReader reader;
  const bool found = job != image_.jobs.end() && job->uid == id.job;
  reader.Require(found, "there is no record of its job");
  if (found) {
    reader.Require(id.index < job->tasks.size(),
                   absl::StrCat("its job has ", job->tasks.size(), " tasks"));
  }
  model::Task task = FromRecord(id, message, reader);
  if (!reader.status().ok()) return reader.status();
  job->tasks[id.index] = std::move(task);
  // An etag never says two things, nor goes back: each change has written one of the two.
  job->version = std::max(job->version, message.job_changes());
  return absl::OkStatus();
}

absl::Status Decoder::AddCurveBin(const Record& record) {
  HT_ASSIGN_OR_RETURN(const auto key, ParseCurveBinKey(record.key));
  HT_ASSIGN_OR_RETURN(const v1::CurveBin message, Parsed<v1::CurveBin>(record));
  FieldReader reader;
  reader.Version(message.version());
  if (reader.status().ok()) {
    image_.bins[key.first].push_back(curve::Bin{.start = key.second, .load = message.load()});
  }
  return reader.status();
}

absl::Status Decoder::Add(const Record& record) {
  const auto added = [this, &record]() -> absl::Status {
    FieldReader reader;
    switch (record.kind) {
      case Kind::kMeta: {
        HT_ASSIGN_OR_RETURN(const v1::Meta message, Parsed<v1::Meta>(record));
        reader.Version(message.version());
        image_.next_uid = JobUid(message.next_job_uid());
        image_.last_now = reader.Time(message.last_time(), "last_time");
        return reader.status();
      }
      case Kind::kJob:
        return AddJob(record);
      case Kind::kTask:
        return AddTask(record);
      case Kind::kRequest: {
        HT_ASSIGN_OR_RETURN(const v1::Request message, Parsed<v1::Request>(record));
        image_.requests[RequestId(record.key)] = FromRecord(message, reader);
        return reader.status();
      }
      case Kind::kNode: {
        HT_ASSIGN_OR_RETURN(const v1::Node message, Parsed<v1::Node>(record));
        image_.nodes.push_back(FromRecord(message, reader));
        image_.nodes.back().id = NodeId(record.key);
        return reader.status();
      }
      case Kind::kCurveState: {
        HT_ASSIGN_OR_RETURN(const v1::CurveState message, Parsed<v1::CurveState>(record));
        image_.curves[DataCenterId(record.key)] = FromRecord(message, reader);
        image_.coverage[DataCenterId(record.key)] = FromRecord(message.coverage());
        return reader.status();
      }
      case Kind::kCurveBin:
        return AddCurveBin(record);
      case Kind::kArrivals: {
        HT_ASSIGN_OR_RETURN(const v1::Arrivals message, Parsed<v1::Arrivals>(record));
        image_.arrivals[AccountId(record.key)] = FromRecord(message, reader);
        return reader.status();
      }
      case Kind::kDurations: {
        HT_ASSIGN_OR_RETURN(const v1::Durations message, Parsed<v1::Durations>(record));
        image_.durations[record.key] = FromRecord(message, reader);
        return reader.status();
      }
    }
    return absl::DataLossError("is of an unknown kind");
  };
  const std::string printed = PrintedKey(record.kind, record.key);
  return WithContext(
      added(), absl::StrCat(KindName(record.kind), " record", printed.empty() ? "" : " \"", printed,
                            printed.empty() ? "" : "\""));
}

core::Image Decoder::Finish() { return std::move(image_); }

absl::StatusOr<core::Image> Decode(const std::vector<Record>& records) {
  Decoder decoder;
  for (const Record& record : records) HT_RETURN_IF_ERROR(decoder.Add(record));
  return decoder.Finish();
}

}  // namespace heliotrope::store
