#include "agent/link/heartbeats.h"

#include <gtest/gtest.h>

namespace heliotrope::agent::link {
namespace {

TEST(Heartbeats, TheLeaseCountsFromSending) {
  Heartbeats heartbeats;
  const int64_t first = heartbeats.Send(absl::Seconds(100));
  const int64_t second = heartbeats.Send(absl::Seconds(110));
  EXPECT_EQ(second, first + 1);
  EXPECT_EQ(heartbeats.oldest_unanswered(), absl::Seconds(100));
  // The answer may take its time: it does not matter when it comes.
  EXPECT_EQ(heartbeats.Granted(first, absl::Seconds(60)), absl::Seconds(160));
  EXPECT_EQ(heartbeats.oldest_unanswered(), absl::Seconds(110));
  EXPECT_EQ(heartbeats.Granted(second, absl::Seconds(60)), absl::Seconds(170));
  EXPECT_EQ(heartbeats.oldest_unanswered(), std::nullopt);
}

TEST(Heartbeats, AGrantCountsOnceAndOnlyForWhatWasSent) {
  Heartbeats heartbeats;
  const int64_t sequence = heartbeats.Send(absl::Seconds(100));
  EXPECT_EQ(heartbeats.Granted(sequence + 1, absl::Seconds(60)), std::nullopt);
  EXPECT_EQ(heartbeats.Granted(sequence, absl::Seconds(-1)), std::nullopt);
  EXPECT_TRUE(heartbeats.Granted(sequence, absl::Seconds(60)).has_value());
  EXPECT_EQ(heartbeats.Granted(sequence, absl::Seconds(60)), std::nullopt);
}

TEST(Heartbeats, AnswersOfAnEarlierStreamDoNotCount) {
  Heartbeats heartbeats;
  const int64_t old = heartbeats.Send(absl::Seconds(100));
  heartbeats.Reset();
  EXPECT_GT(heartbeats.Send(absl::Seconds(200)), old);
  EXPECT_EQ(heartbeats.Granted(old, absl::Seconds(60)), std::nullopt);
}

}  // namespace
}  // namespace heliotrope::agent::link
