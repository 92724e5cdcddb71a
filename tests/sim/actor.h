// Something that may crash, stop for a while, and start again: a daemon, or the shims of a host.
// What it had planned dies with it; what comes while it is stopped waits.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "tests/sim/event_queue.h"

namespace heliotrope::faultsim {

class Actor {
 public:
  explicit Actor(EventQueue& queue) : queue_(queue) {}
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  bool up() const { return up_; }
  bool paused() const { return paused_; }
  Instant now() const { return queue_.now(); }
  // Grows with each start and each end.
  uint64_t life() const { return life_; }

  // In this life of the actor only.
  void At(Instant when, std::function<void()> what) {
    queue_.At(when, [this, life = life_, what = std::move(what)]() mutable {
      if (life != life_ || !up_) return;
      if (paused_) {
        waiting_.push_back(std::move(what));
      } else {
        what();
      }
    });
  }
  void After(absl::Duration delay, std::function<void()> what) {
    At(queue_.now() + delay, std::move(what));
  }

  void Pause() { paused_ = true; }
  void Resume() {
    if (!paused_) return;
    paused_ = false;
    for (auto& what : std::exchange(waiting_, {})) After(absl::ZeroDuration(), std::move(what));
  }

 protected:
  void Begin() {
    ++life_;
    up_ = true;
    paused_ = false;
  }
  void End() {
    ++life_;
    up_ = false;
    paused_ = false;
    waiting_.clear();
  }

 private:
  EventQueue& queue_;
  uint64_t life_ = 0;
  bool up_ = false;
  bool paused_ = false;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace heliotrope::faultsim
