#include "scheduler/base/limits.h"

#include "gtest/gtest.h"

namespace heliotrope {
namespace {

// What one limit allows must fit where another holds it.
TEST(LimitsTest, TheLargestJobFitsOneMessage) {
  EXPECT_LT(
      static_cast<int64_t>(kMaxEnvironmentBytes + kMaxArgumentsBytes + kMaxDescriptionBytes +
                           kMaxOutputPatterns * kMaxPathBytes + kMaxLabels * kMaxLabelBytes * 2),
      kMaxGrpcMessageBytes);
}

TEST(LimitsTest, APartOfAStreamFitsOneMessage) {
  EXPECT_LE(kStreamPartBytes * 2, kMaxGrpcMessageBytes);
}

TEST(LimitsTest, TotalsOfOneJobDoNotOverflow) {
  EXPECT_LT(kMaxMemoryPerTask * kMaxTasksPerJob, Bytes::Max());
  EXPECT_LT(kMaxCoresPerTask * kMaxTasksPerJob, MilliCores::Max());
}

TEST(LimitsTest, DefaultsAreWithinTheirBounds) {
  EXPECT_LE(kDefaultPageSize, kMaxPageSize);
  EXPECT_LT(kMinLease, kMaxLease);
  EXPECT_LT(kMinExpectedDuration, kMaxExpectedDuration);
}

}  // namespace
}  // namespace heliotrope
