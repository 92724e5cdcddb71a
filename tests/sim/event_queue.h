// Simulated time: what happens next, in order. Of two events of one moment the one that was planned
// first comes first, so that a history is a function of its seed alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace heliotrope::faultsim {

// True time since the history began. No actor sees it: each has a clock of its own.
using Instant = absl::Duration;

class EventQueue {
 public:
  Instant now() const { return now_; }
  // Events so far.
  uint64_t steps() const { return steps_; }

  void At(Instant when, std::function<void()> what) {
    heap_.push_back({std::max(when, now_), ++sequence_, std::move(what)});
    std::push_heap(heap_.begin(), heap_.end(), Later());
  }
  void After(absl::Duration delay, std::function<void()> what) {
    At(now_ + delay, std::move(what));
  }

  // Lets the next event happen. False when there is none.
  bool Step() {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.when;
    ++steps_;
    event.what();
    return true;
  }

 private:
  struct Event {
    Instant when;
    uint64_t sequence = 0;
    std::function<void()> what;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
    }
  };

  Instant now_ = absl::ZeroDuration();
  uint64_t sequence_ = 0;
  uint64_t steps_ = 0;
  std::vector<Event> heap_;
};

}  // namespace heliotrope::faultsim
