// The mapping from real to scheduling time as the scheduler tells it to its agents in Welcome.
// Reading a clock by it is os/clock.h.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heliotrope/v1/agent_stream.pb.h"

namespace heliotrope::wire {

// At the real moment `anchor` it is `start`, and from there on scheduling time runs `speed` times
// faster. The default is the identity.
struct ClockMapping {
  absl::Time anchor = absl::UnixEpoch();
  absl::Time start = absl::UnixEpoch();
  double speed = 1;

  friend bool operator==(const ClockMapping&, const ClockMapping&) = default;
};

// An unset message (speed 0 and no times) is the identity. INVALID_ARGUMENT: a speed outside 1 to
// 100,000, or a time out of range.
absl::StatusOr<ClockMapping> FromProto(const v1::Welcome::ClockMapping& proto);
v1::Welcome::ClockMapping ToProto(const ClockMapping& mapping);

}  // namespace heliotrope::wire
