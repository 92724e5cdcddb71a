#include "scheduler/os/clock.h"

#include <string>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace heliotrope::os {
namespace {

const absl::Time kAnchor = absl::FromUnixSeconds(1769846400);
const absl::Time kStart = absl::FromUnixSeconds(1700000000);

TEST(SchedulingClockTest, IsRealTimeUnlessSaidOtherwise) {
  const SchedulingClock clock;
  const absl::Time before = absl::Now();
  const absl::Time now = clock.Now();
  EXPECT_LT(now - before, absl::Minutes(5));
  EXPECT_LT(before - now, absl::Minutes(5));
  EXPECT_EQ(clock.ToReal(absl::Seconds(7)), absl::Seconds(7));
  EXPECT_EQ(clock.ToScheduling(kAnchor), kAnchor);
}

TEST(SchedulingClockTest, MapsBothWays) {
  const SchedulingClock clock({.anchor = kAnchor, .start = kStart, .speed = 1440});
  EXPECT_EQ(clock.ToScheduling(absl::Minutes(1)), absl::Hours(24));
  EXPECT_EQ(clock.ToReal(absl::Hours(24)), absl::Minutes(1));
  EXPECT_EQ(clock.ToScheduling(kAnchor + absl::Seconds(30)), kStart + absl::Hours(12));
  EXPECT_EQ(clock.ToReal(kStart - absl::Hours(12)), kAnchor - absl::Seconds(30));
  EXPECT_EQ(clock.ToReal(absl::InfiniteDuration()), absl::InfiniteDuration());
  EXPECT_EQ(clock.ToReal(absl::InfiniteFuture()), absl::InfiniteFuture());
}

TEST(SchedulingClockTest, NeverGoesBackAtAnySpeed) {
  for (const double speed : {0.001, 1.0, 1440.0, 100000.0}) {
    const SchedulingClock clock({.anchor = absl::Now(), .start = kStart, .speed = speed});
    absl::Time last = clock.Now();
    EXPECT_LT(absl::AbsDuration(last - kStart), 60 * absl::Seconds(speed));
    for (int i = 0; i < 2000; ++i) {
      const absl::Time now = clock.Now();
      ASSERT_GE(now, last) << speed;
      last = now;
    }
    EXPECT_GT(last, kStart) << speed;
  }
}

TEST(SchedulingClockTest, TwoWithOneMappingAgree) {
  const ClockMapping mapping{.anchor = absl::Now(), .start = kStart, .speed = 1440};
  const SchedulingClock one(mapping);
  const SchedulingClock other(mapping);
  // Ten real seconds apart at most, however busy the machine.
  EXPECT_LT(absl::AbsDuration(other.Now() - one.Now()), 1440 * absl::Seconds(10));
}

TEST(TimeZoneTest, KnowsThoseOfTheFleet) {
  for (const char* name : {"Asia/Shanghai", "Asia/Singapore", "Europe/Berlin", "Asia/Dubai",
                           "America/New_York", "America/Los_Angeles", "UTC"}) {
    EXPECT_TRUE(LoadTimeZone(name).ok()) << name;
  }
  // Daylight saving is in the data: 09:00 local is another moment in summer.
  const absl::TimeZone berlin = *LoadTimeZone("Europe/Berlin");
  EXPECT_EQ(absl::FromCivil(absl::CivilHour(2026, 1, 15, 9), berlin),
            absl::FromCivil(absl::CivilHour(2026, 1, 15, 8), absl::UTCTimeZone()));
  EXPECT_EQ(absl::FromCivil(absl::CivilHour(2026, 7, 15, 9), berlin),
            absl::FromCivil(absl::CivilHour(2026, 7, 15, 7), absl::UTCTimeZone()));
}

TEST(TimeZoneTest, UnknownOnesGetTheNearest) {
  const absl::Status status = LoadTimeZone("Europe/Berlni").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find("did you mean \"Europe/Berlin\"?"),
            std::string::npos)
      << status;
  for (const char* name :
       {"", "Mars/Olympus", "/etc/passwd", "../../etc/passwd", "file:/etc/localtime"}) {
    EXPECT_FALSE(LoadTimeZone(name).ok()) << name;
  }
}

}  // namespace
}  // namespace heliotrope::os
