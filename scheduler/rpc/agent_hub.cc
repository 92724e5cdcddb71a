#include "scheduler/rpc/agent_hub.h"

#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/os/log.h"
#include "scheduler/rpc/convert_agent.h"
#include "scheduler/wire/peer.h"
#include "scheduler/wire/status.h"
#include "scheduler/wire/time.h"

namespace heliotrope::rpc {

namespace {

// A message of orders is closed above this size, well below what a peer takes.
constexpr size_t kOrdersBytes = size_t{1} << 20;
// Streams open at once, those of strangers who never say hello included.
constexpr size_t kMaxStreams = 20'000;

}  // namespace

// One stream. The next message is read when the last one has been applied, so an agent that says
// much is slowed down rather than queued without bound, and its reports arrive in batches.
class AgentStream final : public grpc::ServerBidiReactor<v1::ConnectRequest, v1::ConnectResponse>,
                          public std::enable_shared_from_this<AgentStream> {
 public:
  // `country` is that of the agent's certificate, if it has one.
  AgentStream(AgentHub& hub, uint64_t session, std::optional<std::string> country)
      : hub_(hub), session_(session), country_(std::move(country)) {}

  uint64_t session() const { return session_; }

  void Start() { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (!ok) {
      // The agent has closed its side, or the connection is gone.
      End(grpc::Status::OK);
      return;
    }
    const absl::Status status = Handle();
    if (!status.ok()) End(wire::ToGrpc(status));
  }

  void OnWriteDone(bool ok) override {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      outgoing_.pop_front();
      writing_ = false;
      if (!ok && !end_) end_ = grpc::Status::CANCELLED;
    });
  }

  void OnCancel() override { End(grpc::Status::CANCELLED); }

  void OnDone() override {
    if (!node_.empty()) {
      hub_.core_.PostFromAgent(core::NodeGone{node_, session_}, nullptr);
      os::LogInfo("agent disconnected", {{"node", node_.value()}});
    }
    hub_.Remove(this);
  }

  void End(const grpc::Status& status) {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (!end_) end_ = status;
    });
  }

  void Send(v1::ConnectResponse message) {
    message.set_term(static_cast<int64_t>(hub_.core_.facts().term.value()));
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (outgoing_.size() < kMaxQueuedMessagesPerAgent) {
        outgoing_.push_back(std::move(message));
      } else if (!end_) {
        end_ = wire::ToGrpc(ResourceExhausted("SLOW_AGENT", "too many orders wait: connect again"));
      }
    });
  }

 private:
  // What came is posted; the reply starts the next read.
  absl::Status Handle() {
    const os::SchedulingClock& clock = hub_.core_.clock();
    switch (request_.message_case()) {
      case v1::ConnectRequest::kHello: {
        if (!node_.empty()) return InvalidField("hello", "said twice on one stream");
        auto hello = HelloFromProto(request_.hello(), clock);
        if (!hello.ok()) return hello.status();
        return OnHello(*std::move(hello));
      }
      case v1::ConnectRequest::kHeartbeat: {
        auto heartbeat = HeartbeatFromProto(request_.heartbeat(), clock);
        if (!heartbeat.ok()) return heartbeat.status();
        return Post(*std::move(heartbeat), request_.heartbeat().sequence());
      }
      case v1::ConnectRequest::kReport: {
        auto report = ReportFromProto(request_.report(), clock);
        if (!report.ok()) return report.status();
        return Post(*std::move(report), std::nullopt);
      }
      case v1::ConnectRequest::kLoad: {
        auto load = LoadFromProto(request_.load());
        if (!load.ok()) return load.status();
        return Post(*std::move(load), std::nullopt);
      }
      case v1::ConnectRequest::MESSAGE_NOT_SET:
        return InvalidField("message", "empty: the first message is hello");
    }
    return InvalidField("message", "unknown");
  }

  absl::Status OnHello(core::NodeHello hello) {
    hello.session = session_;
    const NodeId node = hello.node;
    // Promise 6: what the authority has signed, not what the agent's configuration says.
    if (country_ && *country_ != hello.jurisdiction.value()) {
      return PermissionDenied(
          "JURISDICTION_NOT_CERTIFIED",
          absl::StrCat("the agent says jurisdiction \"", hello.jurisdiction.value(),
                       "\", its certificate has C=", *country_,
                       ": mend its configuration, or give it a certificate of where it is"),
          {{"jurisdiction", hello.jurisdiction.value()}, {"certificate_country", *country_}});
    }
    if (!TakeTurn()) return absl::OkStatus();
    auto self = shared_from_this();
    hub_.core_.PostFromAgent(std::move(hello), [self, node](const core::Reply& reply) {
      if (reply.status.ok()) {
        self->node_ = node;
        self->SendWelcome();  // Before any order can come: it must be the first message.
        self->hub_.Adopt(node, self->session_, self);
        os::LogInfo("agent connected", {{"node", node.value()}});
      } else {
        os::LogWarning("agent refused",
                       {{"node", node.value()}, {"why", std::string(reply.status.message())}});
      }
      self->Answered(reply.status);
    });
    return absl::OkStatus();
  }

  // Whether what was read may go to the core: the stream then ends only after the answer, since
  // that starts the next read.
  bool TakeTurn() {
    MutexLock lock(mutex_);
    if (end_) return false;
    ++posted_;
    return true;
  }

  // The other half of TakeTurn. The count goes down last: until then the call cannot finish.
  void Answered(const absl::Status& status) {
    if (status.ok()) StartRead(&request_);
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      --posted_;
      if (!status.ok() && !end_) end_ = wire::ToGrpc(status);
    });
  }

  void SendWelcome() {
    const CoreFacts& facts = hub_.core_.facts();
    const os::ClockMapping& mapping = hub_.core_.clock().mapping();
    v1::ConnectResponse message;
    v1::Welcome& welcome = *message.mutable_welcome();
    welcome.set_version(facts.version);
    *welcome.mutable_lease_duration() = wire::ToProto(facts.lease);
    *welcome.mutable_heartbeat_interval() = wire::ToProto(facts.heartbeat_interval);
    *welcome.mutable_load_interval() = wire::ToProto(facts.load_interval);
    *welcome.mutable_clock()->mutable_anchor() = wire::ToProto(mapping.anchor);
    *welcome.mutable_clock()->mutable_start() = wire::ToProto(mapping.start);
    welcome.mutable_clock()->set_speed(mapping.speed);
    Send(std::move(message));
  }

  // What the node has and must not start, before the lease that would let it (Promise 3). The same
  // orders come once more as effects, when they are durable.
  void SendStops(const std::vector<model::AttemptKey>& stale) {
    if (stale.empty()) return;
    v1::ConnectResponse message;
    for (const model::AttemptKey& key : stale) {
      core::OrderAttempt stop;
      stop.node = node_;
      stop.session = session_;
      stop.key = key;
      stop.action = core::AttemptAction::kStop;
      stop.reason = model::Reason::kStale;
      OrderToProto(stop, *message.mutable_orders()->add_attempts());
    }
    Send(std::move(message));
  }

  template <class Command>
  absl::Status Post(Command command, std::optional<int64_t> heartbeat) {
    if (node_.empty()) return InvalidField("message", "the first message is hello");
    command.node = node_;
    command.session = session_;
    if (!TakeTurn()) return absl::OkStatus();
    auto self = shared_from_this();
    hub_.core_.PostFromAgent(std::move(command), [self, heartbeat](const core::Reply& reply) {
      if (reply.status.ok() && heartbeat) {
        self->SendStops(reply.stale);
        v1::ConnectResponse message;
        message.mutable_lease()->set_sequence(*heartbeat);
        *message.mutable_lease()->mutable_duration() =
            wire::ToProto(self->hub_.core_.facts().lease);
        self->Send(std::move(message));
      }
      self->Answered(reply.status);
    });
    return absl::OkStatus();
  }

  // Changes the state and starts what can be started: a write, or the end when neither a write nor
  // an answer of the core is out.
  template <class Change>
  void Go(Change change) {
    const v1::ConnectResponse* message = nullptr;
    std::optional<grpc::Status> end;
    {
      MutexLock lock(mutex_);
      change();
      if (finished_ || writing_) return;
      if (end_) {
        if (posted_ > 0) return;
        finished_ = true;
        end = end_;
      } else if (!outgoing_.empty()) {
        writing_ = true;
        message = &outgoing_.front();
      }
    }
    if (end) {
      Finish(*end);
    } else if (message != nullptr) {
      StartWrite(message);
    }
  }

  AgentHub& hub_;
  const uint64_t session_;
  const std::optional<std::string> country_;
  NodeId node_;                 // Set once by hello's reply, before any further read.
  v1::ConnectRequest request_;  // Of the read that is out, or being handled.
  Mutex mutex_;
  std::deque<v1::ConnectResponse> outgoing_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  // Messages that are with the core. The call may be gone once this is zero and finished_ is set.
  int posted_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
};

AgentHub::~AgentHub() = default;

grpc::ServerBidiReactor<v1::ConnectRequest, v1::ConnectResponse>* AgentHub::Connect(
    grpc::CallbackServerContext* context) {
  const auto auth = context->auth_context();
  auto country = auth == nullptr ? std::nullopt : wire::PeerCountry(*auth);
  std::shared_ptr<AgentStream> stream;
  bool refused = false;
  {
    MutexLock lock(mutex_);
    stream = std::make_shared<AgentStream>(*this, next_session_++, std::move(country));
    refused = stopped_ || streams_.size() >= kMaxStreams;
    streams_.insert(stream);
  }
  if (refused) {
    stream->End(wire::ToGrpc(Unavailable("STOPPING", "not taking agents now: connect again")));
  } else {
    stream->Start();
  }
  return stream.get();
}

void AgentHub::Adopt(const NodeId& node, uint64_t session,
                     const std::shared_ptr<AgentStream>& stream) {
  std::shared_ptr<AgentStream> older;
  {
    MutexLock lock(mutex_);
    older = std::exchange(by_node_[node], stream);
  }
  if (older != nullptr && older != stream) {
    older->End(wire::ToGrpc(Aborted(
        "STALE_SESSION", absl::StrCat("session ", session, " of this node has taken over"))));
  }
}

std::shared_ptr<AgentStream> AgentHub::StreamOf(const NodeId& node, uint64_t session) {
  MutexLock lock(mutex_);
  const auto found = by_node_.find(node);
  if (found == by_node_.end() || found->second->session() != session) return nullptr;
  return found->second;
}

void AgentHub::Send(const std::vector<core::Effect>& effects) {
  using Receiver = std::pair<NodeId, uint64_t>;  // The session.
  struct Open {
    v1::ConnectResponse message;
    size_t bytes = 0;
  };
  std::map<Receiver, Open> open;
  const auto flush = [&](std::map<Receiver, Open>::iterator full) {
    const auto& [node, session] = full->first;
    if (const auto stream = StreamOf(node, session)) stream->Send(std::move(full->second.message));
    open.erase(full);
  };
  for (const core::Effect& effect : effects) {
    const auto add = [&](const auto& order, auto add_to) {
      const auto at = open.try_emplace({order.node, order.session}).first;
      auto& proto = *(at->second.message.mutable_orders()->*add_to)();
      OrderToProto(order, proto);
      at->second.bytes += proto.ByteSizeLong();
      if (at->second.bytes >= kOrdersBytes) flush(at);
    };
    if (const auto* attempt = std::get_if<core::OrderAttempt>(&effect)) {
      add(*attempt, &v1::Orders::add_attempts);
    } else if (const auto* checkpoint = std::get_if<core::OrderCheckpoint>(&effect)) {
      add(*checkpoint, &v1::Orders::add_checkpoints);
    }
  }
  while (!open.empty()) flush(open.begin());
}

void AgentHub::Stop() {
  std::vector<std::shared_ptr<AgentStream>> streams;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    streams.assign(streams_.begin(), streams_.end());
  }
  for (const auto& stream : streams) {
    stream->End(wire::ToGrpc(Unavailable("STOPPING", "the scheduler is stopping: connect again")));
  }
}

void AgentHub::Remove(AgentStream* stream) {
  std::shared_ptr<AgentStream> last;
  MutexLock lock(mutex_);
  for (auto it = by_node_.begin(); it != by_node_.end();) {
    it = it->second.get() == stream ? by_node_.erase(it) : std::next(it);
  }
  for (auto it = streams_.begin(); it != streams_.end(); ++it) {
    if (it->get() != stream) continue;
    last = *it;
    streams_.erase(it);
    return;
  }
}

}  // namespace heliotrope::rpc
