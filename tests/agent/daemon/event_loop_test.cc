#include "agent/daemon/event_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>

#include "scheduler/os/clock.h"

namespace heliotrope::agent::daemon {
namespace {

EventLoop::Hooks Idle() {
  return {.after_batch = [] {}, .deadline = [] { return absl::InfiniteDuration(); }};
}

TEST(EventLoop, RunsInOrder) {
  EventLoop loop;
  std::string seen;
  loop.Post([&] { seen += "a"; });
  loop.Post([&] { seen += "b"; });
  loop.Start(Idle());
  EXPECT_TRUE(loop.Call(absl::Seconds(60), [&] { seen += "c"; }));
  EXPECT_EQ(seen, "abc");
}

TEST(EventLoop, WakesForTimersAndDeadlines) {
  std::promise<void> timer;
  std::promise<void> deadline;
  std::atomic<bool> met{false};
  const absl::Duration due = os::Boottime() + absl::Milliseconds(20);
  EventLoop loop;
  loop.Start({.after_batch =
                  [&] {
                    if (os::Boottime() >= due && !met.exchange(true)) deadline.set_value();
                  },
              .deadline = [&] { return met ? absl::InfiniteDuration() : due; }});
  loop.Post([&] { loop.PostAfter(absl::Milliseconds(10), [&] { timer.set_value(); }); });
  timer.get_future().wait();
  deadline.get_future().wait();
}

TEST(EventLoop, StopRunsWhatWaitsAndDropsTheRest) {
  EventLoop loop;
  std::atomic<int> ran{0};
  loop.Start(Idle());
  loop.Post([&] { ++ran; });
  loop.Stop();
  EXPECT_EQ(ran, 1);
  loop.Post([&] { ++ran; });
  EXPECT_FALSE(loop.Call(absl::Milliseconds(1), [&] { ++ran; }));
  EXPECT_EQ(ran, 1);
}

TEST(EventLoop, ACallThatWasGivenUpNeverRuns) {
  EventLoop loop;
  std::promise<void> release;
  std::promise<void> begun;
  loop.Start(Idle());
  loop.Post([&] {
    begun.set_value();
    release.get_future().wait();
  });
  begun.get_future().wait();
  std::atomic<bool> ran{false};
  EXPECT_FALSE(loop.Call(absl::Milliseconds(5), [&] { ran = true; }));
  release.set_value();
  loop.Stop();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace heliotrope::agent::daemon
