#include "scheduler/base/units.h"

#include <limits>
#include <string>
#include <type_traits>

#include "gtest/gtest.h"

namespace heliotrope {
namespace {

static_assert(!std::is_convertible_v<int64_t, Bytes>);
static_assert(!std::is_constructible_v<Bytes, MilliCores>);
template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
static_assert(Addable<Bytes, Bytes>);
static_assert(!Addable<Bytes, MilliCores>);
static_assert(Bytes::FromMiB(1) + Bytes::FromBytes(1) > Bytes::FromKiB(1024));

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(UnitsTest, SumsAndMultiplesSaturate) {
  const Bytes max = Bytes::Max();
  EXPECT_EQ((max + Bytes::FromBytes(1)).value(), kMax);
  EXPECT_EQ((Bytes::FromBytes(kMin) - Bytes::FromBytes(1)).value(), kMin);
  EXPECT_EQ((Bytes::FromBytes(0) - Bytes::FromBytes(kMin)).value(), kMax);
  EXPECT_EQ((Bytes::FromGiB(kMax)).value(), kMax);
  EXPECT_EQ((MilliCores::FromMilli(-2) * kMax).value(), kMin);
  EXPECT_EQ((MicroCost::FromMicro(kMax)).ScaledBy(2.0).value(), kMax);
  EXPECT_EQ((MicroCost::FromMicro(kMin)).ScaledBy(2.0).value(), kMin);
  EXPECT_EQ(Bytes::FromBytes(kMin) / Bytes::FromBytes(-1), kMax);
}

TEST(UnitsTest, AddSubtractDivideInPlace) {
  MilliCores free = MilliCores::FromCores(4);
  free -= MilliCores::FromMilli(1500);
  EXPECT_EQ(free, MilliCores::FromMilli(2500));
  free += MilliCores::FromMilli(500);
  EXPECT_EQ(free / MilliCores::FromMilli(1400), 2);
  EXPECT_EQ(free.ScaledBy(0.5), MilliCores::FromMilli(1500));
}

TEST(UnitsTest, CoresRoundUpButNotByBinaryDust) {
  struct Case {
    const char* name;
    double cores;
    int64_t want;
  };
  const Case cases[] = {{"whole", 2, 2000},
                        {"a thousandth", 0.001, 1},
                        {"less than a thousandth", 0.0001, 1},
                        {"1.1 is above 1100/1000 in binary", 1.1, 1100},
                        {"2.3 is below", 2.3, 2300},
                        {"zero", 0, 0},
                        {"absurd", 1e30, kMax}};
  for (const Case& c : cases) {
    EXPECT_EQ(MilliCores::FromCores(c.cores).value(), c.want) << c.name;
  }
}

TEST(UnitsDeathTest, NotANumberIsNoQuantity) {
  EXPECT_DEATH((void)MilliCores::FromCores(std::numeric_limits<double>::quiet_NaN()),
               "check failed");
}

TEST(UnitsTest, TextIsForPeople) {
  EXPECT_EQ(ToString(Bytes::FromBytes(0)), "0 B");
  EXPECT_EQ(ToString(Bytes::FromBytes(1023)), "1023 B");
  EXPECT_EQ(ToString(Bytes::FromMiB(1536)), "1.5 GiB");
  EXPECT_EQ(ToString(Bytes::FromTiB(16)), "16 TiB");
  EXPECT_EQ(ToString(Bytes::FromKiB(-2)), "-2 KiB");
  EXPECT_EQ(ToString(MilliCores::FromMilli(2500)), "2.5 cores");
  EXPECT_EQ(ToString(MilliCores::FromMilli(1000)), "1 core");
  EXPECT_EQ(ToString(MilliCores::FromMilli(1)), "0.001 cores");
  EXPECT_EQ(ToString(MicroCost::FromUnits(0.25)), "0.25");
}

}  // namespace
}  // namespace heliotrope
