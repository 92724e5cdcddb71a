#include "scheduler/curve/resample.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace heliotrope::curve {
namespace {

absl::Time Minute(double minute) { return absl::UnixEpoch() + absl::Minutes(minute); }

TEST(ResampleTest, DrawsStraightLinesBetweenHourlyValues) {
  const std::vector<Bin> bins = Resample({{Minute(0), 0.1}, {Minute(60), 0.7}});
  ASSERT_EQ(bins.size(), 13u);
  for (int i = 0; i <= 12; ++i) {
    const Bin& bin = bins[static_cast<size_t>(i)];
    EXPECT_EQ(bin.start, Minute(5 * i));
    EXPECT_NEAR(bin.load, 0.1 + 0.05 * i, 1e-12);
  }
}

TEST(ResampleTest, BridgesOneMissingHourAndNoMore) {
  EXPECT_EQ(Resample({{Minute(0), 0.1}, {Minute(120), 0.2}}).size(), 25u);
  const std::vector<Bin> gap = Resample({{Minute(0), 0.1}, {Minute(125), 0.2}});
  ASSERT_EQ(gap.size(), 2u);
  EXPECT_EQ(gap[1], (Bin{Minute(125), 0.2}));
}

TEST(ResampleTest, AveragesWhatFallsIntoOneBin) {
  const std::vector<Bin> bins = Resample(
      {{Minute(0), 0.1}, {Minute(1), 0.2}, {Minute(4), 0.6}, {Minute(5), 0.5}, {Minute(6), 0.7}});
  ASSERT_EQ(bins.size(), 2u);
  EXPECT_NEAR(bins[0].load, 0.3, 1e-12);
  EXPECT_NEAR(bins[1].load, 0.6, 1e-12);
}

TEST(ResampleTest, ReadsOffGridSamplesAtTheStartOfEachBin) {
  const std::vector<Bin> bins = Resample({{Minute(2), 0.2}, {Minute(12), 0.3}});
  ASSERT_EQ(bins.size(), 3u);
  EXPECT_EQ(bins[0], (Bin{Minute(0), 0.2}));
  EXPECT_NEAR(bins[1].load, 0.23, 1e-12);
  EXPECT_NEAR(bins[2].load, 0.28, 1e-12);
}

TEST(ResampleTest, SortsAndLeavesOutWhatIsNotALoad) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Bin> bins = Resample({{Minute(10), 0.3},
                                          {Minute(0), 0.1},
                                          {Minute(5), nan},
                                          {Minute(5), -1.0},
                                          {Minute(0), 0.9},
                                          {absl::InfiniteFuture(), 0.5}});
  ASSERT_EQ(bins.size(), 3u);
  EXPECT_EQ(bins[0], (Bin{Minute(0), 0.1}));
  EXPECT_NEAR(bins[1].load, 0.2, 1e-12);
  EXPECT_EQ(bins[2].start, Minute(10));
  EXPECT_NEAR(bins[2].load, 0.3, 1e-12);
}

TEST(ResampleTest, NothingGivesNothing) { EXPECT_TRUE(Resample({}).empty()); }

}  // namespace
}  // namespace heliotrope::curve
