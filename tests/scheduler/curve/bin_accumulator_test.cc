#include "scheduler/curve/bin_accumulator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "scheduler/base/random.h"

namespace heliotrope::curve {
namespace {

using Outcome = BinAccumulator::Outcome;

const absl::Time kStart = absl::FromUnixSeconds(1700000100);  // on the five-minute grid

absl::Time Second(int second) { return kStart + absl::Seconds(second); }

NodeSample Measured(const char* node, int second, double foreground, double capacity) {
  return {NodeId(node), Second(second), MilliCores::FromCores(foreground),
          MilliCores::FromCores(capacity)};
}

TEST(BinAccumulatorTest, ANodeThatReportsOftenWeighsNoMore) {
  BinAccumulator bins;
  for (int i = 0; i < 30; ++i) bins.Add(Measured("a", 10 * i, 8, 16));
  bins.Add(Measured("b", 100, 0, 48));
  const std::vector<Bin> closed = bins.Close(Second(400));
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].start, kStart);
  EXPECT_NEAR(closed[0].load, 8.0 / 64.0, 1e-12);
}

TEST(BinAccumulatorTest, ASilentNodeIsLeftOutOfBothSums) {
  BinAccumulator bins;
  bins.Add(Measured("a", 10, 4, 16));
  bins.Add(Measured("b", 20, 12, 16));
  bins.Add(Measured("a", 310, 4, 16));
  const std::vector<Bin> closed = bins.Close(Second(1000));
  ASSERT_EQ(closed.size(), 2u);
  EXPECT_NEAR(closed[0].load, 0.5, 1e-12);
  EXPECT_NEAR(closed[1].load, 0.25, 1e-12);
}

TEST(BinAccumulatorTest, ABinClosesOnceAndOnlyAfterItsAllowance) {
  BinAccumulator bins({.allowance = absl::Seconds(15)});
  bins.Add(Measured("a", 0, 1, 4));
  EXPECT_TRUE(bins.Close(Second(300)).empty());
  EXPECT_TRUE(bins.Close(Second(314)).empty());
  EXPECT_EQ(bins.Close(Second(315)).size(), 1u);
  EXPECT_TRUE(bins.Close(Second(316)).empty());
  EXPECT_EQ(bins.Add(Measured("a", 299, 1, 4)), Outcome::kLate);
  EXPECT_EQ(bins.Add(Measured("a", 300, 1, 4)), Outcome::kTaken);
  EXPECT_TRUE(bins.Close(Second(100)).empty()) << "now going back opens nothing";
  EXPECT_EQ(bins.Add(Measured("a", 299, 1, 4)), Outcome::kLate);
  EXPECT_EQ(bins.dropped(), 2);
}

TEST(BinAccumulatorTest, ASilentStretchIsAGap) {
  BinAccumulator bins;
  bins.Add(Measured("a", 0, 1, 4));
  EXPECT_EQ(bins.Close(Second(400)).size(), 1u);
  EXPECT_TRUE(bins.Close(Second(4000)).empty());
  bins.Add(Measured("a", 3900, 2, 4));
  const std::vector<Bin> closed = bins.Close(Second(4300));
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0], (Bin{Second(3900), 0.5}));
}

TEST(BinAccumulatorTest, AWrongClockDoesNotPassForTheFuture) {
  BinAccumulator bins;
  bins.Close(Second(0));
  EXPECT_EQ(bins.Add(Measured("a", 600, 1, 4)), Outcome::kTaken);
  EXPECT_EQ(bins.Add(Measured("b", 601, 1, 4)), Outcome::kAhead);
}

TEST(BinAccumulatorTest, OpenBinsAreBoundedWithoutAClose) {
  BinAccumulator bins;
  int taken = 0;
  for (int i = 0; i < 1000; ++i) {
    taken += bins.Add(Measured("a", 300 * i, 1, 4)) == Outcome::kTaken ? 1 : 0;
  }
  EXPECT_EQ(taken, kSlotsPerDay);
}

TEST(BinAccumulatorTest, RefusesWhatCannotBeMeasured) {
  BinAccumulator bins;
  EXPECT_EQ(bins.Add(Measured("a", 0, -0.5, 4)), Outcome::kRefused);
  EXPECT_EQ(bins.Add(Measured("a", 0, 1, 0)), Outcome::kRefused);
  EXPECT_EQ(bins.Add(Measured("", 0, 1, 4)), Outcome::kRefused);
  NodeSample never = Measured("a", 0, 1, 4);
  never.time = absl::InfiniteFuture();
  EXPECT_EQ(bins.Add(never), Outcome::kRefused);
  EXPECT_TRUE(bins.Close(Second(9999)).empty());
}

TEST(BinAccumulatorTest, TheOrderOfSamplesDoesNotMatter) {
  std::vector<NodeSample> samples;
  Random random(11);
  for (int i = 0; i < 500; ++i) {
    const std::string node = "n" + std::to_string(random.Uniform(20));
    samples.push_back(Measured(node.c_str(), static_cast<int>(random.Uniform(1500)),
                               random.Double() * 16, 16 + random.Double()));
  }
  BinAccumulator forward;
  for (const NodeSample& sample : samples) forward.Add(sample);
  std::reverse(samples.begin(), samples.end());
  BinAccumulator backward;
  for (const NodeSample& sample : samples) backward.Add(sample);
  EXPECT_EQ(forward.Close(Second(2000)), backward.Close(Second(2000)));
}

}  // namespace
}  // namespace heliotrope::curve
