#include "scheduler/base/mutex.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace heliotrope {
namespace {

struct Counter {
  Mutex mutex;
  CondVar changed;
  int value ABSL_GUARDED_BY(mutex) = 0;
};

TEST(MutexTest, OneThreadAtATime) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&counter] {
      for (int n = 0; n < 1000; ++n) {
        MutexLock lock(counter.mutex);
        ++counter.value;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  MutexLock lock(counter.mutex);
  EXPECT_EQ(counter.value, 4000);
}

TEST(MutexTest, TryLockFailsWhileAnotherHoldsIt) {
  Mutex mutex;
  mutex.Lock();
  std::thread other([&mutex] {
    const bool got = mutex.TryLock();
    EXPECT_FALSE(got);
    if (got) mutex.Unlock();
  });
  other.join();
  mutex.Unlock();
}

TEST(CondVarTest, AWaiterSeesWhatTheNotifierWrote) {
  Counter counter;
  std::thread other([&counter] {
    MutexLock lock(counter.mutex);
    counter.value = 7;
    counter.changed.NotifyAll();
  });
  {
    MutexLock lock(counter.mutex);
    while (counter.value == 0) counter.changed.Wait(counter.mutex);
    EXPECT_EQ(counter.value, 7);
  }
  other.join();
}

TEST(CondVarTest, ATimeThatIsOverReturnsAtOnceAndHoldsTheMutex) {
  Counter counter;
  MutexLock lock(counter.mutex);
  EXPECT_FALSE(counter.changed.WaitFor(counter.mutex, absl::ZeroDuration()));
  EXPECT_FALSE(counter.changed.WaitFor(counter.mutex, -absl::InfiniteDuration()));
  counter.value = 1;
}

TEST(CondVarTest, AnInfiniteTimeIsLong) {
  Counter counter;
  std::thread other([&counter] {
    MutexLock lock(counter.mutex);
    counter.value = 1;
    counter.changed.NotifyOne();
  });
  {
    MutexLock lock(counter.mutex);
    while (counter.value == 0) {
      EXPECT_TRUE(counter.changed.WaitFor(counter.mutex, absl::InfiniteDuration()));
    }
  }
  other.join();
}

}  // namespace
}  // namespace heliotrope
