#include "tests/sim/network.h"

#include <algorithm>

namespace heliotrope::faultsim {

void Network::Block(HostIndex from, HostIndex to) { blocked_.try_emplace({from, to}); }

void Network::Unblock(HostIndex from, HostIndex to) {
  const auto found = blocked_.find({from, to});
  if (found == blocked_.end()) return;
  std::vector<std::function<void()>> waiting = std::move(found->second);
  blocked_.erase(found);
  for (auto& what : waiting) queue_.After(absl::ZeroDuration(), std::move(what));
}

void Network::UnblockAll() {
  while (!blocked_.empty()) Unblock(blocked_.begin()->first.first, blocked_.begin()->first.second);
}

absl::Duration Network::Delay(HostIndex from, HostIndex to) {
  absl::Duration delay = latency_ * (1 + 2 * random_.Double());
  const auto clogged = clogged_.find({from, to});
  if (clogged != clogged_.end()) delay += clogged->second * random_.Double();
  return delay;
}

void Network::WhenOpen(HostIndex from, HostIndex to, std::function<void()> what) {
  const auto found = blocked_.find({from, to});
  if (found == blocked_.end()) {
    what();
  } else {
    found->second.push_back(std::move(what));
  }
}

void Channel::Send(std::function<void()> deliver) {
  if (cut_) return;
  stalled_.push_back(std::move(deliver));
  if (!waiting_) Pump();
}

void Channel::Pump() {
  waiting_ = false;
  if (cut_) return;
  if (blocked()) {
    waiting_ = true;
    network_.WhenOpen(from_, to_, [self = shared_from_this()] { self->Pump(); });
    return;
  }
  while (!stalled_.empty()) {
    last_ = std::max(last_, network_.queue().now() + network_.Delay(from_, to_));
    network_.queue().At(last_, [self = shared_from_this(), number = sent_++,
                                deliver = std::move(stalled_.front())] {
      if (number >= self->lost_from_) return;
      ++self->delivered_;
      deliver();
    });
    stalled_.pop_front();
  }
}

void Channel::Cut() {
  if (cut_) return;
  cut_ = true;
  stalled_.clear();
  lost_from_ = delivered_ + network_.random().Uniform(sent_ - delivered_ + 1);
}

}  // namespace heliotrope::faultsim
