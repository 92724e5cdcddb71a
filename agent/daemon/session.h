// The talk with the scheduler: hello, heartbeats, the lease, orders down, reports up, and dialling
// again when the stream breaks.
//
//   waiting ──time──► opening ──Welcome──► connected ──broken, silent──► waiting (backoff)
//                        └──refused, no answer──► waiting (5 to 30 s after a refusal)
//
// Nothing ever makes it give up: a scheduler that is away, or that does not know this data center
// yet, is dialled again (Promise 4).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/core/machine.h"
#include "agent/daemon/core_clock.h"
#include "agent/daemon/load_sampler.h"
#include "agent/daemon/metrics.h"
#include "agent/exec/lease.h"
#include "agent/link/backoff.h"
#include "agent/link/heartbeats.h"
#include "heliotrope/v1/agent_stream.pb.h"
#include "scheduler/os/clock.h"

namespace heliotrope::agent::daemon {

// What a session does to the stream; link::SchedulerStream, or a test.
class Line {
 public:
  virtual ~Line() = default;
  virtual void Open(uint64_t session, v1::ConnectRequest hello) = 0;
  virtual void Send(v1::ConnectRequest message) = 0;
  virtual void Resume() = 0;
  virtual void Close() = 0;
};

// Loop thread only. `now` is CLOCK_BOOTTIME.
class Session {
 public:
  struct World {
    Line& line;
    Machine& machine;
    CoreClock& clock;
    exec::LeaseFile& lease;
    LoadSampler& load;
    Metrics& metrics;
    // Hands orders to the core, with what the shell needs of them.
    std::function<void(const v1::Orders& orders, Term term)> on_orders;
    std::function<void(Event)> apply;
  };
  // Who we are; without attempts and checkpoints.
  Session(World world, v1::Hello hello, uint64_t seed);

  // From the stream.
  void OnMessage(uint64_t session, const v1::ConnectResponse& message, absl::Duration now);
  void OnSent(uint64_t session);
  void OnClosed(uint64_t session, const absl::Status& why, absl::Duration now);

  // Does what is due and sends what there is to send.
  void Tick(absl::Duration now);
  // When Tick is wanted at the latest.
  absl::Duration Deadline() const;

  bool connected() const { return state_ == State::kConnected; }
  // Scheduling time, once a scheduler has told it.
  std::optional<absl::Time> SchedulingNow() const;
  // How often the scheduler wants load; nullopt before it has said so.
  std::optional<absl::Duration> load_interval() const { return load_interval_; }

 private:
  enum class State { kWaiting, kOpening, kConnected };

  void Open(absl::Duration now);
  void OnWelcome(const v1::Welcome& welcome, Term term, absl::Duration now);
  void OnLease(const v1::LeaseGrant& grant);
  void Disconnect(const absl::Status& why);
  void SendHeartbeat(absl::Duration now);
  void FlushReports(absl::Duration now);
  void Send(v1::ConnectRequest message);

  const World world_;
  const v1::Hello hello_;
  link::Backoff backoff_;
  link::Heartbeats heartbeats_;
  State state_ = State::kWaiting;
  uint64_t session_ = 0;
  bool sending_ = false;
  // kWaiting: when to dial. kOpening: when to stop waiting for Welcome.
  absl::Duration due_ = absl::ZeroDuration();
  absl::Duration next_heartbeat_ = absl::InfiniteDuration();
  // Not before that, so that many short tasks share reports.
  absl::Duration next_report_ = absl::ZeroDuration();
  absl::Duration heartbeat_interval_ = absl::Seconds(10);
  absl::Duration lease_duration_ = absl::Seconds(60);
  std::optional<absl::Duration> load_interval_;
  std::optional<os::SchedulingClock> scheduling_;
  // What was logged last, so that the same trouble is not told each second.
  std::string logged_;
  absl::Duration logged_at_ = -absl::InfiniteDuration();
};

}  // namespace heliotrope::agent::daemon
