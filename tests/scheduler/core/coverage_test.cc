#include "scheduler/core/coverage.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "scheduler/base/random.h"

namespace heliotrope::core {
namespace {

constexpr int64_t kDay = curve::kSlotsPerDay;
constexpr int64_t kFirst = kDay * 19723;

class CoverageTest : public testing::Test {
 protected:
  // A fifth of the capacity by night and more by day, with noise.
  double NextLoad(int64_t bin) {
    const double turn = 2 * 3.14159265 * static_cast<double>(bin % kDay) / kDay;
    double noise = -6;
    for (int i = 0; i < 12; ++i) noise += random_.Double();
    return 0.5 - 0.2 * std::cos(turn) + 0.02 * noise;
  }
  void Feed(double load) {
    const curve::Bin bin{curve::BinStart(next_++), load};
    ASSERT_EQ(forecaster_.Observe(bin), curve::Observation::kTaken);
    coverage_.Follow(bin, forecaster_);
  }
  void Run(int64_t days) {
    for (const int64_t end = next_ + days * kDay; next_ < end;) Feed(NextLoad(next_));
  }

  curve::Forecaster forecaster_{absl::UTCTimeZone(), {}};
  Coverage coverage_;
  Random random_{11};
  int64_t next_ = kFirst;
};

TEST_F(CoverageTest, BeginsAtTheLevelsAndJudgesNothingInTheFirstTwoDays) {
  Run(1);
  EXPECT_EQ(coverage_.scored(), 0);
  for (size_t i = 0; i < curve::kQuantiles; ++i) {
    EXPECT_EQ(coverage_.share(i), curve::kQuantileLevels[i]);
  }
  Run(2);
  EXPECT_GT(coverage_.scored(), 0);
}

TEST_F(CoverageTest, OfAHonestForecasterIsWhatItsQuantilesSay) {
  Run(6 * 7);
  for (size_t i = 0; i < curve::kQuantiles; ++i) {
    EXPECT_NEAR(coverage_.share(i), curve::kQuantileLevels[i], 0.06) << i;
    if (i == 0) continue;
    EXPECT_GE(coverage_.share(i), coverage_.share(i - 1)) << i;
  }
}

TEST_F(CoverageTest, OfALoadThatIsHigherThanAllThatWasForecastFalls) {
  Run(3 * 7);
  const Coverage before = coverage_;
  for (int64_t i = 0; i < kDay; ++i) Feed(NextLoad(next_) + 0.4);
  for (size_t i = 0; i < curve::kQuantiles; ++i) {
    EXPECT_NEAR(coverage_.share(i), 13.0 / 14 * before.share(i), 0.005) << i << ": one of 14 days";
  }
}

TEST_F(CoverageTest, AGapIsNotScored) {
  Run(7);
  const int64_t before = coverage_.scored();
  next_ += 2 * kDay;
  Run(1);
  EXPECT_EQ(coverage_.scored(), before) << "nothing was forecast for that day";
  Run(1);
  EXPECT_EQ(coverage_.scored(), before + kDay / 3);
}

TEST_F(CoverageTest, WhatAFrozenSensorSaysIsNotScored) {
  Run(28);
  const int64_t before = coverage_.scored();
  for (int64_t i = 0; i < kDay; ++i) Feed(0.3);
  const int64_t scored = coverage_.scored() - before;
  EXPECT_LT(scored, kDay / 3) << "all of it was taken for load";
  EXPECT_GT(scored, 0) << "what hangs is known after hours only";
}

TEST_F(CoverageTest, ARestoredOneGoesOnAsIfNothingHadBeen) {
  Run(10);
  absl::StatusOr<Coverage> restored = Coverage::Restore(coverage_.Save());
  ASSERT_TRUE(restored.ok()) << restored.status();
  for (int i = 0; i < 2 * kDay; ++i) {
    const curve::Bin bin{curve::BinStart(next_), NextLoad(next_)};
    Feed(bin.load);
    restored->Follow(bin, forecaster_);
  }
  EXPECT_EQ(restored->scored(), coverage_.scored());
  for (size_t i = 0; i < curve::kQuantiles; ++i) {
    EXPECT_EQ(restored->share(i), coverage_.share(i));
  }
}

TEST_F(CoverageTest, AStateThatNobodyWroteIsRefused) {
  Run(4);
  const CoverageState sound = coverage_.Save();
  ASSERT_TRUE(Coverage::Restore(sound).ok());
  EXPECT_FALSE(Coverage::Restore({}).ok());
  CoverageState bad = sound;
  bad.shares[3] = 1.5;
  EXPECT_FALSE(Coverage::Restore(bad).ok());
  bad = sound;
  bad.scored = -1;
  EXPECT_FALSE(Coverage::Restore(bad).ok());
  bad = sound;
  bad.quantiles.pop_back();
  EXPECT_FALSE(Coverage::Restore(bad).ok());
  bad = sound;
  bad.quantiles[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(Coverage::Restore(bad).ok());
  bad = sound;
  std::swap(bad.bins.front(), bad.bins.back());
  EXPECT_FALSE(Coverage::Restore(bad).ok());
}

}  // namespace
}  // namespace heliotrope::core
