// The agent's one thread of decisions: runs what is posted to it, in order, and what was timed.
#pragma once

#include <functional>
#include <map>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "scheduler/base/mutex.h"

namespace heliotrope::agent::daemon {

// Thread-safe, but for what says otherwise.
class EventLoop {
 public:
  struct Hooks {
    // After everything that was waiting has run, and whenever a deadline has come. Loop thread.
    std::function<void()> after_batch;
    // CLOCK_BOOTTIME when after_batch is wanted at the latest; infinite when never. Loop thread.
    std::function<absl::Duration()> deadline;
  };

  EventLoop() = default;
  ~EventLoop() { Stop(); }

  void Start(Hooks hooks);
  // Runs what is waiting, then ends. What is posted later is dropped.
  void Stop();

  void Post(std::function<void()> work);
  // Loop thread only: once, so long from now, real time.
  void PostAfter(absl::Duration delay, std::function<void()> work);

  // Runs `work` on the loop thread and waits for it; false when that did not happen within
  // `timeout`: then it never will.
  bool Call(absl::Duration timeout, std::function<void()> work);

 private:
  void Run();
  absl::Duration NextDeadline() const;
  void RunTimers();

  Mutex mutex_;
  CondVar wake_;
  std::vector<std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Hooks hooks_;
  std::multimap<absl::Duration, std::function<void()>> timers_;  // Loop thread only.
  std::thread thread_;
};

}  // namespace heliotrope::agent::daemon
