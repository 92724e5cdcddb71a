#include "scheduler/base/random.h"

#include <array>
#include <string>

#include "gtest/gtest.h"
#include "scheduler/base/names.h"

namespace heliotrope {
namespace {

// SplitMix64 from 0 gives e220a839..., 6e789e6a..., 06c45d18..., f88bb8a8...; the first word of
// xoshiro256** follows from the second of them. Another value means another algorithm, which would
// change every simulated history.
TEST(RandomTest, TheAlgorithmIsFixed) {
  Random random(0);
  EXPECT_EQ(random.Next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(random.Next(), 0xbf6e1f784956452au);
}

TEST(RandomTest, ASeedRepeats) {
  Random a(42), b(42), c(43);
  EXPECT_EQ(a.Base32(40), b.Base32(40));
  EXPECT_NE(a.Next(), c.Next());
  EXPECT_NE(a.Fork().Next(), a.Next());
}

TEST(RandomTest, UniformReachesEachValueAlike) {
  Random random(7);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60000; ++i) ++counts.at(random.Uniform(6));
  for (const int count : counts) EXPECT_NEAR(count, 10000, 500);
  EXPECT_EQ(random.Uniform(1), 0u);
}

TEST(RandomTest, DoublesFillTheUnitInterval) {
  Random random(7);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = random.Double();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
  EXPECT_FALSE(random.Chance(0));
  EXPECT_TRUE(random.Chance(1));
}

TEST(RandomTest, Base32MakesIds) {
  Random random(7);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(IsValidId("job-" + random.Base32(8)));
}

}  // namespace
}  // namespace heliotrope
