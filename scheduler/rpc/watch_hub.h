// Watch streams. Level-triggered: a stream is told that a job has changed, and sends what the job
// is when the stream is ready for it. So a slow reader misses steps in between, never the last
// state.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "heliotrope/v1/plan.grpc.pb.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/mutex.h"
#include "scheduler/rpc/core_port.h"

namespace heliotrope::rpc {

class JobWatcher;
class DecisionWatcher;

// Thread-safe.
class JobWatchHub {
 public:
  explicit JobWatchHub(CorePort& core) : core_(core) {}
  ~JobWatchHub();

  grpc::ServerWriteReactor<v1::WatchJobsResponse>* Watch(const v1::WatchJobsRequest& request);
  void OnJobChanged(JobUid uid);
  // Ends every stream, and every one that is still opened, with UNAVAILABLE.
  void Stop();

 private:
  friend class JobWatcher;
  void Remove(JobWatcher* watcher);

  CorePort& core_;
  Mutex mutex_;
  std::set<std::shared_ptr<JobWatcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// The newest decisions, and who wants each as it is made. Thread-safe.
class DecisionLog {
 public:
  ~DecisionLog();

  void Add(const core::Decision& decision);
  // From the one after `sequence`, oldest first.
  std::vector<v1::Decision> After(int64_t sequence, size_t limit);
  grpc::ServerWriteReactor<v1::WatchDecisionsResponse>* Watch();
  void Stop();

 private:
  friend class DecisionWatcher;
  void Remove(DecisionWatcher* watcher);

  Mutex mutex_;
  std::deque<v1::Decision> decisions_ ABSL_GUARDED_BY(mutex_);
  int64_t next_sequence_ ABSL_GUARDED_BY(mutex_) = 1;
  std::set<std::shared_ptr<DecisionWatcher>> watchers_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace heliotrope::rpc
