// The network: links between hosts, and on them streams as gRPC has them. A stream is ordered; it
// loses nothing but its end, when it breaks. Two streams of one agent know nothing of each other's
// order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/random.h"
#include "tests/sim/event_queue.h"

namespace heliotrope::faultsim {

// 0 is the scheduler's host, agents follow from 1, clients sit at kClients.
using HostIndex = int;
inline constexpr HostIndex kSchedulerHost = 0;
inline constexpr HostIndex kClients = 1000;

class Network {
 public:
  Network(EventQueue& queue, Random random, absl::Duration latency)
      : queue_(queue), random_(random), latency_(latency) {}

  // One way.
  void Block(HostIndex from, HostIndex to);
  void Unblock(HostIndex from, HostIndex to);
  void UnblockAll();
  bool blocked(HostIndex from, HostIndex to) const { return blocked_.contains({from, to}); }
  bool connected(HostIndex a, HostIndex b) const { return !blocked(a, b) && !blocked(b, a); }
  void Clog(HostIndex from, HostIndex to, absl::Duration extra) { clogged_[{from, to}] = extra; }
  void Unclog(HostIndex from, HostIndex to) { clogged_.erase({from, to}); }
  void UnclogAll() { clogged_.clear(); }

  // How long a message takes now.
  absl::Duration Delay(HostIndex from, HostIndex to);
  // Runs when the link lets it through: at once if it is open.
  void WhenOpen(HostIndex from, HostIndex to, std::function<void()> what);

  EventQueue& queue() { return queue_; }
  Random& random() { return random_; }

 private:
  EventQueue& queue_;
  Random random_;
  const absl::Duration latency_;
  std::map<std::pair<HostIndex, HostIndex>, std::vector<std::function<void()>>> blocked_;
  std::map<std::pair<HostIndex, HostIndex>, absl::Duration> clogged_;
};

// One direction of a stream.
class Channel : public std::enable_shared_from_this<Channel> {
 public:
  Channel(Network& network, HostIndex from, HostIndex to)
      : network_(network), from_(from), to_(to) {}

  // Delivered in order, unless the channel is cut before.
  void Send(std::function<void()> deliver);
  // What is under way from some point on is lost; nothing can be sent any more.
  void Cut();
  // When the last message that still arrives will have arrived; unknown while the link is blocked.
  Instant quiet() const { return last_; }
  bool blocked() const { return network_.blocked(from_, to_); }

 private:
  void Pump();

  Network& network_;
  const HostIndex from_;
  const HostIndex to_;
  std::deque<std::function<void()>> stalled_;
  bool waiting_ = false;  // For the link to open.
  bool cut_ = false;
  uint64_t sent_ = 0;
  uint64_t delivered_ = 0;
  uint64_t lost_from_ = ~uint64_t{0};
  Instant last_ = absl::ZeroDuration();
};

}  // namespace heliotrope::faultsim
