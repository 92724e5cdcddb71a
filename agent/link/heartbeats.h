// Which lease a grant gives. A lease counts from the moment its heartbeat was sent, never from the
// answer's arrival: only so does it end on the agent before it ends on the scheduler (Promise 3).
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "absl/time/time.h"

namespace heliotrope::agent::link {

// Times are CLOCK_BOOTTIME. Not thread-safe.
class Heartbeats {
 public:
  // A new stream: answers to heartbeats of the one before do not count.
  void Reset() { sent_.clear(); }

  // The sequence for a heartbeat that is sent now.
  int64_t Send(absl::Duration now);

  // When the granted lease ends. nullopt: no such heartbeat, or one answered before.
  std::optional<absl::Duration> Granted(int64_t sequence, absl::Duration duration);

  // When the oldest heartbeat without an answer was sent.
  std::optional<absl::Duration> oldest_unanswered() const;

 private:
  int64_t last_ = 0;
  std::map<int64_t, absl::Duration> sent_;
};

}  // namespace heliotrope::agent::link
