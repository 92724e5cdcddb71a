// The commit thread: takes what the core thread has made in one go, makes it durable, and only then
// lets the answers and effects out (persist, then send; Promise 1).
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/mutex.h"
#include "scheduler/core/effect.h"
#include "scheduler/daemon/batch.h"
#include "scheduler/store/store.h"

namespace heliotrope::daemon {

struct CommitterHooks {
  // Where effects go.
  std::function<void(std::vector<core::Effect>)> effects;
  // There is room for another unit.
  std::function<void()> ready;
  // After each write that was tried.
  std::function<void(absl::Duration, const absl::Status&)> attempted;
  // The store has ceased to take writes, or takes them again. Not for each attempt.
  std::function<void(const absl::Status&)> health;
  // An error that no retry mends: DATA_LOSS, another writer, a mistake of ours. Must not return in
  // production; what it had to commit is then neither written nor answered.
  std::function<void(const absl::Status&)> fatal;
};

// Thread-safe, except that one thread alone calls Add.
class Committer {
 public:
  // Backoff between attempts while the store cannot write.
  static constexpr absl::Duration kFirstRetry = absl::Milliseconds(100);
  static constexpr absl::Duration kLongestRetry = absl::Seconds(5);
  // Units that are written or wait: the next one is made while one is written.
  static constexpr size_t kMaxUnits = 2;

  Committer(store::Store& store, CommitterHooks hooks) : store_(store), hooks_(std::move(hooks)) {}
  ~Committer();

  void Start();

  // Whether there is room for another unit.
  bool Ready() const;
  // Whether nothing is written, waits or is being released.
  bool Idle() const;
  // REQUIRES: Ready().
  void Add(CommitUnit unit);

  // From now on an attempt that fails is the last: what waits is given up.
  void StopRetrying();
  // Commits what was added and ends the thread. The error of what had to be given up.
  absl::Status Finish();

 private:
  void Run();
  absl::Status Write(const store::Batch& batch);
  absl::Status WriteWithRetries(const store::Batch& batch);
  // False when retrying is over.
  bool WaitToRetry(absl::Duration backoff);
  void SetHealth(const absl::Status& status);

  store::Store& store_;
  const CommitterHooks hooks_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<CommitUnit> units_ ABSL_GUARDED_BY(mutex_);  // The first is being worked on.
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  bool retrying_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Status given_up_;  // Commit thread, then after its end.
  absl::Status health_;    // Commit thread only.
  std::thread thread_;
};

}  // namespace heliotrope::daemon
