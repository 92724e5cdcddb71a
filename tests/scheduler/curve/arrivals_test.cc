#include "scheduler/curve/arrivals.h"

#include <gtest/gtest.h>

#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

class ArrivalsTest : public testing::Test {
 protected:
  static constexpr int64_t kMonday = 19723;  // 2024-01-01

  static absl::Time Noon(int64_t day) { return absl::UnixEpoch() + absl::Hours(24 * day + 12); }
  // 200 core hours on a weekday, 40 on Saturday and Sunday, in two submissions.
  static double Usual(int64_t day) { return (day - kMonday) % 7 < 5 ? 200 : 40; }
  void Run(int days, double factor = 1, double noise = 0) {
    for (const int64_t end = next_ + days; next_ < end; ++next_) {
      const double total = std::max(1.0, factor * Usual(next_) * (1 + noise * Noise(random_)));
      arrivals_.Add(Noon(next_) - absl::Hours(3), total / 2);
      arrivals_.Add(Noon(next_), total / 2);
    }
    arrivals_.Advance(Noon(next_));
  }

  Arrivals arrivals_;
  int64_t next_ = kMonday;
  Random random_{7};
};

TEST_F(ArrivalsTest, NothingIsExpectedOfAnAccountWithoutAPast) {
  EXPECT_EQ(arrivals_.days_learned(), 0);
  EXPECT_EQ(arrivals_.On(kMonday).p50, 0);
  arrivals_.Add(Noon(kMonday), 12);
  EXPECT_EQ(arrivals_.today(), 12);
  EXPECT_GE(arrivals_.On(kMonday).p10, 12) << "what has come has come";
}

TEST_F(ArrivalsTest, WeekdaysAreToldApart) {
  Run(4 * 7);
  EXPECT_EQ(arrivals_.days_learned(), 4 * 7);
  EXPECT_NEAR(arrivals_.On(next_ + 1).p50, 200, 20);
  EXPECT_NEAR(arrivals_.On(next_ + 5).p50, 40, 25);
}

TEST_F(ArrivalsTest, ANewLevelIsFollowedInDays) {
  Run(6 * 7);
  Run(7, 1.6);
  EXPECT_GT(arrivals_.On(next_).p50, 1.35 * 200);
}

TEST_F(ArrivalsTest, ADayWithoutWorkIsADayOfZero) {
  Run(14);
  arrivals_.Advance(Noon(next_ + 5));
  EXPECT_EQ(arrivals_.days_learned(), 14 + 5);
  EXPECT_LT(arrivals_.On(next_ + 7).p50, 150);
  // A year says nothing of a day.
  arrivals_.Advance(Noon(next_ + 400));
  EXPECT_EQ(arrivals_.days_learned(), 14 + 6);
}

TEST_F(ArrivalsTest, TheBandCoversWhatItSays) {
  Run(8 * 7, 1, 0.2);
  int under = 0;
  constexpr int kDays = 40 * 7;
  for (int i = 0; i < kDays; ++i) {
    const ArrivalForecast forecast = arrivals_.On(next_);
    EXPECT_LE(forecast.p10, forecast.p50);
    EXPECT_LE(forecast.p50, forecast.p90);
    const double total = Usual(next_) * std::max(0.0, 1 + 0.2 * Noise(random_));
    under += total <= forecast.p90 ? 1 : 0;
    arrivals_.Add(Noon(next_), std::max(total, 0.1));
    arrivals_.Advance(Noon(++next_));
  }
  EXPECT_NEAR(under / static_cast<double>(kDays), 0.9, 0.05);
}

TEST_F(ArrivalsTest, ARestoredOneGoesOnAsIfNothingHadBeen) {
  Run(20, 1, 0.1);
  arrivals_.Add(Noon(next_), 33);
  absl::StatusOr<Arrivals> restored = Arrivals::Restore(arrivals_.Save());
  ASSERT_TRUE(restored.ok()) << restored.status();
  EXPECT_EQ(restored->today(), arrivals_.today());
  for (int64_t day = next_; day < next_ + 8; ++day) {
    EXPECT_EQ(restored->On(day).p90, arrivals_.On(day).p90);
  }
  ArrivalState bad = arrivals_.Save();
  bad.numbers[3] = std::nan("");
  EXPECT_FALSE(Arrivals::Restore(bad).ok());
  bad = arrivals_.Save();
  bad.numbers.pop_back();
  EXPECT_FALSE(Arrivals::Restore(bad).ok());
  bad = arrivals_.Save();
  bad.numbers.back() = 300;  // An exponent.
  EXPECT_EQ(
      Arrivals::Restore(bad).status().message(),
      "arrival state has 300 in numbers[83], it may be -2 to 2: restore another copy or start "
      "from imported history");
  bad = arrivals_.Save();
  bad.numbers[0] = 1e300;
  EXPECT_FALSE(Arrivals::Restore(bad).ok());
  bad = arrivals_.Save();
  bad.version = 9;
  EXPECT_FALSE(Arrivals::Restore(bad).ok());
}

}  // namespace
}  // namespace heliotrope::curve
