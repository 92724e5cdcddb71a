#include "scheduler/curve/backtest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BacktestTest : public ::testing::Test {
 protected:
  // Office hours in Berlin, in a unit of its own, with noise.
  std::vector<Sample> Office(int days, absl::Duration step, double noise) {
    Random random(7);
    std::vector<Sample> samples;
    for (absl::Time time = start_; time < start_ + absl::Hours(24 * days); time += step) {
      const double load = OfficeLoad(zone_, BinIndex(time)) + noise * Noise(random);
      samples.push_back({time, 5000 * std::max(0.0, load)});
    }
    return samples;
  }
  absl::Status Refused(const std::vector<Sample>& samples, const BacktestOptions& options = {}) {
    return RunBacktest(samples, zone_, options).status();
  }

  absl::TimeZone zone_ = Zone("Europe/Berlin");
  absl::Time start_ = At("2026-02-02T00:00:00Z");
};

TEST_F(BacktestTest, ALoadThatRepeatsIsForecastInItsOwnUnit) {
  const auto backtest = RunBacktest(Office(42, absl::Hours(1), 0.01), zone_, {.compare = true});
  ASSERT_TRUE(backtest.ok()) << backtest.status();
  EXPECT_EQ(backtest->step, absl::Hours(1));
  EXPECT_EQ(backtest->origins, 53) << "every 6 h as long as a whole day follows";
  EXPECT_EQ(backtest->points.size(), 53u * 24);
  EXPECT_EQ(backtest->scores.points, 53 * 24);
  EXPECT_LT(backtest->scores.wape, 0.06);
  EXPECT_LT(backtest->scores.wape, backtest->naive_day.wape);
  EXPECT_LT(backtest->scores.mase, 0.5);
  EXPECT_NEAR(backtest->scores.coverage[5], 0.9, 0.05);
}

// The naive methods are exact about what they are: last week is last week.
TEST_F(BacktestTest, WithoutNoiseLastWeekIsRightAndYesterdayIsNot) {
  const auto backtest = RunBacktest(Office(42, absl::Hours(1), 0), zone_, {.compare = true});
  ASSERT_TRUE(backtest.ok()) << backtest.status();
  EXPECT_NEAR(backtest->naive_week.wape, 0, 1e-9);
  EXPECT_GT(backtest->naive_day.wape, 0.1) << "Saturday is no Friday";
}

TEST_F(BacktestTest, NothingAfterAnOriginIsKnownToIt) {
  const std::vector<Sample> samples = Office(30, absl::Minutes(30), 0.02);
  const BacktestOptions options{.test = absl::Hours(4 * 24), .compare = true};
  const auto honest = RunBacktest(samples, zone_, options);
  ASSERT_TRUE(honest.ok());
  std::vector<Sample> changed = samples;
  const absl::Time from = honest->points.front().origin + absl::Hours(18);
  for (Sample& sample : changed) {
    if (sample.time >= from) sample.load = 9000;
  }
  const auto other = RunBacktest(changed, zone_, options);
  ASSERT_TRUE(other.ok());
  int compared = 0;
  for (size_t i = 0; i < honest->points.size(); ++i) {
    if (honest->points[i].origin > from) break;
    EXPECT_EQ(honest->points[i].forecast, other->points[i].forecast) << i;
    ++compared;
  }
  EXPECT_EQ(compared, 4 * 48) << "origins at 0, 6, 12 and 18 h";
  EXPECT_NE(honest->points.back().forecast, other->points.back().forecast);
}

TEST_F(BacktestTest, HolesAreForecastButNotScored) {
  std::vector<Sample> samples = Office(30, absl::Hours(1), 0.01);
  samples.erase(samples.end() - 10, samples.end() - 4);
  const auto backtest = RunBacktest(samples, zone_, {.test = absl::Hours(48)});
  ASSERT_TRUE(backtest.ok()) << backtest.status();
  EXPECT_EQ(backtest->missing, 6);
  EXPECT_LT(backtest->scores.points, static_cast<int64_t>(backtest->points.size()));
  EXPECT_TRUE(std::isnan(backtest->points.back().actual) ||
              backtest->points.back().target == samples.back().time);
}

TEST_F(BacktestTest, WhatCannotBeIsRefusedWithTheRemedy) {
  EXPECT_THAT(Refused(Office(10, absl::Hours(1), 0)).message(),
              HasSubstr("the series has 10d, needed are at least 15d: a day to learn from and the "
                        "test part of 14d"));
  EXPECT_THAT(Refused(Office(3, absl::Minutes(1), 0)).message(),
              HasSubstr("the series' step is 1m, must be 5m to 1h"));
  EXPECT_THAT(Refused({}).message(),
              HasSubstr("the series has no samples, needed are at least 15d"));
  EXPECT_THAT(Refused(Office(30, absl::Hours(1), 0), {.horizon = absl::Hours(8 * 24)}).message(),
              HasSubstr("the horizon is 8d, must be above 0 and at most 7d"));
  std::vector<Sample> zero = Office(30, absl::Hours(1), 0);
  for (Sample& sample : zero) sample.load = 0;
  EXPECT_THAT(Refused(zero).message(), HasSubstr("zero throughout"));
  std::vector<Sample> far = Office(30, absl::Hours(1), 0);
  far.push_back({At("9999-12-31T23:00:00Z"), 1});
  EXPECT_THAT(Refused(far).message(),
              AllOf(HasSubstr("sample 721 (line 722 of a CSV file) is of 9999-12-31T23:00:00"),
                    HasSubstr("a series may span 7320d: correct its time or leave it out")));
}

}  // namespace
}  // namespace heliotrope::curve
