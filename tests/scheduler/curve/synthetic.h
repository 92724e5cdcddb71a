// Load curves made for tests: a weekly shape in local time, with noise from a seed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "scheduler/base/random.h"
#include "scheduler/curve/bin.h"

namespace heliotrope::curve {

inline absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

// "2024-03-31T01:00:00Z" or with an offset.
inline absl::Time At(const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, text, &time, &error)) << text << ": " << error;
  return time;
}

// Busy from 09:00 to 18:00 on weekdays with ramps of an hour, calm at night and on weekends.
inline double OfficeLoad(const absl::TimeZone& zone, int64_t index) {
  const CivilSlot slot = SlotAt(zone, index);
  const double hour = slot.day / double{kBinsPerHour};
  const double up = std::min(1.0, std::max(0.0, hour - 8.5));
  const double down = std::min(1.0, std::max(0.0, 18.5 - hour));
  const double busy = up * down;
  return 0.15 + (slot.weekend ? 0.10 : 0.50) * busy;
}

// Nearly normal, mean 0, standard deviation 1.
inline double Noise(Random& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.Double();
  return sum;
}

}  // namespace heliotrope::curve
