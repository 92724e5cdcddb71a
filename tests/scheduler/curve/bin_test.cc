#include "scheduler/curve/bin.h"

#include <gtest/gtest.h>
#include <cmath>

#include <string>

#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

constexpr int kMonday = 0;
constexpr int kThursday = 3;
constexpr int kSunday = 6;

int SlotOf(int weekday, int hour, int minute) {
  return weekday * kSlotsPerDay + hour * kBinsPerHour + minute / 5;
}

TEST(BinTest, IndexFloorsAlsoBeforeTheEpochAndBoundsTheInfinite) {
  EXPECT_EQ(BinIndex(absl::FromUnixSeconds(0)), 0);
  EXPECT_EQ(BinIndex(absl::FromUnixSeconds(299)), 0);
  EXPECT_EQ(BinIndex(absl::FromUnixSeconds(300)), 1);
  EXPECT_EQ(BinIndex(absl::FromUnixSeconds(-1)), -1);
  EXPECT_EQ(BinIndex(absl::FromUnixSeconds(-300)), -1);
  EXPECT_EQ(BinIndex(absl::FromUnixSeconds(-301)), -2);
  EXPECT_GT(BinIndex(absl::InfiniteFuture()), int64_t{1} << 31);
  EXPECT_LT(BinIndex(absl::InfinitePast()), -(int64_t{1} << 31));
  EXPECT_EQ(BinStart(BinIndex(absl::FromUnixSeconds(901))), absl::FromUnixSeconds(900));
}

TEST(BinTest, SlotsAreLocalAcrossEveryChangeOfTheClocks) {
  struct Case {
    const char* sentence;
    const char* zone;
    const char* time;
    int slot;
  };
  const Case kCases[] = {
      {"Dubai has no summer time: 09:00 in winter", "Asia/Dubai", "2024-01-15T05:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"Dubai has no summer time: 09:00 in summer", "Asia/Dubai", "2024-07-15T05:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"Berlin, 09:00 on the Monday before spring", "Europe/Berlin", "2024-03-25T08:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"Berlin, 09:00 on the Monday after spring", "Europe/Berlin", "2024-04-01T07:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"Berlin, the last bin before the spring gap", "Europe/Berlin", "2024-03-31T00:55:00Z",
       SlotOf(kSunday, 1, 55)},
      {"Berlin, the first bin after the spring gap", "Europe/Berlin", "2024-03-31T01:00:00Z",
       SlotOf(kSunday, 3, 0)},
      {"Berlin, 02:30 the first time in autumn", "Europe/Berlin", "2024-10-27T00:30:00Z",
       SlotOf(kSunday, 2, 30)},
      {"Berlin, 02:30 the second time in autumn", "Europe/Berlin", "2024-10-27T01:30:00Z",
       SlotOf(kSunday, 2, 30)},
      {"New York changes on another date: still winter in Berlin", "America/New_York",
       "2024-03-11T13:00:00Z", SlotOf(kMonday, 9, 0)},
      {"New York, the Monday before", "America/New_York", "2024-03-04T14:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"New York, after autumn", "America/New_York", "2024-11-04T14:00:00Z", SlotOf(kMonday, 9, 0)},
      {"Melbourne goes back in April", "Australia/Melbourne", "2024-04-07T23:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"Melbourne, the Monday before", "Australia/Melbourne", "2024-03-31T22:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"Melbourne goes forward in October", "Australia/Melbourne", "2024-10-06T22:00:00Z",
       SlotOf(kMonday, 9, 0)},
      {"Kathmandu is 5:45 ahead", "Asia/Kathmandu", "2024-01-15T03:15:00Z", SlotOf(kMonday, 9, 0)},
      {"the epoch was a Thursday", "UTC", "1970-01-01T00:00:00Z", SlotOf(kThursday, 0, 0)},
      {"the bin before the epoch", "UTC", "1969-12-31T23:55:00Z", SlotOf(2, 23, 55)},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.sentence);
    const CivilSlot slot = SlotAt(Zone(c.zone), BinIndex(At(c.time)));
    EXPECT_EQ(slot.week, c.slot);
    EXPECT_EQ(slot.day, c.slot % kSlotsPerDay);
    EXPECT_EQ(slot.hour, c.slot % kSlotsPerDay / kBinsPerHour);
    EXPECT_EQ(slot.weekend, c.slot >= 5 * kSlotsPerDay);
  }
}

TEST(BinTest, OnlyTheAutumnHourIsShownTwice) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  EXPECT_FALSE(ShownTwice(berlin, BinIndex(At("2024-10-26T23:55:00Z"))));
  EXPECT_TRUE(ShownTwice(berlin, BinIndex(At("2024-10-27T00:00:00Z"))));
  EXPECT_TRUE(ShownTwice(berlin, BinIndex(At("2024-10-27T01:55:00Z"))));
  EXPECT_FALSE(ShownTwice(berlin, BinIndex(At("2024-10-27T02:00:00Z"))));
  EXPECT_FALSE(ShownTwice(berlin, BinIndex(At("2024-03-31T01:00:00Z"))));
  EXPECT_FALSE(ShownTwice(Zone("Asia/Dubai"), BinIndex(At("2024-10-27T01:00:00Z"))));
}

TEST(BinTest, TheDayBeforeIsTheSameCivilTimeNotTwentyFourHours) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const auto before = [&](const char* time, int64_t days) {
    return BinStart(SameCivilTimeBefore(berlin, BinIndex(At(time)), days));
  };
  EXPECT_EQ(before("2024-01-16T08:00:00Z", 1), At("2024-01-15T08:00:00Z"));
  // 09:00 on the day of the change and the day before are 23 hours apart in spring, 25 in autumn.
  EXPECT_EQ(before("2024-03-31T07:00:00Z", 1), At("2024-03-30T08:00:00Z"));
  EXPECT_EQ(before("2024-10-27T08:00:00Z", 1), At("2024-10-26T07:00:00Z"));
  EXPECT_EQ(before("2024-04-01T07:00:00Z", 7), At("2024-03-25T08:00:00Z"));
}

TEST(BinTest, CountsTheDaysSinceTheClocksChanged) {
  const absl::TimeZone berlin = Zone("Europe/Berlin");
  const auto days = [&](const char* time) {
    return DaysSinceClockChange(berlin, BinIndex(At(time)));
  };
  EXPECT_EQ(days("2024-03-31T01:00:00Z"), 0);
  EXPECT_EQ(days("2024-04-01T13:00:00Z"), 1.5);
  EXPECT_EQ(days("2024-10-27T01:00:00Z"), 0);
  EXPECT_EQ(days("2024-10-29T01:00:00Z"), 2);
  EXPECT_GT(days("2024-10-27T00:55:00Z"), 200);
  EXPECT_TRUE(std::isinf(DaysSinceClockChange(Zone("UTC"), BinIndex(At("2024-10-27T01:00:00Z")))));
}

}  // namespace
}  // namespace heliotrope::curve
