#include "scheduler/wire/clock_mapping.h"

#include <gtest/gtest.h>

#include <limits>

namespace heliotrope::wire {
namespace {

TEST(ClockMapping, GoesThereAndBack) {
  const ClockMapping mapping{.anchor = absl::FromUnixSeconds(1000),
                             .start = absl::FromUnixSeconds(500'000),
                             .speed = 1440};
  const auto back = FromProto(ToProto(mapping));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, mapping);
}

TEST(ClockMapping, UnsetIsTheIdentityAndAbsurdSpeedsAreRefused) {
  EXPECT_EQ(*FromProto(v1::Welcome::ClockMapping()), ClockMapping{});
  for (const double speed : {-1.0, 0.5, 1e9, std::numeric_limits<double>::quiet_NaN()}) {
    v1::Welcome::ClockMapping proto;
    proto.set_speed(speed);
    EXPECT_EQ(FromProto(proto).status().code(), absl::StatusCode::kInvalidArgument) << speed;
  }
}

}  // namespace
}  // namespace heliotrope::wire
