#include "scheduler/curve/demand.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"

namespace heliotrope::curve {
namespace {

// 2026-03-02, a Monday.
const absl::Time kMonday = absl::FromUnixSeconds(1'772'409'600);
constexpr double kCoreHour = 3600;

absl::Time At(int day, double hour) { return kMonday + absl::Hours(24 * day + hour); }

// Work on weekdays at six in the morning.
void Weekdays(Demand& demand, int days, double core_hours) {
  for (int day = 0; day < days; ++day) {
    if (day % 7 >= 5) continue;
    demand.Add("EU", At(day, 6.5), core_hours * kCoreHour, absl::Hours(2), absl::Hours(10));
  }
}

double Total(const std::vector<ExpectedWork>& ahead) {
  double total = 0;
  for (const ExpectedWork& work : ahead) total += work.core_seconds / kCoreHour;
  return total;
}

TEST(Demand, NothingIsExpectedBeforeAnyHourHasEnded) {
  Demand demand;
  EXPECT_TRUE(demand.Ahead(kMonday).empty());
  demand.Add("any", kMonday, 100 * kCoreHour, absl::Hours(1), absl::Hours(5));
  EXPECT_TRUE(demand.Ahead(kMonday).empty());
}

TEST(Demand, BeforeAWeekIsSeenTomorrowIsAsToday) {
  Demand demand;
  Weekdays(demand, 1, 60);
  const std::vector<ExpectedWork> ahead = demand.Ahead(At(1, 0));
  // Tuesday's and Wednesday's; the 60 hours end at noon of the third day.
  ASSERT_EQ(ahead.size(), 3u);
  EXPECT_EQ(ahead[0].residency, "EU");
  EXPECT_EQ(ahead[0].release, At(1, 7.5)) << "the middle of its three hours";
  EXPECT_NEAR(ahead[0].core_seconds, 60 * kCoreHour, 1);
  EXPECT_EQ(ahead[0].each, absl::Hours(2));
  EXPECT_EQ(ahead[0].slack, absl::Hours(10));
  EXPECT_EQ(ahead[1].release, At(2, 9)) << "the middle of its six hours";
}

TEST(Demand, HoursOfTheWeekAreToldApart) {
  Demand demand;
  Weekdays(demand, 21, 60);
  EXPECT_NEAR(Total(demand.Ahead(At(21, 0))), 180, 0.1);
  // From Friday evening to Monday morning.
  EXPECT_NEAR(Total(demand.Ahead(At(25, 18))), 0, 0.1);
}

TEST(Demand, HalfOfWhatIsExpectedIsOfTheLastWeek) {
  Demand demand;
  Weekdays(demand, 21, 60);
  for (int day = 21; day < 26; ++day) {
    demand.Add("EU", At(day, 6.5), 100 * kCoreHour, absl::Hours(2), absl::Hours(10));
  }
  EXPECT_NEAR(Total(demand.Ahead(At(28, 0))), 3 * 80, 0.1);
}

TEST(Demand, AGroupTakesItsPartOfAnHour) {
  Demand demand;
  Weekdays(demand, 21, 60);
  const std::vector<ExpectedWork> ahead = demand.Ahead(At(21, 6.75));
  ASSERT_FALSE(ahead.empty());
  EXPECT_NEAR(ahead[0].core_seconds, 15 * kCoreHour, 1);
}

TEST(Demand, DividesByHowLongItCanWait) {
  Demand demand;
  const auto add = [&](double core_hours, absl::Duration expected, absl::Duration slack) {
    demand.Add("any", kMonday, core_hours * kCoreHour, expected, slack);
  };
  add(10, absl::Hours(1), -absl::Hours(1));
  add(30, absl::Hours(3), absl::Hours(3));
  add(20, absl::Hours(1), absl::Hours(20));
  add(40, absl::Hours(5), absl::InfiniteDuration());
  add(0.5, absl::Hours(5), absl::Hours(40));  // Too little.
  const std::vector<ExpectedWork> ahead = demand.Ahead(At(0, 23));
  ASSERT_GE(ahead.size(), 3u);
  EXPECT_NEAR(ahead[0].core_seconds, 40 * kCoreHour, 1);
  EXPECT_EQ(ahead[0].each, absl::Minutes(150)) << "weighted with the work";
  EXPECT_EQ(ahead[0].slack, absl::Minutes(135));
  EXPECT_EQ(ahead[1].slack, absl::Hours(20));
  EXPECT_EQ(ahead[2].slack, absl::Hours(168));
  EXPECT_EQ(ahead[2].each, absl::Hours(5));
}

TEST(Demand, WhatHasNotComeForLongIsNotExpected) {
  Demand demand;
  Weekdays(demand, 21, 60);
  EXPECT_NEAR(Total(demand.Ahead(At(35, 0))), 180.0 / 4, 0.5) << "two weeks without any";
  EXPECT_TRUE(demand.Ahead(At(200, 0)).empty());
  EXPECT_TRUE(demand.Ahead(At(20000, 0)).empty());
  demand.Add("EU", At(20000, 0), 60 * kCoreHour, absl::Hours(2), absl::Hours(10));
  EXPECT_FALSE(demand.Ahead(At(20000, 5)).empty());
}

TEST(Demand, OfMoreResidenciesTheFirstAreForeseen) {
  Demand demand;
  for (size_t i = 0; i < 2 * kMaxDemandResidencies; ++i) {
    demand.Add(absl::StrCat("r", i), kMonday, 10 * kCoreHour, absl::Hours(1), absl::Hours(1));
  }
  EXPECT_EQ(demand.size(), kMaxDemandResidencies);
  demand.Add("r0", kMonday, -1, absl::Hours(1), absl::Hours(1));
  demand.Add("r0", kMonday - absl::Hours(9), 10 * kCoreHour, absl::Hours(1), absl::Hours(1));
  std::map<std::string, int> seen;
  for (const ExpectedWork& work : demand.Ahead(At(1, 0))) ++seen[work.residency];
  EXPECT_EQ(seen.size(), kMaxDemandResidencies);
  EXPECT_TRUE(seen.contains("r0"));
  EXPECT_FALSE(seen.contains("r63"));
}

}  // namespace
}  // namespace heliotrope::curve
