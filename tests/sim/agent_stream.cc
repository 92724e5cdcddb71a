#include "tests/sim/agent_stream.h"

#include <algorithm>
#include <utility>

#include "tests/sim/agent_host.h"
#include "tests/sim/scheduler_host.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

// wire/keepalive.h.
constexpr absl::Duration kKeepaliveTime = absl::Seconds(20);
constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);

}  // namespace

AgentStream::AgentStream(World& world, AgentHost& agent, uint64_t agent_session)
    : world_(world),
      agent_(agent),
      agent_session_(agent_session),
      host_(agent.facts().host),
      up_(std::make_shared<Channel>(world.network, host_, kSchedulerHost)),
      down_(std::make_shared<Channel>(world.network, kSchedulerHost, host_)) {}

std::shared_ptr<AgentStream> AgentStream::Open(World& world, AgentHost& agent,
                                               uint64_t agent_session, core::NodeHello hello) {
  auto stream = std::make_shared<AgentStream>(world, agent, agent_session);
  stream->Dial(std::move(hello));
  return stream;
}

// A connection needs both directions.
void AgentStream::Dial(core::NodeHello hello) {
  if (agent_ended_) return;
  Network& network = world_.network;
  const bool no_way_up = network.blocked(host_, kSchedulerHost);
  if (no_way_up || network.blocked(kSchedulerHost, host_)) {
    const HostIndex from = no_way_up ? host_ : kSchedulerHost;
    network.WhenOpen(from, host_ + kSchedulerHost - from,
                     [self = shared_from_this(), hello = std::move(hello)] { self->Dial(hello); });
    return;
  }
  const absl::Duration there_and_back =
      network.Delay(host_, kSchedulerHost) + network.Delay(kSchedulerHost, host_);
  network.queue().After(there_and_back, [self = shared_from_this(), hello = std::move(hello)] {
    self->Connected(hello);
  });
}

void AgentStream::Connected(core::NodeHello hello) {
  if (!world_.scheduler->Accept(shared_from_this())) {
    scheduler_ended_ = true;
    TellAgent(absl::UnavailableError("connection refused"));
    return;
  }
  SendUp(std::move(hello));
  if (!agent_ended_) agent_.OnSent(agent_session_);
  Watch();
}

// --- The agent's end ---

void AgentStream::SendUp(ToScheduler message) {
  if (agent_ended_) return;
  up_->Send([self = shared_from_this(), message = std::move(message)] {
    if (!self->scheduler_ended_) self->world_.scheduler->OnMessage(self, message);
  });
}

void AgentStream::CloseByAgent(const absl::Status& why) {
  if (agent_ended_) return;
  TellAgent(why);
  up_->Cut();
  TellScheduler();
}

void AgentStream::AgentGone() {
  agent_ended_ = true;
  agent_told_ = true;
  up_->Cut();
  TellScheduler();
}

// --- The scheduler's end ---

void AgentStream::SendDown(ToAgent message) {
  if (scheduler_ended_) return;
  down_->Send([self = shared_from_this(), message = std::move(message)] {
    if (!self->agent_ended_) self->agent_.OnMessage(self->agent_session_, message);
  });
}

void AgentStream::EndByScheduler(const absl::Status& status) {
  if (scheduler_ended_) return;
  scheduler_ended_ = true;
  down_->Cut();
  world_.scheduler->OnDone(shared_from_this());
  Network& network = world_.network;
  network.WhenOpen(kSchedulerHost, host_, [self = shared_from_this(), status] {
    Network& open = self->world_.network;
    const Instant when = std::max(self->down_->quiet(),
                                  open.queue().now() + open.Delay(kSchedulerHost, self->host_));
    open.queue().At(when, [self, status] { self->TellAgent(status); });
  });
}

void AgentStream::SchedulerGone() {
  if (scheduler_ended_) return;
  scheduler_ended_ = true;
  down_->Cut();
  world_.network.WhenOpen(kSchedulerHost, host_, [self = shared_from_this()] {
    Network& open = self->world_.network;
    open.queue().After(open.Delay(kSchedulerHost, self->host_),
                       [self] { self->TellAgent(absl::UnavailableError("connection reset")); });
  });
}

// --- Both ---

void AgentStream::Break() {
  if (!scheduler_ended_) {
    down_->Cut();
    TellScheduler();
  }
  if (!agent_ended_) {
    up_->Cut();
    world_.queue.After(world_.network.Delay(kSchedulerHost, host_), [self = shared_from_this()] {
      self->TellAgent(absl::UnavailableError("connection reset"));
    });
  }
}

// Once; nothing comes down after it.
void AgentStream::TellAgent(const absl::Status& why) {
  if (agent_told_) return;
  agent_told_ = true;
  agent_ended_ = true;
  agent_.OnClosed(agent_session_, why);
}

// The end comes behind what still arrives, when the link lets it through.
void AgentStream::TellScheduler() {
  world_.network.WhenOpen(host_, kSchedulerHost, [self = shared_from_this()] {
    Network& open = self->world_.network;
    const Instant when =
        std::max(self->up_->quiet(), open.queue().now() + open.Delay(self->host_, kSchedulerHost));
    open.queue().At(when, [self] {
      if (self->scheduler_ended_) return;
      self->scheduler_ended_ = true;
      self->world_.scheduler->OnDone(self);
    });
  });
}

bool AgentStream::Silent() const {
  return !world_.network.connected(host_, kSchedulerHost) || agent_.paused() || !agent_.host_up() ||
         world_.scheduler->paused();
}

// gRPC's pings: what does not answer for long is given up by whoever is awake.
void AgentStream::Watch() {
  if (scheduler_ended_ && agent_ended_) return;
  const bool silent = Silent();
  if (silent && silent_) {
    if (!scheduler_ended_ && !world_.scheduler->paused()) {
      EndByScheduler(absl::UnavailableError("keepalive timed out"));
    }
    if (!agent_ended_ && !agent_.paused()) {
      up_->Cut();
      TellAgent(absl::UnavailableError("keepalive timed out"));
      TellScheduler();
    }
  }
  silent_ = silent;
  world_.queue.After(silent ? kKeepaliveTimeout : kKeepaliveTime,
                     [self = shared_from_this()] { self->Watch(); });
}

}  // namespace heliotrope::faultsim
