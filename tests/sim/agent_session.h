// An agent's talk with the scheduler in simulated time: agent/daemon/session.h without protobuf.
// Same states, same figures, same clocks; leases are counted by the product's own link::Heartbeats.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/link/backoff.h"
#include "agent/link/heartbeats.h"
#include "tests/sim/messages.h"

namespace heliotrope::faultsim {

class AgentHost;

class AgentSession {
 public:
  AgentSession(AgentHost& agent, uint64_t seed) : agent_(agent), backoff_({}, seed) {}

  void OnMessage(uint64_t session, const ToAgent& message);
  void OnClosed(uint64_t session, const absl::Status& why);
  void OnSent(uint64_t session) {
    if (session == session_) sending_ = false;
  }

  // Does what is due. Times are boottime.
  void Tick(absl::Duration now);
  absl::Duration Deadline() const;

  bool connected() const { return state_ == State::kConnected; }
  // One load sample to be sent when there is nothing more urgent.
  void QueueLoad(core::LoadSample sample) { load_ = sample; }

 private:
  enum class State { kWaiting, kOpening, kConnected };

  void Open(absl::Duration now);
  void SendHeartbeat(absl::Duration now);
  void FlushReports(absl::Duration now);
  void Send(ToScheduler message);

  AgentHost& agent_;
  agent::link::Backoff backoff_;
  agent::link::Heartbeats heartbeats_;
  State state_ = State::kWaiting;
  uint64_t session_ = 0;
  bool sending_ = false;
  absl::Duration due_ = absl::ZeroDuration();
  absl::Duration next_heartbeat_ = absl::InfiniteDuration();
  absl::Duration next_report_ = absl::ZeroDuration();
  absl::Duration heartbeat_interval_ = absl::Seconds(10);
  absl::Duration lease_duration_ = absl::Seconds(60);
  std::optional<core::LoadSample> load_;
};

}  // namespace heliotrope::faultsim
