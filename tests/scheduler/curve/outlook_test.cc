#include "scheduler/curve/outlook.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

class OutlookTest : public testing::Test {
 protected:
  OutlookTest() {
    const int64_t first = BinIndex(At("2024-01-01T00:00:00+04:00"));
    for (int64_t i = 0; i < 5 * kSlotsPerWeek; ++i) {
      Random random(static_cast<uint64_t>(i));
      forecaster_.Observe(
          {BinStart(first + i), OfficeLoad(zone_, first + i) + 0.02 * Noise(random)});
    }
    now_ = BinStart(first + 5 * kSlotsPerWeek);  // Monday 00:00 local time
  }

  absl::TimeZone zone_ = Zone("Asia/Dubai");
  Forecaster forecaster_{zone_, {}};
  absl::Time now_;
};

TEST_F(OutlookTest, AShortBlockIsItsBin) {
  const std::vector<Block> blocks = {{now_ + absl::Hours(2), BinLength()}};
  const std::vector<BlockOutlook> outlook = Outlook(forecaster_, now_, blocks);
  ASSERT_EQ(outlook.size(), 1u);
  EXPECT_EQ(outlook[0].mean, forecaster_.At(now_ + absl::Hours(2), now_));
  EXPECT_EQ(outlook[0].peak, outlook[0].mean);
}

TEST_F(OutlookTest, ABlockOverARampHasAPeakAboveItsMean) {
  const std::vector<Block> blocks = {{now_ + absl::Hours(8), absl::Hours(3)},
                                     {now_ + absl::Hours(1), absl::Hours(3)}};
  const std::vector<BlockOutlook> outlook = Outlook(forecaster_, now_, blocks);
  ASSERT_EQ(outlook.size(), 2u);
  EXPECT_NEAR(outlook[0].peak.p50, 0.65, 0.05);
  EXPECT_NEAR(outlook[0].mean.p50, 0.15 + 0.5 * 2.0 / 3.0, 0.05);
  EXPECT_NEAR(outlook[1].peak.p50, outlook[1].mean.p50, 0.04);
  for (const BlockOutlook& block : outlook) {
    EXPECT_GE(block.peak.p97, block.mean.p97);
    EXPECT_GT(block.mean.p97, block.mean.p50);
    EXPECT_TRUE(block.mean.mature);
  }
}

TEST_F(OutlookTest, ABlockWithoutLengthIsReadAtItsStart) {
  const std::vector<Block> blocks = {{now_, absl::ZeroDuration()}, {now_, -absl::Hours(1)}};
  for (const BlockOutlook& block : Outlook(forecaster_, now_, blocks)) {
    EXPECT_EQ(block.mean, forecaster_.At(now_, now_));
  }
}

TEST_F(OutlookTest, ARegionIsTheWeightedSumOfItsDataCenters) {
  Forecaster idle(zone_, {});
  for (int64_t i = 0; i < 2 * kSlotsPerWeek; ++i) {
    idle.Observe({now_ - (2 * kSlotsPerWeek - i) * BinLength(), 0.0});
  }
  const absl::Time noon = now_ + absl::Hours(12);
  const std::vector<RegionMember> members = {{&forecaster_, MilliCores::FromCores(100)},
                                             {&idle, MilliCores::FromCores(300)},
                                             {&idle, MilliCores::Zero()}};
  const Forecast region = RegionForecast(members, noon, now_);
  EXPECT_NEAR(region.p50, 0.25 * forecaster_.At(noon, now_).p50, 0.01);
  EXPECT_NEAR(region.p97, 0.25 * forecaster_.At(noon, now_).p97, 0.01);
  EXPECT_TRUE(region.mature);
  EXPECT_FALSE(region.stale);
}

TEST_F(OutlookTest, ARegionIsAsYoungAndAsStaleAsItsWorstMember) {
  const Forecaster cold(zone_, {});
  const std::vector<RegionMember> members = {{&forecaster_, MilliCores::FromCores(1)},
                                             {&cold, MilliCores::FromCores(1)}};
  EXPECT_FALSE(RegionForecast(members, now_, now_).mature);
  EXPECT_TRUE(RegionForecast(members, now_, now_).stale);
  const Forecast none = RegionForecast({}, now_, now_);
  EXPECT_FALSE(none.mature);
  EXPECT_TRUE(none.stale);
  EXPECT_EQ(none.p97, 0);
}

}  // namespace
}  // namespace heliotrope::curve
