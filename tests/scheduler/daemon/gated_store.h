// A store whose commits wait for the test, and fail when it says so.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "scheduler/base/mutex.h"
#include "scheduler/store/store.h"

namespace heliotrope::daemon {

// Thread-safe.
class GatedStore : public store::Store {
 public:
  Term term() const override { return Term(7); }
  absl::Status Load(const Each&) override { return absl::OkStatus(); }

  absl::Status Commit(const store::Batch& batch) override {
    MutexLock lock(mutex_);
    ++attempts_;
    ++waiting_;
    changed_.NotifyAll();
    while (closed_) changed_.Wait(mutex_);
    --waiting_;
    if (!failure_.ok()) return failure_;
    batches_.push_back(batch);
    return absl::OkStatus();
  }

  // From now on commits wait, or go on.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  void Open() {
    MutexLock lock(mutex_);
    closed_ = false;
    changed_.NotifyAll();
  }
  // From now on commits fail so; OK: they succeed.
  void FailWith(absl::Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }

  bool IsWaiting() const {
    MutexLock lock(mutex_);
    return waiting_ > 0;
  }
  int attempts() const {
    MutexLock lock(mutex_);
    return attempts_;
  }
  std::vector<store::Batch> batches() const {
    MutexLock lock(mutex_);
    return batches_;
  }
  // Jobs that are durable.
  size_t jobs() const {
    size_t count = 0;
    for (const store::Batch& batch : batches()) {
      for (const store::Record& record : batch.puts) count += record.kind == store::Kind::kJob;
    }
    return count;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  int attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<store::Batch> batches_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heliotrope::daemon
