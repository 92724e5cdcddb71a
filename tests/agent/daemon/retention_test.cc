#include "agent/daemon/retention.h"

#include <gtest/gtest.h>

namespace heliotrope::agent::daemon {
namespace {

AttemptKey Key(uint64_t job) {
  return {.task = {.job = JobUid(job), .index = 0}, .attempt = AttemptNumber(1)};
}

const absl::Time kStart = absl::FromUnixSeconds(1000);

TEST(Retention, TheTooOldGo) {
  Retention retention({.age = absl::Hours(1), .bytes = Bytes::FromMiB(1)});
  retention.Add(Key(1), kStart, Bytes::FromBytes(10));
  retention.Add(Key(2), kStart + absl::Minutes(30), Bytes::FromBytes(10));
  EXPECT_TRUE(retention.TakeExpired(kStart + absl::Minutes(59)).empty());
  EXPECT_EQ(retention.NextExpiry(), kStart + absl::Hours(1));
  EXPECT_EQ(retention.TakeExpired(kStart + absl::Hours(1)), std::vector<AttemptKey>{Key(1)});
  EXPECT_EQ(retention.bytes(), Bytes::FromBytes(10));
}

TEST(Retention, WhatIsRemovedCountsNoMore) {
  Retention retention({.age = absl::Hours(1), .bytes = Bytes::FromMiB(1)});
  retention.Add(Key(1), kStart, Bytes::FromBytes(10));
  retention.Add(Key(2), kStart, Bytes::FromBytes(5));
  retention.Remove(Key(1));
  retention.Remove(Key(7));
  EXPECT_EQ(retention.bytes(), Bytes::FromBytes(5));
  EXPECT_EQ(retention.attempts(), 1u);
}

TEST(Retention, BeyondTheSizeTheOldestGo) {
  Retention retention({.age = absl::Hours(1), .bytes = Bytes::FromBytes(25)});
  retention.Add(Key(2), kStart + absl::Seconds(1), Bytes::FromBytes(10));
  retention.Add(Key(1), kStart, Bytes::FromBytes(10));
  retention.Add(Key(1), kStart, Bytes::FromBytes(10));  // Twice is once.
  EXPECT_TRUE(retention.TakeExpired(kStart).empty());
  retention.Add(Key(3), kStart + absl::Seconds(2), Bytes::FromBytes(10));
  EXPECT_EQ(retention.TakeExpired(kStart), std::vector<AttemptKey>{Key(1)});
}

TEST(Retention, BeyondTheirNumberToo) {
  Retention retention({.age = absl::Hours(1), .bytes = Bytes::FromMiB(1), .attempts = 2});
  for (uint64_t job = 1; job <= 4; ++job) {
    retention.Add(Key(job), kStart + absl::Seconds(static_cast<int64_t>(job)), Bytes::Zero());
  }
  EXPECT_EQ(retention.TakeExpired(kStart), (std::vector<AttemptKey>{Key(1), Key(2)}));
}

}  // namespace
}  // namespace heliotrope::agent::daemon
