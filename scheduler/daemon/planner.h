// The planner thread: computes plans on a snapshot beside the core and hands them in as advice,
// which the core checks again.
#pragma once

#include <thread>

#include "absl/base/thread_annotations.h"
#include "scheduler/base/mutex.h"
#include "scheduler/daemon/core_loop.h"
#include "scheduler/daemon/metrics.h"

namespace heliotrope::daemon {

// Thread-safe.
class Planner {
 public:
  Planner(CoreLoop& core, Metrics& metrics) : core_(core), metrics_(metrics) {}
  ~Planner() { Stop(); }

  void Start();

  // A plan is wanted. Wishes that come while one is made become one.
  void Want();

  // Ends the thread after the plan that it is making, if any. Before the core loop stops.
  void Stop();

 private:
  void Run();
  // False when it is time to end.
  bool WaitForWish();
  void Pause(absl::Duration duration);
  absl::Duration PlanOnce();

  CoreLoop& core_;
  Metrics& metrics_;
  Mutex mutex_;
  CondVar changed_;
  bool wanted_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace heliotrope::daemon
