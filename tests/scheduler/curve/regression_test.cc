#include "scheduler/curve/regression.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scheduler/base/random.h"

namespace heliotrope::curve {
namespace {

constexpr Features kPrior = {0.5, 0, 0, 0.25, 0, 0};

TEST(RegressionTest, PredictsByItsPriorBeforeItHasLearned) {
  const Regression regression(kPrior);
  EXPECT_DOUBLE_EQ(regression.Predict({2, 9, 9, 4, 9, 9}), 2.0);
}

TEST(RegressionTest, FindsTheWeightsOfALinearLaw) {
  const Features law = {0.8, -0.2, 0.1, 0.0, 0.3, -0.5};
  Regression regression(kPrior);
  Random random(1);
  for (int i = 0; i < 5000; ++i) {
    Regression::Sample sample{.memory = 2000, .ridge = 0.01};
    for (double& feature : sample.features) feature = random.Double() - 0.5;
    for (size_t k = 0; k < law.size(); ++k) sample.target += law[k] * sample.features[k];
    regression.Learn(sample);
  }
  for (size_t k = 0; k < law.size(); ++k) EXPECT_NEAR(regression.weights()[k], law[k], 1e-3) << k;
}

TEST(RegressionTest, GoesBackToItsPriorWhenTheFeaturesFallSilent) {
  Regression regression(kPrior);
  for (int i = 0; i < 1000; ++i) {
    regression.Learn({.features = {1, 0, 0, 0, 0, 0}, .target = 2, .memory = 100, .ridge = 1});
  }
  EXPECT_NEAR(regression.weights()[0], 2.0, 0.05);
  for (int i = 0; i < 100000; ++i) {
    regression.Learn({.features = {}, .target = 0, .memory = 100, .ridge = 1});
  }
  EXPECT_NEAR(regression.weights()[0], kPrior[0], 1e-6);
}

TEST(RegressionTest, StaysFiniteOnFeaturesThatAreAllAlike) {
  Regression regression(kPrior);
  for (int i = 0; i < 20000; ++i) {
    regression.Learn({.features = {1, 1, 1, 1, 1, 1}, .target = 3, .memory = 2016, .ridge = 1e-6});
  }
  EXPECT_NEAR(regression.Predict({1, 1, 1, 1, 1, 1}), 3.0, 1e-3);
}

}  // namespace
}  // namespace heliotrope::curve
