#include "scheduler/wire/time.h"

#include <gtest/gtest.h>

#include <limits>

#include "scheduler/base/errors.h"

namespace heliotrope::wire {
namespace {

google::protobuf::Timestamp Timestamp(int64_t seconds, int32_t nanos) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(seconds);
  proto.set_nanos(nanos);
  return proto;
}

google::protobuf::Duration Duration(int64_t seconds, int32_t nanos) {
  google::protobuf::Duration proto;
  proto.set_seconds(seconds);
  proto.set_nanos(nanos);
  return proto;
}

TEST(Time, GoesThereAndBack) {
  for (const absl::Time t :
       {absl::UnixEpoch(), absl::FromUnixNanos(1'750'000'000'123'456'789),
        absl::FromUnixNanos(-1'500'000'001), absl::FromUnixSeconds(253'402'300'799)}) {
    const auto back = FromProto(ToProto(t), "t");
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, t);
  }
}

TEST(Time, OutOfRangeNamesTheField) {
  for (const auto& proto :
       {Timestamp(0, -1), Timestamp(0, 1'000'000'000), Timestamp(253'402'300'800, 0),
        Timestamp(std::numeric_limits<int64_t>::min(), 0)}) {
    const auto result = FromProto(proto, "job.deadline");
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(GetFieldViolations(result.status()).at(0).field, "job.deadline");
  }
}

TEST(Time, InfinityBecomesTheEndOfTheRange) {
  EXPECT_EQ(ToProto(absl::InfiniteFuture()).seconds(), 253'402'300'799);
  EXPECT_EQ(ToProto(absl::InfinitePast()).seconds(), -62'135'596'800);
}

TEST(Duration, GoesThereAndBack) {
  for (const absl::Duration d : {absl::ZeroDuration(), absl::Milliseconds(1500),
                                 absl::Milliseconds(-1500), absl::Nanoseconds(1)}) {
    const auto back = FromProto(ToProto(d), "d");
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, d);
  }
}

TEST(Duration, RefusesWhatIsNone) {
  for (const auto& proto :
       {Duration(1, -1), Duration(-1, 1), Duration(0, 1'000'000'000), Duration(315'576'000'001, 0),
        Duration(std::numeric_limits<int64_t>::min(), 0)}) {
    EXPECT_FALSE(FromProto(proto, "grace").ok()) << proto.ShortDebugString();
  }
  EXPECT_FALSE(NonNegativeFromProto(Duration(-1, 0), "grace").ok());
  EXPECT_TRUE(NonNegativeFromProto(Duration(0, 0), "grace").ok());
}

}  // namespace
}  // namespace heliotrope::wire
