// What the core knows. Plain values; only Machine changes them.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "scheduler/core/command.h"
#include "scheduler/core/coverage.h"
#include "scheduler/curve/arrivals.h"
#include "scheduler/curve/durations.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/model/task.h"

namespace heliotrope::core {

struct TaskCounts {
  uint32_t pending = 0;
  uint32_t assigned = 0;
  uint32_t running = 0;
  uint32_t checkpointing = 0;
  uint32_t succeeded = 0;
  uint32_t failed = 0;
  uint32_t cancelled = 0;

  uint32_t& Of(model::TaskState state);
  uint32_t Ended() const { return succeeded + failed + cancelled; }
};

enum class JobState : unsigned char { kPending, kRunning, kSucceeded, kFailed, kCancelled };

struct Job {
  JobUid uid;
  JobId id;
  std::shared_ptr<const model::JobSpec> spec;
  absl::Time create_time;
  bool cancel_requested = false;
  bool started = false;  // Some task has been assigned once. Derived on recovery.
  absl::Time end_time = absl::InfiniteFuture();  // InfiniteFuture: not ended.
  uint64_t version = 0;                          // Grows with each change of the job or a task.
  std::vector<model::Task> tasks;
  TaskCounts counts;  // Invariant: the sum is tasks.size().

  JobState State() const;
  bool Ended() const { return end_time != absl::InfiniteFuture(); }
};

// The answer to a request id, for its retention.
struct Request {
  JobUid job;
  uint64_t fingerprint = 0;
  absl::Time expire_time;
};

struct Node {
  // Durable.
  NodeId id;
  std::string instance;
  std::string version;
  DataCenterId data_center;
  model::Resources capacity;
  std::string address;
  bool drained = false;
  // Of this process's life.
  bool connected = false;
  bool lost = false;  // Its lease has expired.
  uint64_t session = 0;
  absl::Time lease_expires = absl::InfinitePast();
  model::Resources foreground;
  // Invariant: the sum of the requests of `tasks` and `reserved`.
  model::Resources batch;
  MilliCores pinned;                 // The part of batch.cores that cannot leave before it ends.
  absl::btree_set<TaskId> tasks;     // Whose live attempt is here.
  absl::btree_set<TaskId> reserved;  // Whose move is to come here.
  absl::btree_set<model::CheckpointKey> checkpoints;  // Of tasks that go on: held, as last known.
};

// What makes waiting tasks alike to the planner.
struct ClassKey {
  static constexpr int64_t kNoDeadline = std::numeric_limits<int64_t>::max();

  int64_t milli_cores = 0;
  int64_t memory_bytes = 0;
  int64_t remaining_seconds = 0;  // Rounded up to a few per cent.
  int64_t high_seconds = 0;       // The same of what it may take at most,
  int64_t pressing_seconds = 0;   // and of when its deadline presses.
  int64_t deadline_seconds = 0;   // Rounded down, or kNoDeadline.
  int priority = 0;
  bool checkpointable = false;
  uint64_t allowed = 0;
  std::string account;
  std::string home;
  std::string checkpoint_at;

  friend auto operator<=>(const ClassKey&, const ClassKey&) = default;
};

struct ClassQueue {
  uint64_t id = 0;
  absl::btree_set<TaskId> tasks;  // In order of submission.
  absl::Time oldest;
  absl::Duration move_pause;
  absl::Duration restore_pause;
};

// That tasks will probably end after their deadline. Of a running task, or of the waiting tasks of a
// class from `first` on, which come last. Not durable: the next plan finds it again.
struct ExpectedLate {
  absl::Time since;  // When this process first foresaw it.
  TaskId first;
  absl::Time deadline;  // Of the job of `first`, as its owner knows it.
  int64_t tasks = 1;
  double chance = 0;  // To be in time after all, at most; as of the last plan, as the rest.
  bool told = false;  // A decision was made of it, so that its end is to be told, too.
  model::Reason reason = model::Reason::kNone;
  std::string detail;  // What stands in the way, with its values.
};

// What is to be made durable: keys only; whoever encodes reads the values from the machine.
struct Changes {
  bool meta = false;
  std::set<JobUid> jobs;
  std::set<JobUid> removed_jobs;  // With all their tasks.
  std::set<TaskId> tasks;
  std::set<NodeId> nodes;
  std::set<RequestId> requests;
  std::set<RequestId> removed_requests;
  std::vector<std::pair<DataCenterId, curve::Bin>> bins;
  std::set<DataCenterId> curves;  // Whole state; supersedes the bins before it.
  std::set<AccountId> arrivals;
  std::set<AccountId> removed_arrivals;
  std::set<std::string> durations;  // Keys of curve::Durations.
  std::set<std::string> removed_durations;

  bool Empty() const;
};

// What recovery brings: all that was durable.
struct Image {
  JobUid next_uid{1};
  absl::Time last_now = absl::InfinitePast();
  std::vector<Job> jobs;  // Tasks filled in; counts are recomputed.
  std::map<RequestId, Request> requests;
  std::vector<Node> nodes;
  std::map<DataCenterId, curve::ForecasterState> curves;
  std::map<DataCenterId, CoverageState> coverage;  // Written with the curve.
  std::map<AccountId, curve::ArrivalState> arrivals;
  std::map<std::string, curve::DurationState> durations;  // By key of curve::Durations.
  std::map<DataCenterId, std::vector<curve::Bin>> bins;   // After the state, oldest first.
};

}  // namespace heliotrope::core
