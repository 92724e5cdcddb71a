#include "scheduler/curve/special_days.h"

#include <gtest/gtest.h>

#include "scheduler/curve/forecaster.h"
#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

// A Berlin office, whose load is `factor` times the ordinary one on each special Wednesday.
class SpecialDaysTest : public testing::Test {
 protected:
  static constexpr int kWednesday = 2;

  int64_t DateAfter(int weeks) const { return SlotAt(zone_, first_).date + 7 * weeks + kWednesday; }
  Forecaster Learned(const std::vector<SpecialKind>& kinds, int days, double factor) const {
    Forecaster forecaster(zone_, {.special_days = kinds});
    for (int64_t bin = first_; bin < first_ + days * kSlotsPerDay; ++bin) {
      bool special = false;
      for (const SpecialKind& kind : kinds) {
        for (const int64_t date : kind.dates) special |= date == SlotAt(zone_, bin).date;
      }
      forecaster.Observe({BinStart(bin), (special ? factor : 1.0) * OfficeLoad(zone_, bin)});
    }
    return forecaster;
  }
  // The day-ahead forecast of noon on a day, asked at the midnight before.
  double Noon(const Forecaster& forecaster, int64_t date) const {
    const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + date;
    const absl::Time noon = absl::FromCivil(absl::CivilHour(day) + 12, zone_);
    return forecaster.At(noon, noon).p50;
  }
  double OrdinaryNoon() const { return OfficeLoad(zone_, first_ + 12 * kBinsPerHour); }

  absl::TimeZone zone_ = Zone("Europe/Berlin");
  int64_t first_ = BinIndex(At("2024-01-01T00:00:00+01:00"));  // A Monday.
};

TEST_F(SpecialDaysTest, TheFirstOfAKindIsTakenForASunday) {
  const SpecialKind kind{.name = "holiday", .dates = {DateAfter(4)}};
  EXPECT_LT(Noon(Learned({kind}, 4 * 7 + kWednesday, 1), DateAfter(4)), 0.5 * OrdinaryNoon());
  EXPECT_GT(Noon(Learned({}, 4 * 7 + kWednesday, 1), DateAfter(4)), 0.9 * OrdinaryNoon());
}

TEST_F(SpecialDaysTest, OrForWhatTheOperatorExpects) {
  const SpecialKind kind{.name = "sale", .dates = {DateAfter(4)}, .expected_load = 1.4};
  const Forecaster forecaster = Learned({kind}, 4 * 7 + kWednesday, 1);
  EXPECT_NEAR(Noon(forecaster, DateAfter(4)), 1.4 * OrdinaryNoon(), 0.1 * OrdinaryNoon());
}

TEST_F(SpecialDaysTest, ADayOnWhichTheDataCenterIsClosed) {
  const SpecialKind kind{.name = "closed", .dates = {DateAfter(4)}, .expected_load = 0};
  const Forecaster forecaster = Learned({kind}, 4 * 7 + kWednesday, 1);
  EXPECT_LT(Noon(forecaster, DateAfter(4)), 0.05 * OrdinaryNoon());
}

TEST_F(SpecialDaysTest, WhatOneDayTaughtServesTheNextAndNotTheOrdinaryWeek) {
  const SpecialKind kind{.name = "sale", .dates = {DateAfter(3), DateAfter(6)}};
  const Forecaster forecaster = Learned({kind}, 6 * 7 + kWednesday, 1.3);
  // One occurrence is trusted by half, against a Sunday.
  EXPECT_GT(Noon(forecaster, DateAfter(6)), 0.75 * OrdinaryNoon());
  const Forecaster after = Learned({kind}, 7 * 7, 1.3);
  EXPECT_NEAR(Noon(after, DateAfter(7)), OrdinaryNoon(), 0.1 * OrdinaryNoon());
  SpecialKind third = kind;
  third.dates.push_back(DateAfter(8));
  Forecaster twice = Learned({kind}, 8 * 7, 1.3);
  twice.SetSpecialDays({third});
  EXPECT_GT(Noon(twice, DateAfter(8)), Noon(forecaster, DateAfter(6)));
}

TEST_F(SpecialDaysTest, ADayWhoseLikeWasNeverSeenIsWide) {
  const SpecialKind kind{.name = "holiday", .dates = {DateAfter(4)}};
  const Forecaster special = Learned({kind}, 4 * 7 + kWednesday, 1);
  const Forecaster ordinary = Learned({}, 4 * 7 + kWednesday, 1);
  const absl::Time noon =
      absl::FromCivil(absl::CivilHour(absl::CivilDay(1970, 1, 1) + DateAfter(4)) + 12, zone_);
  const Forecast wide = special.At(noon, noon);
  const Forecast narrow = ordinary.At(noon, noon);
  EXPECT_NEAR(wide.p97 - wide.p50, 2 * (narrow.p97 - narrow.p50), 1e-6);
}

TEST_F(SpecialDaysTest, KindsThatLeaveMakeRoom) {
  SpecialDays days;
  std::vector<SpecialKind> many;
  for (size_t i = 0; i < 2 * kMaxSpecialKinds; ++i) {
    many.push_back({.name = "kind-" + std::to_string(i), .dates = {static_cast<int64_t>(i)}});
  }
  days.SetKinds(many);
  EXPECT_TRUE(days.KindOn(kMaxSpecialKinds - 1).has_value());
  EXPECT_FALSE(days.KindOn(kMaxSpecialKinds).has_value()) << "more are left out";
  const Profile profile({});
  days.Learn(*days.KindOn(0), SlotAt(zone_, first_), 0.6, 0.3);
  days.SetKinds({many[kMaxSpecialKinds]});
  EXPECT_FALSE(days.IsKnown(*days.KindOn(kMaxSpecialKinds), 0));
}

}  // namespace
}  // namespace heliotrope::curve
