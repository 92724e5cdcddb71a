// Records as a store gives them back, damaged: those of a small real history with bytes, fields and
// keys changed, records lost, doubled and out of order. They are refused by name, or make a core
// that works, and what that core writes is read again as the same.
#include <google/protobuf/message.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "heliotrope/store/v1/curve.pb.h"
#include "heliotrope/store/v1/job.pb.h"
#include "heliotrope/store/v1/meta.pb.h"
#include "heliotrope/store/v1/node.pb.h"
#include "heliotrope/store/v1/task.pb.h"
#include "scheduler/core/machine.h"
#include "scheduler/store/codec.h"
#include "scheduler/store/dump.h"
#include "scheduler/store/job_record.h"
#include "scheduler/store/task_record.h"
#include "tests/fuzz/core_checks.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using store::Kind;
using store::Record;

const absl::Time kStart = absl::FromCivil(absl::CivilHour(2026, 3, 2, 0), absl::UTCTimeZone());
const absl::Time kLater = kStart + absl::Hours(2);

// By two bytes of the input. REQUIRES: size > 0.
size_t IndexIn(Input& input, size_t size) {
  const size_t high = input.Byte();
  return (high << 8 | input.Byte()) % size;
}

std::unique_ptr<Message> MessageOf(Kind kind) {
  namespace records = store::v1;
  switch (kind) {
    case Kind::kMeta:
      return std::make_unique<records::Meta>();
    case Kind::kJob:
      return std::make_unique<records::Job>();
    case Kind::kTask:
      return std::make_unique<records::Task>();
    case Kind::kRequest:
      return std::make_unique<records::Request>();
    case Kind::kNode:
      return std::make_unique<records::Node>();
    case Kind::kCurveState:
      return std::make_unique<records::CurveState>();
    case Kind::kCurveBin:
      return std::make_unique<records::CurveBin>();
    case Kind::kArrivals:
      return std::make_unique<records::Arrivals>();
    case Kind::kDurations:
      return std::make_unique<records::Durations>();
  }
  return nullptr;
}

// --- A history with a record of every kind ---

core::Changes Everything(const core::Machine& machine) {
  core::Changes all;
  all.meta = true;
  for (const auto& [uid, job] : machine.jobs()) {
    all.jobs.insert(uid);
    for (uint32_t i = 0; i < job->tasks.size(); ++i) {
      if (job->tasks[i].run != nullptr) all.tasks.insert({uid, i});
    }
  }
  for (const auto& [id, request] : machine.requests()) all.requests.insert(id);
  for (const auto& [id, node] : machine.nodes()) all.nodes.insert(id);
  for (const auto& [id, curve] : machine.curves()) all.curves.insert(id);
  for (const auto& [id, arrivals] : machine.arrivals()) all.arrivals.insert(id);
  for (const std::string& key : machine.durations().Keys()) all.durations.insert(key);
  return all;
}

void Report(core::Machine& machine, const NodeId& node, const TaskId& task,
            model::AttemptPhase phase, bool sealed, absl::Time now) {
  core::AttemptStatus status;
  status.key = {task, machine.FindJob(task.job)->tasks[task.index].attempt};
  status.phase = phase;
  if (sealed) {
    status.checkpoint = core::SealedCheckpoint{
        {status.key, 1}, std::string(32, 'd'), Bytes::FromMiB(1), absl::Minutes(5)};
  }
  machine.Apply(core::NodeReport{node, 1, {status}, {}}, now);
  machine.Apply(core::Tick{}, now);
}

std::vector<Record> History() {
  core::Machine machine(SmallOptions(), SmallFleet());
  absl::Time now = kStart;
  for (const auto& [id, data_center, code] :
       {std::tuple{"frankfurt-1-a", "frankfurt-1", "DE"}, {"dubai-a", "dubai", "AE"}}) {
    core::NodeHello hello;
    hello.node = NodeId(id);
    hello.session = 1;
    hello.instance = id;
    hello.version = "0.1.0";
    hello.data_center = DataCenterId(data_center);
    hello.jurisdiction = JurisdictionCode(code);
    hello.capacity = {MilliCores::FromMilli(8000), Bytes::FromGiB(8)};
    hello.address = absl::StrCat(id, ":7410");
    machine.Apply(hello, now);
  }
  for (size_t kind = 0; kind < kSmallJobs; ++kind) {
    machine.Apply(core::SubmitJob{SmallJob(kind, now), JobId(absl::StrCat("j", kind)),
                                  RequestId(absl::StrCat("r", kind)), kind, false},
                  now);
    machine.Apply(core::Tick{}, now);
    machine.Apply(
        core::AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine.PlanInput()))},
        now);
    machine.Apply(core::Tick{}, now);
  }
  now += absl::Minutes(10);
  int which = 0;
  for (const auto& [id, node] : machine.nodes()) {
    const std::vector<TaskId> tasks(node.tasks.begin(), node.tasks.end());
    for (const TaskId& task : tasks) {
      const bool can = machine.FindJob(task.job)->spec->checkpoint.has_value();
      Report(machine, id, task, model::AttemptPhase::kRunning, can, now);
      if (++which % 3 == 0) {
        Report(machine, id, task, model::AttemptPhase::kSucceeded, false, now + absl::Minutes(20));
      }
      if (which % 4 == 0) {
        Report(machine, id, task, model::AttemptPhase::kFailed, false, now + absl::Minutes(20));
      }
    }
  }
  store::Batch batch = store::Encode(machine, Everything(machine));
  core::Changes bin;
  bin.bins.push_back({DataCenterId("dubai"), curve::Bin{.start = now, .load = 0.5}});
  for (Record& record : store::Encode(machine, bin).puts) {
    if (record.kind == Kind::kCurveBin) batch.puts.push_back(std::move(record));
  }
  return batch.puts;
}

// --- Damage ---

// Sets some scalar field, at any depth, to something else.
void ChangeField(Input& input, Message& message, int depth = 0) {
  const auto* type = message.GetDescriptor();
  if (type->field_count() == 0) return;
  const FieldDescriptor* field =
      type->field(static_cast<int>(input.Below(static_cast<size_t>(type->field_count()))));
  const Reflection& reflection = *message.GetReflection();
  if (input.Byte() < 20) {
    reflection.ClearField(&message, field);
    return;
  }
  const bool repeated = field->is_repeated();
  const int size = repeated ? reflection.FieldSize(message, field) : 1;
  if (size == 0) return;
  const int at = repeated ? static_cast<int>(IndexIn(input, static_cast<size_t>(size))) : 0;
#define HT_SET(Type, value)                                           \
  repeated ? reflection.SetRepeated##Type(&message, field, at, value) \
           : reflection.Set##Type(&message, field, value)
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      HT_SET(Int32, static_cast<int32_t>(input.Number()));
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      HT_SET(UInt32, static_cast<uint32_t>(input.Number()));
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      HT_SET(Int64, input.Number());
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      HT_SET(UInt64, static_cast<uint64_t>(input.Number()));
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      HT_SET(Double, input.Coin() ? std::nan("") : static_cast<double>(input.Number()) * 1e300);
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      HT_SET(Float, input.Coin() ? std::nanf("") : static_cast<float>(input.Number()));
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      HT_SET(Bool, input.Coin());
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      HT_SET(EnumValue, static_cast<int>(input.Number()));
      break;
    case FieldDescriptor::CPPTYPE_STRING:
      HT_SET(String, std::string(input.Text().substr(0, 200)));
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth > 4) return;
      ChangeField(input,
                  repeated ? *reflection.MutableRepeatedMessage(&message, field, at)
                           : *reflection.MutableMessage(&message, field),
                  depth + 1);
      break;
  }
#undef HT_SET
}

void Damage(Input& input, std::vector<Record>& records) {
  Record& record = records[IndexIn(input, records.size())];
  switch (input.Below(10)) {
    case 0:
      if (!record.value.empty()) {
        record.value[IndexIn(input, record.value.size())] ^= static_cast<char>(1 << input.Below(8));
      }
      break;
    case 1:
      record.value = std::string(input.Text());
      break;
    case 2:
      record.key = std::string(input.Text().substr(0, 200));
      break;
    case 3:
      std::swap(record, records[input.Byte() % records.size()]);
      break;
    case 4:
      if (records.size() > 1)
        records.erase(records.begin() + input.Byte() % static_cast<ptrdiff_t>(records.size()));
      break;
    case 5:
      records.push_back(record);
      break;
    case 6:
      record.kind = static_cast<Kind>(input.Byte() % 12);
      break;
    default: {
      const auto message = MessageOf(record.kind);
      if (message == nullptr || !message->ParseFromString(record.value)) return;
      ChangeField(input, *message);
      record.value = message->SerializeAsString();
    }
  }
}

// --- What must hold ---

// A record that is taken means what is written of it again.
void CheckRecord(const Record& record) {
  if (record.kind != Kind::kJob && record.kind != Kind::kTask) return;
  store::FieldReader reader;
  store::v1::Job job_record;
  store::v1::Task task_record;
  const TaskId id{JobUid(1), 0};
  if (record.kind == Kind::kJob && job_record.ParseFromString(record.value)) {
    const core::Job job = store::FromRecord(job_record, reader);
    if (!reader.status().ok()) return;
    store::v1::Job once;
    store::ToRecord(job, once);
    store::v1::Job twice;
    store::ToRecord(store::FromRecord(once, reader), twice);
    HT_CHECK(reader.status().ok());
    HT_CHECK(store::v1::Job(once).DebugString() == twice.DebugString());
  } else if (record.kind == Kind::kTask && task_record.ParseFromString(record.value)) {
    const model::Task task = store::FromRecord(id, task_record, reader);
    if (!reader.status().ok()) return;
    store::v1::Task once;
    store::ToRecord(task, once);
    store::v1::Task twice;
    store::ToRecord(store::FromRecord(id, once, reader), twice);
    HT_CHECK(reader.status().ok());
    HT_CHECK(once.DebugString() == twice.DebugString());
  }
}

std::vector<Record> Sorted(std::vector<Record> records) {
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) {
    return std::pair(a.kind, a.key) < std::pair(b.kind, b.key);
  });
  return records;
}

void Run(Input input) {
  static const std::vector<Record> history = Sorted(History());
  std::vector<Record> records = history;
  const bool in_order = input.Byte() < 230;
  for (int i = 0; i < 8 && !input.empty(); ++i) Damage(input, records);
  if (in_order) records = Sorted(std::move(records));
  for (const Record& record : records) {
    CheckRecord(record);
    const auto json = store::RecordToJson(record);
    if (!json.ok()) CheckRefusal(json.status());
  }
  auto image = store::Decode(records);
  if (!image.ok()) return CheckRefusal(image.status());
  core::Machine machine(SmallOptions(), SmallFleet());
  const absl::Status recovered = machine.Recover(*std::move(image), kLater);
  if (!recovered.ok()) return CheckRefusal(recovered);
  // It works on, and what it keeps is read as the same.
  CoreInvariants invariants;
  invariants.Check(machine);
  for (int i = 0; i < 3; ++i) {
    machine.Apply(core::Tick{}, kLater + i * absl::Hours(1));
    machine.Apply(
        core::AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine.PlanInput()))},
        kLater + i * absl::Hours(1));
    invariants.Check(machine);
  }
  const std::vector<Record> written = Sorted(store::Encode(machine, Everything(machine)).puts);
  auto reread = store::Decode(written);
  if (!reread.ok()) CheckFailed(__FILE__, __LINE__, "readable", reread.status().ToString());
  core::Machine again(SmallOptions(), SmallFleet());
  HT_CHECK(again.Recover(*std::move(reread), machine.now()).ok());
  HT_CHECK(Sorted(store::Encode(again, Everything(again)).puts) == written);
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({data, size});
  return 0;
}
