// What a scheduler says, in any order, through the translation that the agent uses, into the
// agent's core. Between the messages come results of what the core has asked for, failed or not,
// and time. After each step the promises that the agent alone can keep must hold.
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/core/machine.h"
#include "agent/link/convert.h"
#include "agent/link/heartbeats.h"
#include "heliotrope/v1/agent_stream.pb.h"
#include "scheduler/os/clock.h"
#include "scheduler/wire/clock_mapping.h"
#include "scheduler/wire/time.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

using agent::AttemptKey;
using agent::Event;

constexpr int kMaxSteps = 150;
// A period so short or a step of time so long would mean checkpoints beyond counting.
constexpr size_t kMostEffects = 10'000;

agent::NodeSpec Node() {
  return {.cores = MilliCores::FromMilli(4000), .memory = Bytes::FromGiB(8), .jurisdiction = "DE"};
}

class World {
 public:
  // In touch with its scheduler, with a lease that some steps of time outlast.
  explicit World(Input input) : input_(input), machine_(Node()) {
    Do(agent::Welcomed{.term = Term(1)});
    Do(agent::LeaseRenewed{.until = now_.scheduling + absl::Hours(6)});
  }

  void Run() {
    for (int i = 0; i < kMaxSteps && !input_.empty(); ++i) {
      Step();
      Check();
    }
  }

 private:
  void Step() {
    switch (input_.Below(12)) {
      case 0:
        Pass(absl::Seconds(input_.Byte()));
        break;
      case 1:
        Pass(absl::Minutes(input_.Byte()));
        break;
      case 2:
        heartbeats_.Send(boottime_);
        break;
      case 3: {
        v1::ConnectResponse raw;
        if (raw.ParseFromString(std::string(input_.Text()))) Take(raw);
        break;
      }
      case 4:
        Do(agent::LoadMeasured{.sample = {.foreground = MilliCores::FromMilli(input_.Byte() * 20),
                                          .pressure_percent = input_.Byte() / 2.0 - 1}});
        break;
      case 5:
      case 6:
      case 7:
        Answer();
        break;
      default:
        Take(Message());
    }
  }

  void Pass(absl::Duration time) {
    now_.scheduling += time;
    now_.real += time;
    boottime_ += time;
    Do(agent::TimePassed{});
  }

  // --- Messages ---

  v1::ConnectResponse Message() {
    v1::ConnectResponse message;
    message.set_term(input_.Byte() < 253 ? 1 : input_.Number());
    switch (input_.Below(8)) {
      case 0: {
        v1::Welcome& welcome = *message.mutable_welcome();
        FillTime(*welcome.mutable_clock()->mutable_anchor());
        FillTime(*welcome.mutable_clock()->mutable_start());
        welcome.mutable_clock()->set_speed(static_cast<double>(input_.Number()));
        welcome.mutable_lease_duration()->set_seconds(input_.Number());
        break;
      }
      case 1:
        message.mutable_lease()->set_sequence(input_.Number());
        message.mutable_lease()->mutable_duration()->set_seconds(input_.Number());
        break;
      default:
        for (size_t i = 1 + input_.Below(3); i > 0; --i) FillOrder(*message.mutable_orders());
    }
    return message;
  }

  void FillTime(google::protobuf::Timestamp& time) {
    time.set_seconds(input_.Number());
    if (input_.Byte() > 200) time.set_nanos(static_cast<int32_t>(input_.Number()));
  }

  void FillKey(v1::AttemptKey& key) {
    key.set_job_uid(1 + input_.Below(3));
    key.set_task_index(static_cast<uint32_t>(input_.Below(2)));
    key.set_attempt(input_.Byte() < 240 ? static_cast<uint32_t>(1 + input_.Below(4))
                                        : static_cast<uint32_t>(input_.Number()));
  }

  void FillSource(v1::RestoreSource& source) {
    FillKey(*source.mutable_key()->mutable_attempt());
    source.mutable_key()->set_sequence(static_cast<uint32_t>(input_.Below(3)));
    source.set_digest(std::string(input_.Byte() < 230 ? 32 : input_.Byte(), 'd'));
    source.set_size_bytes(input_.Number());
    source.add_addresses("127.0.0.1:7410");
  }

  void FillOrder(v1::Orders& orders) {
    if (input_.Below(5) == 0) {
      v1::CheckpointOrder& order = *orders.add_checkpoints();
      order.set_action(static_cast<v1::CheckpointOrder::Action>(input_.Below(4)));
      FillSource(*order.mutable_source());
      *order.mutable_key() = order.source().key();
      order.add_jurisdictions(input_.Byte() < 200 ? "DE" : "CN");
      return;
    }
    v1::AttemptOrder& order = *orders.add_attempts();
    FillKey(*order.mutable_key());
    order.set_action(static_cast<v1::AttemptOrder::Action>(input_.Below(6)));
    if (input_.Byte() > 230) order.set_reason(std::string(input_.Text()));
    if (order.action() != v1::AttemptOrder::ACTION_START) return;
    v1::StartOrder& start = *order.mutable_start();
    start.set_job_name(input_.Byte() < 240 ? "jobs/a" : std::string(input_.Text()));
    v1::TaskTemplate& task = *start.mutable_task();
    task.add_command("/bin/true");
    task.set_milli_cores(input_.Byte() < 220 ? 500 + input_.Byte() * 8 : input_.Number());
    task.set_memory_bytes(input_.Byte() < 220 ? 1000 : input_.Number());
    if (input_.Coin()) {
      v1::Checkpointing& checkpoint = *task.mutable_checkpoint();
      if (input_.Coin()) {
        checkpoint.mutable_interval()->set_seconds(input_.Number());
        if (input_.Byte() > 200) {
          checkpoint.mutable_interval()->set_nanos(static_cast<int32_t>(input_.Number()));
        }
      }
      if (input_.Byte() > 200) checkpoint.mutable_grace()->set_seconds(input_.Number());
      if (input_.Byte() > 230) checkpoint.set_signal(std::string(input_.Text()));
    }
    start.add_jurisdictions(input_.Byte() < 230 ? "DE" : "CN");
    if (input_.Byte() > 200) FillSource(*start.mutable_restore());
  }

  // As agent::daemon::Session and Daemon::TakeOrders handle it.
  void Take(const v1::ConnectResponse& said) {
    v1::ConnectResponse message;
    if (!message.ParseFromString(said.SerializeAsString())) return;
    const Term term(static_cast<uint64_t>(message.term()));
    if (message.term() < 0 || term < machine_.term()) return;
    switch (message.message_case()) {
      case v1::ConnectResponse::kWelcome: {
        const auto mapping = wire::FromProto(message.welcome().clock());
        if (!mapping.ok()) return CheckRefusal(mapping.status());
        const os::SchedulingClock clock(
            {.anchor = mapping->anchor, .start = mapping->start, .speed = mapping->speed});
        HT_CHECK(clock.ToReal(clock.Now()) < absl::InfiniteFuture());
        return Do(agent::Welcomed{.term = term});
      }
      case v1::ConnectResponse::kLease: {
        const auto duration =
            wire::NonNegativeFromProto(message.lease().duration(), "lease.duration");
        if (!duration.ok()) return CheckRefusal(duration.status());
        const auto until = heartbeats_.Granted(message.lease().sequence(), *duration);
        if (until.has_value()) {
          Do(agent::LeaseRenewed{.until = now_.scheduling + (*until - boottime_)});
        }
        return;
      }
      case v1::ConnectResponse::kOrders:
        return TakeOrders(message.orders(), term);
      case v1::ConnectResponse::MESSAGE_NOT_SET:
        return;
    }
  }

  void TakeOrders(const v1::Orders& orders, Term term) {
    agent::OrdersReceived received{.term = term, .orders = {}};
    const auto take = [&](absl::StatusOr<agent::Order> order) {
      if (!order.ok()) return CheckRefusal(order.status());
      if (const auto* start = std::get_if<agent::StartOrder>(&*order)) {
        HT_CHECK_LE(start->invalid.size(), kMaxRefusalBytes);
        if (start->invalid.empty() && agent::IsAllowed(start->spec.jurisdictions, "DE")) {
          allowed_.insert(start->key);
        }
      }
      received.orders.push_back(*std::move(order));
    };
    for (const v1::AttemptOrder& order : orders.attempts()) take(agent::link::FromProto(order));
    for (const v1::CheckpointOrder& order : orders.checkpoints())
      take(agent::link::FromProto(order));
    Do(received);
  }

  // --- What became of effects ---

  // One of those that are due, in any order.
  void Answer() {
    if (due_.empty()) return;
    const size_t index = input_.Byte() % due_.size();
    const Event event = due_[index];
    due_.erase(due_.begin() + static_cast<ptrdiff_t>(index));
    if (const auto* exit = std::get_if<agent::ProcessExited>(&event)) processes_.erase(exit->key);
    Do(event);
    if (input_.Byte() > 230) Do(event);  // Told twice.
  }

  void Exit(const AttemptKey& key, agent::StopCause cause) {
    for (const Event& event : due_) {
      const auto* other = std::get_if<agent::ProcessExited>(&event);
      if (other != nullptr && other->key == key) return;
    }
    const int code = input_.Coin() ? 85 : input_.Byte();
    due_.push_back(agent::ProcessExited{.key = key,
                                        .exit = {.incarnation = processes_.at(key),
                                                 .code = code,
                                                 .cause = cause,
                                                 .checkpointed = code == 85,
                                                 .started = now_.real,
                                                 .ended = now_.real}});
  }

  void Do(const Event& event) {
    const agent::Effects effects = machine_.Apply(event, now_);
    HT_CHECK_LE(effects.size(), kMostEffects);
    for (const agent::Effect& effect : effects) {
      std::visit([this](const auto& e) { On(e); }, effect);
    }
  }

  void On(const agent::Prepare& e) { HT_CHECK(prepared_.insert(e.key).second); }
  void On(const agent::Fetch& e) {
    if (input_.Byte() < 200) {
      due_.push_back(agent::FetchDone{.key = e.key});
    } else {
      due_.push_back(agent::FetchFailed{.key = e.key});
    }
  }
  void On(const agent::CancelFetch&) {}
  void On(const agent::Launch& e) {
    HT_CHECK(allowed_.contains(e.key));  // Promise 6.
    // Promise 3.
    for (const auto& [other, incarnation] : processes_) HT_CHECK_NE(other.task, e.key.task);
    if (input_.Byte() > 230) {
      due_.push_back(agent::LaunchFailed{.key = e.key, .incarnation = e.incarnation});
      return;
    }
    processes_[e.key] = e.incarnation;
    due_.push_back(
        agent::LaunchDone{.key = e.key, .incarnation = e.incarnation, .started = now_.real});
    if (input_.Coin()) Exit(e.key, agent::StopCause::kNone);
  }
  void On(const agent::Steer& e) {
    if (!processes_.contains(e.key)) return;
    if (e.wish == agent::Steer::Wish::kLeave) Exit(e.key, agent::StopCause::kLeave);
    if (e.wish == agent::Steer::Wish::kStop) Exit(e.key, agent::StopCause::kStop);
  }
  void On(const agent::Seal& e) {
    HT_CHECK(!processes_.contains(e.key.attempt));
    if (input_.Byte() < 220) {
      due_.push_back(agent::SealDone{.checkpoint = {.key = e.key,
                                                    .digest = std::string(32, 'd'),
                                                    .size = Bytes::FromBytes(1)}});
    } else {
      due_.push_back(agent::SealFailed{.key = e.key, .detail = "disk full"});
    }
  }
  void On(const agent::SaveOutcome& e) {
    HT_CHECK(!processes_.contains(e.status.key));
    due_.push_back(agent::OutcomeSaved{.key = e.status.key});
  }
  void On(const agent::Forget& e) {
    HT_CHECK(!processes_.contains(e.key));
    prepared_.erase(e.key);
    ended_.erase(e.key);
  }
  void On(const agent::Hold& e) {
    HT_CHECK(agent::IsAllowed(e.jurisdictions, "DE"));
    if (input_.Coin()) {
      due_.push_back(agent::HoldDone{
          .checkpoint = {.key = e.source.key, .digest = e.source.digest, .size = e.source.size}});
    } else {
      due_.push_back(agent::HoldFailed{.key = e.source.key, .detail = "gone"});
    }
  }
  void On(const agent::Remove&) {}
  void On(const agent::Note&) {}

  void Check() {
    HT_CHECK_LE(machine_.promised_cores(), Node().cores);
    std::set<AttemptKey> reported;
    for (const agent::AttemptStatus& status : machine_.Statuses(now_)) {
      reported.insert(status.key);
      CheckStatus(status);
    }
    for (const auto& [key, incarnation] : processes_) HT_CHECK(reported.contains(key));
    if (!input_.Coin()) return;
    for (const agent::AttemptStatus& status : machine_.TakeChanges(now_).attempts) {
      CheckStatus(status);
    }
  }

  // It can be told, and what is told can be read again.
  void CheckStatus(const agent::AttemptStatus& status) {
    v1::AttemptStatus sent;
    HT_CHECK(sent.ParseFromString(agent::link::ToProto(status).SerializeAsString()));
    const auto again = agent::link::FromProto(sent);
    HT_CHECK(again.ok());
    HT_CHECK(again->phase == status.phase && again->key == status.key);
    if (!IsTerminal(status.phase)) return;
    HT_CHECK(!processes_.contains(status.key));
    const auto [it, is_new] = ended_.try_emplace(status.key, status.phase);
    // An answer about one that is not here is no outcome.
    if (prepared_.contains(status.key)) HT_CHECK(it->second == status.phase);
  }

  Input input_;
  agent::Machine machine_;
  agent::link::Heartbeats heartbeats_;
  agent::Now now_{.scheduling = absl::FromUnixSeconds(1'750'000'000),
                  .real = absl::FromUnixSeconds(1'760'000'000)};
  absl::Duration boottime_ = absl::Hours(1);
  std::vector<Event> due_;
  std::set<AttemptKey> allowed_;
  std::set<AttemptKey> prepared_;
  std::map<AttemptKey, uint32_t> processes_;
  std::map<AttemptKey, agent::Phase> ended_;
};

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::World({data, size}).Run();
  return 0;
}
