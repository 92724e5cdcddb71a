// What agents say, in any order, on any number of streams, true or not: the bytes of ConnectRequest
// through the translation that the daemon uses, into the core. Between them clients, the planner
// and time act. After each step the invariants hold, every order is one that an agent understands,
// and what would be in the store is what a restarted daemon can read.
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/link/convert.h"
#include "heliotrope/v1/agent_stream.pb.h"
#include "scheduler/core/machine.h"
#include "scheduler/os/clock.h"
#include "scheduler/rpc/convert_agent.h"
#include "scheduler/store/codec.h"
#include "tests/fuzz/core_checks.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

constexpr int kMaxSteps = 120;

const absl::Time kStart = absl::FromCivil(absl::CivilHour(2026, 3, 2, 0), absl::UTCTimeZone());

struct Place {
  const char* node;
  const char* data_center;
  const char* jurisdiction;
};
constexpr Place kPlaces[] = {{"dubai-a", "dubai", "AE"},
                             {"frankfurt-1-a", "frankfurt-1", "DE"},
                             {"frankfurt-1-b", "frankfurt-1", "DE"},
                             {"frankfurt-2-a", "frankfurt-2", "DE"}};

// As rpc::AgentStream keeps it.
struct Stream {
  uint64_t session = 0;
  NodeId node;  // Empty before its hello was accepted.
};

class World {
 public:
  // Four nodes that are connected, and a job of each kind.
  explicit World(Input input) : input_(input), machine_(SmallOptions(), SmallFleet()) {
    for (const Place& place : kPlaces) {
      v1::ConnectRequest message;
      FillSoundHello(place, *message.mutable_hello());
      streams_.push_back({.session = next_session_++, .node = {}});
      Handle(streams_.back(), message);
    }
    for (size_t kind = 0; kind < kSmallJobs; ++kind) Submit(kind);
  }

  void Run() {
    for (int i = 0; i < kMaxSteps && !input_.empty(); ++i) {
      Step();
      invariants_.Check(machine_);
    }
    Restart();
  }

 private:
  void Step() {
    switch (input_.Below(16)) {
      case 0:
        Submit(input_.Below(kSmallJobs));
        break;
      case 1:
        now_ += absl::Seconds(input_.Byte());
        break;
      case 2:
        now_ += absl::Minutes(input_.Byte());
        break;
      case 3:
        Apply(core::CancelJob{JobId(absl::StrCat("j", input_.Below(8)))});
        break;
      case 4:
        Apply(
            core::DrainNode{NodeId(kPlaces[input_.Below(std::size(kPlaces))].node), input_.Coin()});
        break;
      case 5:
        if (!streams_.empty()) Gone(input_.Below(streams_.size()));
        break;
      case 6:
      case 7:
        Open();
        break;
      case 8: {
        v1::ConnectRequest raw;
        if (raw.ParseFromString(std::string(input_.Text()))) Say(raw);
        break;
      }
      case 9:
        Apply(core::RefreshLeases{});
        break;
      default:
        Say(Message());
    }
  }

  void Submit(size_t kind) {
    Apply(core::SubmitJob{SmallJob(kind, now_), JobId(absl::StrCat("j", submitted_++)), RequestId(),
                          0, false});
  }

  // --- Messages ---

  v1::ConnectRequest Message() {
    v1::ConnectRequest message;
    switch (input_.Below(6)) {
      case 0:
        FillLists(*message.mutable_heartbeat());
        break;
      case 1:
        FillLoad(*message.mutable_load());
        break;
      case 2:
        FillHello(*message.mutable_hello());
        break;
      default:
        FillLists(*message.mutable_report());
    }
    return message;
  }

  static void FillSoundHello(const Place& place, v1::Hello& hello) {
    hello.set_node_id(place.node);
    hello.set_instance_id(place.node);
    hello.set_version("0.1.0");
    hello.set_data_center(place.data_center);
    hello.set_jurisdiction(place.jurisdiction);
    hello.set_capacity_milli_cores(8000);
    hello.set_capacity_memory_bytes(int64_t{8} << 30);
    hello.set_address(absl::StrCat(place.node, ":7410"));
  }

  void FillHello(v1::Hello& hello) {
    FillSoundHello(kPlaces[input_.Below(std::size(kPlaces))], hello);
    if (input_.Byte() > 230) hello.set_instance_id("another");
    if (input_.Byte() > 200) hello.set_capacity_milli_cores(input_.Number());
    if (input_.Byte() > 200) hello.set_capacity_memory_bytes(input_.Number());
    FillLists(hello);
  }

  void FillTime(google::protobuf::Timestamp& time) {
    time.set_seconds(input_.Coin() ? absl::ToUnixSeconds(now_) - input_.Byte() : input_.Number());
    if (input_.Byte() > 200) time.set_nanos(static_cast<int32_t>(input_.Number()));
  }
  void FillDuration(google::protobuf::Duration& duration) {
    duration.set_seconds(input_.Number());
    if (input_.Byte() > 200) duration.set_nanos(static_cast<int32_t>(input_.Number()));
  }

  void FillLoad(v1::LoadReport& load) {
    for (size_t i = input_.Below(4); i > 0; --i) {
      v1::LoadReport::Sample& sample = *load.add_samples();
      FillTime(*sample.mutable_time());
      sample.set_foreground_milli_cores(input_.Coin() ? input_.Byte() * 40 : input_.Number());
      sample.set_foreground_memory_bytes(input_.Number());
    }
  }

  void FillKey(v1::AttemptKey& key) {
    // Mostly what some task really is at.
    const uint64_t uid = 1 + input_.Below(6);
    const uint32_t index = static_cast<uint32_t>(input_.Below(2));
    const core::Job* job = machine_.FindJob(JobUid(uid));
    uint32_t attempt = job == nullptr ? 1 : job->tasks[index].attempt.value();
    if (input_.Byte() > 220) attempt = static_cast<uint32_t>(input_.Number());
    key.set_job_uid(input_.Byte() > 245 ? static_cast<uint64_t>(input_.Number()) : uid);
    key.set_task_index(input_.Byte() > 245 ? static_cast<uint32_t>(input_.Number()) : index);
    key.set_attempt(attempt);
  }

  void FillCheckpoint(v1::CheckpointStatus& checkpoint) {
    FillKey(*checkpoint.mutable_key()->mutable_attempt());
    checkpoint.mutable_key()->set_sequence(static_cast<uint32_t>(input_.Number()));
    checkpoint.set_digest(std::string(32, input_.Byte() > 200 ? 'e' : 'd'));
    checkpoint.set_size_bytes(input_.Number());
    FillDuration(*checkpoint.mutable_run_time());
    if (input_.Byte() > 200) checkpoint.set_failure("disk full");
  }

  template <class Lists>
  void FillLists(Lists& lists) {
    for (size_t i = input_.Below(4); i > 0; --i) {
      v1::AttemptStatus& status = *lists.add_attempts();
      FillKey(*status.mutable_key());
      status.set_phase(static_cast<v1::AttemptStatus::Phase>(input_.Below(14)));
      if (input_.Coin()) FillTime(*status.mutable_start_time());
      if (input_.Coin()) FillTime(*status.mutable_end_time());
      if (input_.Coin()) status.set_exit_code(static_cast<int32_t>(input_.Number()));
      if (input_.Byte() > 200) status.set_exit_signal(static_cast<int32_t>(input_.Number()));
      if (input_.Byte() > 200) status.set_reason(std::string(input_.Text()));
      if (input_.Byte() > 200) status.set_detail(std::string(input_.Text()));
      if (input_.Coin()) FillDuration(*status.mutable_cpu_time());
      if (input_.Coin()) FillCheckpoint(*status.mutable_checkpoint());
      if (status.has_checkpoint() && input_.Byte() < 200) {
        *status.mutable_checkpoint()->mutable_key()->mutable_attempt() = status.key();
      }
    }
    for (size_t i = input_.Below(3); i > 0; --i) FillCheckpoint(*lists.add_checkpoints());
  }

  // --- Streams, as rpc::AgentStream handles them ---

  void Open() {
    streams_.push_back({.session = next_session_++, .node = {}});
    v1::ConnectRequest message;
    FillHello(*message.mutable_hello());
    Handle(streams_.back(), message);
  }

  void Say(const v1::ConnectRequest& message) {
    if (streams_.empty()) streams_.push_back({.session = next_session_++, .node = {}});
    Handle(streams_[input_.Below(std::min<size_t>(streams_.size(), 256))], message);
  }

  void Gone(size_t index) {
    const Stream stream = streams_[index];
    streams_.erase(streams_.begin() + static_cast<ptrdiff_t>(index));
    if (!stream.node.empty()) Apply(core::NodeGone{stream.node, stream.session});
  }

  template <class Command>
  void Post(Stream& stream, absl::StatusOr<Command> command) {
    if (!command.ok()) {
      CheckRefusal(command.status());
      return;
    }
    if (stream.node.empty()) return;
    command->node = stream.node;
    command->session = stream.session;
    Apply(*std::move(command));
  }

  void Handle(Stream& stream, const v1::ConnectRequest& said) {
    // As it arrives: what does not parse never reaches us.
    v1::ConnectRequest message;
    if (!message.ParseFromString(said.SerializeAsString())) return;
    switch (message.message_case()) {
      case v1::ConnectRequest::kHello: {
        auto hello = rpc::HelloFromProto(message.hello(), clock_);
        if (!hello.ok()) {
          CheckRefusal(hello.status());
          return;
        }
        if (!stream.node.empty()) return;
        hello->session = stream.session;
        const NodeId node = hello->node;
        if (Apply(*std::move(hello))) stream.node = node;
        return;
      }
      case v1::ConnectRequest::kHeartbeat:
        return Post(stream, rpc::HeartbeatFromProto(message.heartbeat(), clock_));
      case v1::ConnectRequest::kReport:
        return Post(stream, rpc::ReportFromProto(message.report(), clock_));
      case v1::ConnectRequest::kLoad:
        return Post(stream, rpc::LoadFromProto(message.load()));
      case v1::ConnectRequest::MESSAGE_NOT_SET:
        return;
    }
  }

  // --- The core ---

  // Whether it was accepted.
  bool Apply(const core::Command& command) {
    const core::Outcome outcome = machine_.Apply(command, now_);
    if (!outcome.reply.status.ok()) CheckRefusal(outcome.reply.status);
    for (const core::Effect& effect : outcome.effects) {
      if (std::holds_alternative<core::PlanWanted>(effect)) plan_wanted_ = true;
      if (const auto* order = std::get_if<core::OrderAttempt>(&effect)) Check(*order);
      if (const auto* order = std::get_if<core::OrderCheckpoint>(&effect)) Check(*order);
    }
    if (!std::holds_alternative<core::Tick>(command)) Apply(core::Tick{});
    if (std::exchange(plan_wanted_, false)) {
      Apply(
          core::AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
    }
    Store(store::Encode(machine_, machine_.TakeChanges()));
    return outcome.reply.status.ok();
  }

  // An agent understands it, and it is for the stream that its node has (Promise 3).
  template <class Order>
  void Check(const Order& order) {
    HT_CHECK_EQ(order.session, machine_.nodes().at(order.node).session);
    std::conditional_t<std::is_same_v<Order, core::OrderAttempt>, v1::AttemptOrder,
                       v1::CheckpointOrder>
        proto;
    rpc::OrderToProto(order, proto);
    const auto understood = agent::link::FromProto(proto);
    HT_CHECK(understood.ok());
    if (const auto* start = std::get_if<agent::StartOrder>(&*understood)) {
      HT_CHECK_EQ(start->invalid, "");
    }
  }

  void Store(const store::Batch& batch) {
    for (const store::RecordKey& prefix : batch.delete_prefixes) {
      auto it = records_.lower_bound({prefix.kind, prefix.key});
      while (it != records_.end() && it->first.first == prefix.kind &&
             it->first.second.starts_with(prefix.key)) {
        it = records_.erase(it);
      }
    }
    for (const store::RecordKey& key : batch.deletes) records_.erase({key.kind, key.key});
    for (const store::Record& record : batch.puts) {
      records_[{record.kind, record.key}] = record.value;
    }
  }

  // Promise 1: whatever agents have said, the state can be read again.
  void Restart() {
    store::Decoder decoder;
    for (const auto& [key, value] : records_) {
      const absl::Status added = decoder.Add({key.first, key.second, value});
      if (!added.ok()) CheckFailed(__FILE__, __LINE__, "readable", added.ToString());
    }
    core::Machine again(SmallOptions(), SmallFleet());
    const absl::Status recovered = again.Recover(decoder.Finish(), now_);
    if (!recovered.ok()) CheckFailed(__FILE__, __LINE__, "recovered", recovered.ToString());
    again.Apply(core::Tick{}, now_);
    CoreInvariants().Check(again);
    HT_CHECK_EQ(again.jobs().size(), machine_.jobs().size());
    HT_CHECK_EQ(again.active_jobs(), machine_.active_jobs());
  }

  Input input_;
  core::Machine machine_;
  os::SchedulingClock clock_;
  absl::Time now_ = kStart;
  CoreInvariants invariants_;
  std::vector<Stream> streams_;
  std::map<std::pair<store::Kind, std::string>, std::string> records_;
  uint64_t next_session_ = 1;
  int submitted_ = 0;
  bool plan_wanted_ = false;
};

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::World({data, size}).Run();
  return 0;
}
