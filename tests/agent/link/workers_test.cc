#include "agent/link/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace heliotrope::agent::link {
namespace {

TEST(Workers, ALaneKeepsItsOrder) {
  Workers workers(4);
  std::vector<int> seen[3];
  std::promise<void> done[3];
  for (int i = 0; i < 500; ++i) {
    for (size_t lane = 0; lane < 3; ++lane) {
      workers.PostTo(std::to_string(lane), [&, lane, i] {
        seen[lane].push_back(i);
        if (i == 499) done[lane].set_value();
      });
    }
  }
  for (size_t lane = 0; lane < 3; ++lane) {
    done[lane].get_future().wait();
    ASSERT_EQ(seen[lane].size(), 500u);
    for (int i = 0; i < 500; ++i) ASSERT_EQ(seen[lane][static_cast<size_t>(i)], i);
  }
}

TEST(Workers, OneLaneDoesNotBlockOthers) {
  Workers workers(2);
  std::promise<void> release;
  std::promise<void> other;
  workers.PostTo("slow", [&] { release.get_future().wait(); });
  workers.PostTo("slow", [] {});
  workers.PostTo("other", [&] { other.set_value(); });
  other.get_future().wait();
  release.set_value();
}

TEST(Workers, StopDropsWhatHasNotBegun) {
  std::atomic<int> ran{0};
  {
    Workers workers(1);
    std::promise<void> begun;
    std::promise<void> release;
    workers.Post([&] {
      begun.set_value();
      release.get_future().wait();
      ++ran;
    });
    workers.Post([&] { ++ran; });
    begun.get_future().wait();
    std::thread stopper([&] { workers.Stop(); });
    release.set_value();
    stopper.join();
    workers.Post([&] { ++ran; });
  }
  EXPECT_GE(ran, 1);
  EXPECT_LE(ran, 2);
}

}  // namespace
}  // namespace heliotrope::agent::link
