#include "agent/link/backoff.h"

#include <gtest/gtest.h>

namespace heliotrope::agent::link {
namespace {

TEST(Backoff, GrowsWithJitterAndResets) {
  Backoff backoff({.initial = absl::Seconds(1), .max = absl::Seconds(8)}, 7);
  for (const double whole : {1.0, 2.0, 4.0, 8.0, 8.0}) {
    const absl::Duration wait = backoff.Next();
    EXPECT_GE(wait, absl::Seconds(whole / 2));
    EXPECT_LE(wait, absl::Seconds(whole));
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Seconds(1));
  for (int i = 0; i < 100; ++i) {
    const absl::Duration slow = backoff.NextSlow();
    EXPECT_GE(slow, absl::Seconds(5));
    EXPECT_LE(slow, absl::Seconds(30));
  }
}

}  // namespace
}  // namespace heliotrope::agent::link
