#include "scheduler/curve/day_drift.h"

#include "gtest/gtest.h"

namespace heliotrope::curve {
namespace {

// One day of an error of 0.1 between 18:00 and 20:00, of what the drift has left of it.
void LearnDay(DayDrift& drift, double gain) {
  for (int slot = 0; slot < kSlotsPerDay; ++slot) {
    const bool evening = slot >= 18 * kBinsPerHour && slot < 20 * kBinsPerHour;
    drift.Learn(slot, (evening ? 0.1 : 0.0) - drift.At(slot), gain);
  }
}

TEST(DayDriftTest, LearnsTheTimeOfTheDayThatIsOff) {
  DayDrift drift;
  EXPECT_EQ(drift.At(19 * kBinsPerHour), 0);
  for (int day = 0; day < 10; ++day) LearnDay(drift, 0.5);
  EXPECT_NEAR(drift.At(19 * kBinsPerHour), 0.09, 0.02);
  EXPECT_NEAR(drift.At(12 * kBinsPerHour), 0, 0.001);
  EXPECT_NEAR(drift.At(0), 0, 0.001);
}

TEST(DayDriftTest, ForgetsWhatTheProfileHasLearnedSince) {
  DayDrift drift;
  LearnDay(drift, 1);
  const double learned = drift.At(19 * kBinsPerHour);
  for (int day = 0; day < 14; ++day) {
    for (int slot = 0; slot < kSlotsPerDay; ++slot) drift.Learn(slot, 0, 0.1);
  }
  EXPECT_LT(drift.At(19 * kBinsPerHour), 0.4 * learned);
}

TEST(DayDriftTest, ScalesWithTheLevel) {
  DayDrift drift;
  LearnDay(drift, 1);
  const double learned = drift.At(19 * kBinsPerHour);
  drift.Scale(1.3);
  EXPECT_NEAR(drift.At(19 * kBinsPerHour), 1.3 * learned, 1e-6);
}

}  // namespace
}  // namespace heliotrope::curve
