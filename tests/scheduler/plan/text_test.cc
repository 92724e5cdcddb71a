// How decisions speak.
#include "scheduler/plan/text.h"

#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

TEST(AtText, NamesTheDayOnlyWhenTheTimeAloneIsNotClear) {
  EXPECT_EQ(AtText(At(22.667), At(14)), "22:40 UTC");
  EXPECT_EQ(AtText(At(37), At(14)), "13:00 UTC");
  EXPECT_EQ(AtText(At(38), At(14)), "Jan 6 14:00 UTC");
  EXPECT_EQ(AtText(absl::InfiniteFuture(), At(14)), "never");
}

TEST(CoresText, HasOneDecimalWhereItMatters) {
  EXPECT_EQ(CoresText(0), "0 cores");
  EXPECT_EQ(CoresText(1000), "1 core");
  EXPECT_EQ(CoresText(12'460), "12.5 cores");
  EXPECT_EQ(CoresText(40'000), "40 cores");
}

TEST(PriceText, RoundsToOneDecimalAlsoBelowZero) {
  EXPECT_EQ(PriceText(31'249'999), "31.2");
  EXPECT_EQ(PriceText(64'000'000), "64");
  EXPECT_EQ(PriceText(-5'500'000), "-5.5");
  EXPECT_EQ(PriceText(-10), "0");
}

TEST(SpanText, DropsSecondsFromAnHourOn) {
  EXPECT_EQ(SpanText(90), "1m30s");
  EXPECT_EQ(SpanText(3600 + 61), "1h1m");
  EXPECT_EQ(SpanText(45), "45s");
}

}  // namespace
}  // namespace heliotrope::plan
