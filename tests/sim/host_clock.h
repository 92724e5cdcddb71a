// The clocks of one host. Boottime counts at a rate of the host's own and is never set; the wall
// clock is what an operator or NTP may step.
#pragma once

#include "absl/time/time.h"
#include "tests/sim/event_queue.h"

namespace heliotrope::faultsim {

class HostClock {
 public:
  // `rate`: seconds of this clock in a true second.
  HostClock(double rate, absl::Time wall) : rate_(rate), wall_at_boot_(wall) {}

  // CLOCK_BOOTTIME.
  absl::Duration Boottime(Instant now) const { return (now - booted_) * rate_; }
  absl::Time Wall(Instant now) const { return wall_at_boot_ + Boottime(now); }
  // When that boottime will be, or was.
  Instant TrueTime(absl::Duration boottime) const { return booted_ + boottime / rate_; }

  // The host starts anew: boottime counts from zero, the wall clock goes on.
  void Reboot(Instant now) {
    wall_at_boot_ = Wall(now);
    booted_ = now;
  }
  void StepWall(absl::Duration by) { wall_at_boot_ += by; }

 private:
  double rate_;
  Instant booted_ = absl::ZeroDuration();
  absl::Time wall_at_boot_;
};

}  // namespace heliotrope::faultsim
