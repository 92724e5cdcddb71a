// The only clocks of the project. Decisions get their time from SchedulingClock as a parameter;
// leases and grace periods are counted by Boottime().
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heliotrope::os {

// CLOCK_BOOTTIME: since the machine started, suspended time included; never set, never goes back.
absl::Duration Boottime();

// Scheduling time: at the real moment `anchor` it is `start`, and it runs `speed` times as fast as
// real time. The default is real time itself.
struct ClockMapping {
  absl::Time anchor = absl::UnixEpoch();
  absl::Time start = absl::UnixEpoch();
  double speed = 1.0;

  friend bool operator==(const ClockMapping&, const ClockMapping&) = default;
};

// Reads the wall clock once, when made, and counts on by CLOCK_BOOTTIME from there: setting the
// machine's time neither turns it back nor makes it jump. Thread-safe.
class SchedulingClock {
 public:
  SchedulingClock() : SchedulingClock(ClockMapping{}) {}
  // REQUIRES: mapping.speed > 0.
  explicit SchedulingClock(const ClockMapping& mapping);

  // Scheduling time. Never goes back.
  absl::Time Now() const;
  // Real time by the same count.
  absl::Time RealNow() const;

  // The length of a stretch of scheduling time in real time, and back. Infinite stays infinite.
  absl::Duration ToReal(absl::Duration scheduling) const;
  absl::Duration ToScheduling(absl::Duration real) const;
  // The real moment of a scheduling time, and back.
  absl::Time ToReal(absl::Time scheduling) const;
  absl::Time ToScheduling(absl::Time real) const;

  const ClockMapping& mapping() const { return mapping_; }

 private:
  ClockMapping mapping_;
  absl::Duration boottime_at_start_;
  absl::Time real_at_start_;
  absl::Time scheduling_at_start_;
};

// An IANA time zone of this host. INVALID_ARGUMENT with the nearest known name for one it lacks.
absl::StatusOr<absl::TimeZone> LoadTimeZone(const std::string& name);

}  // namespace heliotrope::os
