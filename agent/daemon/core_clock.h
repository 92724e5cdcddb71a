// The core's clock: both of its times, neither of which goes back, whatever the scheduler says
// about scheduling time.
#pragma once

#include "absl/time/time.h"
#include "agent/core/types.h"
#include "scheduler/os/clock.h"

namespace heliotrope::agent::daemon {

// The core only ever takes differences of scheduling time, so what it is given is a count of its
// own that runs at the speed of scheduling time. Welcome brings the speed; until then it is 1. The
// moment of scheduling time, which load samples are stamped with, is os::SchedulingClock's.
// Loop thread only.
class CoreClock {
 public:
  CoreClock() : boottime_(os::Boottime()), real_at_start_(absl::Now() - boottime_) {}

  Now Read() {
    Advance();
    return {.scheduling = scheduling_, .real = real_at_start_ + boottime_};
  }

  void SetSpeed(double speed) {
    Advance();
    speed_ = speed;
  }

  // When that moment of the core's time will be, on CLOCK_BOOTTIME.
  absl::Duration ToBoottime(absl::Time scheduling) const {
    if (scheduling == absl::InfiniteFuture()) return absl::InfiniteDuration();
    return boottime_ + (scheduling - scheduling_) / speed_;
  }
  absl::Time FromBoottime(absl::Duration boottime) const {
    return scheduling_ + (boottime - boottime_) * speed_;
  }

 private:
  void Advance() {
    const absl::Duration now = os::Boottime();
    scheduling_ += (now - boottime_) * speed_;
    boottime_ = now;
  }

  absl::Duration boottime_;
  const absl::Time real_at_start_;
  absl::Time scheduling_ = absl::UnixEpoch();
  double speed_ = 1;
};

}  // namespace heliotrope::agent::daemon
