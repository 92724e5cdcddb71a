// Threads for what blocks: files, processes, other agents.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "scheduler/base/mutex.h"

namespace heliotrope::agent::link {

// Work without a lane runs in any order; work of one lane runs one at a time, in the order it was
// posted. Thread-safe.
class Workers {
 public:
  explicit Workers(size_t threads);
  // Waits for what is running; what has not begun is dropped.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void Post(std::function<void()> work);
  void PostTo(const std::string& lane, std::function<void()> work);

  // No more work is begun. Called by the destructor; earlier when others must not call back any
  // more.
  void Stop();

 private:
  struct Lane {
    std::deque<std::function<void()>> waiting;
    bool running = false;
  };

  void Run();
  void RunLane(const std::string& lane);

  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> ready_ ABSL_GUARDED_BY(mutex_);
  // Only lanes with work.
  std::map<std::string, Lane> lanes_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace heliotrope::agent::link
