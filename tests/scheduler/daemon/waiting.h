// Waiting for what another thread does, with a deadline instead of a sleep.
#pragma once

#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/mutex.h"
#include "scheduler/os/clock.h"

namespace heliotrope::daemon {

inline constexpr absl::Duration kPatience = absl::Seconds(20);

// Whether `holds` comes true within kPatience. Looks again and again: for what tells nobody.
template <class Predicate>
bool Eventually(Predicate holds) {
  const absl::Duration end = os::Boottime() + kPatience;
  Mutex mutex;
  CondVar never;
  while (!holds()) {
    if (os::Boottime() > end) return false;
    MutexLock lock(mutex);
    never.WaitFor(mutex, absl::Milliseconds(1));
  }
  return true;
}

// What came, in order. Thread-safe.
template <class T>
class Log {
 public:
  void Add(T value) {
    MutexLock lock(mutex_);
    values_.push_back(std::move(value));
  }
  std::vector<T> All() const {
    MutexLock lock(mutex_);
    return values_;
  }
  size_t size() const {
    MutexLock lock(mutex_);
    return values_.size();
  }

 private:
  mutable Mutex mutex_;
  std::vector<T> values_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heliotrope::daemon
