#include "scheduler/curve/error_model.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

TEST(ErrorModelTest, QuantilesCoverTheirShareOfSkewedErrors) {
  ErrorModel model(0.1);
  Random random(3);
  std::array<int, kQuantiles> covered{};
  const int kWarm = 20000;
  const int kScored = 40000;
  for (int i = 0; i < kWarm + kScored; ++i) {
    const double noise = Noise(random);
    const double error = 0.02 * noise * noise;  // one-sided: only the quantiles can know
    if (i >= kWarm) {
      const auto quantiles = model.Quantiles();
      for (size_t k = 0; k < kQuantiles; ++k) covered[k] += error <= quantiles[k] * model.Scale(7);
    }
    model.Learn(error, 7, {});
  }
  for (size_t k = 0; k < kQuantiles; ++k) {
    EXPECT_NEAR(covered[k] / double{kScored}, kQuantileLevels[k], 0.01) << kQuantileLevels[k];
  }
}

TEST(ErrorModelTest, AnHourHasItsOwnScale) {
  ErrorModel model(0.1);
  for (int i = 0; i < 5000; ++i) {
    model.Learn(i % 2 == 0 ? 0.2 : -0.2, 14, {});
    model.Learn(i % 2 == 0 ? 0.01 : -0.01, 3, {});
  }
  EXPECT_NEAR(model.Scale(14), 0.2, 0.01);
  EXPECT_NEAR(model.Scale(3), 0.01, 0.005);
}

// The scale knows nothing of it: what is published covers too much, or too little, for days.
TEST(ErrorModelTest, WhatWasNotCoveredLatelyWidensTheBandAndViceVersa) {
  const auto width = [](bool covered) {
    ErrorModel model(0.1);
    std::array<bool, kQuantiles> hits;
    for (size_t i = 0; i < kQuantiles; ++i) hits[i] = covered || kQuantileLevels[i] < 0.5;
    for (int i = 0; i < 100; ++i) model.LearnCovered(hits, 0.1);
    const auto quantiles = model.Quantiles();
    return quantiles[6] - quantiles[3];
  };
  const auto fresh = ErrorModel(0.1).Quantiles();
  EXPECT_LT(width(true), 0.6 * (fresh[6] - fresh[3]));
  EXPECT_GT(width(false), 2 * (fresh[6] - fresh[3]));
}

TEST(ErrorModelTest, QuantilesNeverCross) {
  ErrorModel model(0.1);
  Random random(5);
  for (int i = 0; i < 5000; ++i) {
    model.Learn(random.Chance(0.02) ? 5.0 : -0.001 * random.Double(), 0, {.quantile = 0.2});
    const auto quantiles = model.Quantiles();
    ASSERT_TRUE(std::is_sorted(quantiles.begin(), quantiles.end())) << i;
  }
}

}  // namespace
}  // namespace heliotrope::curve
