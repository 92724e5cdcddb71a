#include "scheduler/curve/profile.h"

#include <gtest/gtest.h>

#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

class ProfileTest : public testing::Test {
 protected:
  // Feeds the office curve of Dubai from Monday 2024-01-01, local time.
  void Feed(int days) {
    for (int64_t i = 0; i < int64_t{days} * kSlotsPerDay; ++i) {
      profile_.Learn(SlotAt(zone_, first_ + i), OfficeLoad(zone_, first_ + i), 1.0);
    }
  }
  double ErrorAt(int day, int hour) {
    const int64_t index = first_ + day * kSlotsPerDay + hour * kBinsPerHour;
    return std::abs(profile_.At(SlotAt(zone_, index)) - OfficeLoad(zone_, index));
  }

  absl::TimeZone zone_ = Zone("Asia/Dubai");
  int64_t first_ = BinIndex(At("2024-01-01T00:00:00+04:00"));
  Profile profile_{{.prior_load = 0.3}};
};

TEST_F(ProfileTest, StartsFromThePriorEverywhere) {
  EXPECT_NEAR(profile_.At(SlotAt(zone_, first_)), 0.3, 1e-6);
  EXPECT_NEAR(profile_.At(SlotAt(zone_, first_ + 1500)), 0.3, 1e-6);
}

TEST_F(ProfileTest, AfterADayItKnowsNoonFromNight) {
  Feed(1);
  const double noon = profile_.At(SlotAt(zone_, first_ + 12 * kBinsPerHour));
  const double night = profile_.At(SlotAt(zone_, first_ + 3 * kBinsPerHour));
  EXPECT_GT(noon - night, 0.15);
}

TEST_F(ProfileTest, ANewWeekdayLeansOnTheOtherWeekdays) {
  Feed(3);
  // Thursday has never been seen; the Saturday has not either and is unlike, which cannot be known.
  EXPECT_LT(ErrorAt(3, 12), 0.12);
}

TEST_F(ProfileTest, AWeekendIsToldFromAWeekdayAfterAFewWeeks) {
  Feed(6 * 7);
  EXPECT_LT(ErrorAt(5, 12), 0.04);
  EXPECT_LT(ErrorAt(2, 12), 0.04);
  EXPECT_LT(ErrorAt(2, 3), 0.02);
}

TEST_F(ProfileTest, HalfWeightCountsAsHalfAValue) {
  const CivilSlot slot = SlotAt(zone_, first_);
  Profile once{{}};
  once.Learn(slot, 1.0, 1.0);
  once.Learn(slot, 0.0, 1.0);
  Profile half{{}};
  half.Learn(slot, 1.0, 1.0);
  half.Learn(slot, 0.0, 0.5);
  EXPECT_GT(half.values()[static_cast<size_t>(slot.week)],
            once.values()[static_cast<size_t>(slot.week)]);
}

}  // namespace
}  // namespace heliotrope::curve
