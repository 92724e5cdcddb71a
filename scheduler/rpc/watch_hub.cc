#include "scheduler/rpc/watch_hub.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/rpc/view.h"
#include "scheduler/wire/status.h"

namespace heliotrope::rpc {

namespace {

// Jobs that are looked up in one visit to the core.
constexpr size_t kJobsPerVisit = 64;
// Decisions that are kept.
constexpr size_t kMaxDecisions = 10'000;
// Decisions that wait for a slow reader; beyond it the stream ends.
constexpr size_t kMaxQueuedDecisions = 10'000;

grpc::Status Stopping() {
  return wire::ToGrpc(Unavailable("STOPPING", "the scheduler is stopping: watch again"));
}

}  // namespace

// One stream: at any time it looks (a query is out), writes, or idles. Kept alive by the hub until
// OnDone, and by the callbacks that are out.
class JobWatcher final : public grpc::ServerWriteReactor<v1::WatchJobsResponse>,
                         public std::enable_shared_from_this<JobWatcher> {
 public:
  JobWatcher(JobWatchHub& hub, const v1::WatchJobsRequest& request)
      : hub_(hub), request_(request), all_(request.names().empty()) {}

  void Start() {
    if (request_.names_size() > kMaxPageSize) {
      End(wire::ToGrpc(InvalidField(
          "names", absl::StrCat(request_.names_size(), " names: watch at most ", kMaxPageSize))));
      return;
    }
    {
      MutexLock lock(mutex_);
      busy_ = true;
    }
    auto self = shared_from_this();
    auto outcome = std::make_shared<absl::Status>();
    hub_.core_.Query(
        [self, outcome](const core::Machine& machine) { *outcome = self->Resolve(machine); },
        [self, outcome](const absl::Status& status) {
          self->Looked(status.ok() ? *outcome : status);
        });
  }

  void Changed(JobUid uid) {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (all_ || names_.contains(uid)) dirty_.insert(uid);
    });
  }

  // The stream finishes at once or, if a write or a look is out, when that has come back.
  void End(const grpc::Status& status) {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (!end_) end_ = status;
    });
  }

  void OnWriteDone(bool ok) override {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      outgoing_.pop_front();
      busy_ = false;
      if (!ok && !end_) end_ = grpc::Status::CANCELLED;
    });
  }
  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override { hub_.Remove(this); }

 private:
  // On the core thread.
  absl::Status Resolve(const core::Machine& machine) {
    MutexLock lock(mutex_);
    for (const std::string& name : request_.names()) {
      const auto id = ParseJobName(name);
      if (!id.ok()) return id.status();
      const core::Job* job = machine.FindJob(*id);
      if (job == nullptr) return NotFound("job", name);
      names_.insert(job->uid);
    }
    if (all_) {
      for (const auto& [uid, job] : machine.jobs()) {
        if (!job->Ended()) dirty_.insert(uid);
      }
    } else {
      dirty_ = names_;
    }
    unended_ = names_;
    return absl::OkStatus();
  }

  // Changes the state by `change` and then does the next thing, if there is one to do.
  template <class Change>
  void Go(Change change) {
    enum class Next { kNothing, kWrite, kLook, kFinish } next = Next::kNothing;
    const v1::WatchJobsResponse* message = nullptr;
    std::vector<JobUid> look_at;
    grpc::Status end;
    {
      MutexLock lock(mutex_);
      change();
      if (finished_ || busy_) return;
      if (end_) {
        next = Next::kFinish;
      } else if (!outgoing_.empty()) {
        next = Next::kWrite;
        message = &outgoing_.front();
      } else if (!dirty_.empty()) {
        next = Next::kLook;
        while (!dirty_.empty() && look_at.size() < kJobsPerVisit) {
          look_at.push_back(*dirty_.begin());
          dirty_.erase(dirty_.begin());
        }
      } else if (!all_ && unended_.empty()) {
        next = Next::kFinish;
        end_ = grpc::Status::OK;
      }
      busy_ = next != Next::kNothing;
      finished_ = next == Next::kFinish;
      if (finished_) end = *end_;
    }
    switch (next) {
      case Next::kNothing:
        break;
      case Next::kWrite:
        StartWrite(message);
        break;
      case Next::kLook:
        Look(std::move(look_at));
        break;
      case Next::kFinish:
        Finish(end);
        break;
    }
  }

  void Look(std::vector<JobUid> uids) {
    auto self = shared_from_this();
    hub_.core_.Query(
        [self, uids = std::move(uids)](const core::Machine& machine) {
          for (const JobUid uid : uids) {
            if (const core::Job* job = machine.FindJob(uid)) {
              self->Show(machine, *job);
            } else {
              self->Forget(uid);
            }
          }
        },
        [self](const absl::Status& status) { self->Looked(status); });
  }

  void Looked(const absl::Status& status) {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      busy_ = false;
      if (!status.ok() && !end_) end_ = wire::ToGrpc(status);
    });
  }

  // What a watcher has shown of a job's tasks.
  struct Seen {
    std::vector<uint64_t> marks;  // By task; 0: nothing yet.
    uint32_t next = 0;            // Where the next look begins.
  };

  // Changes whenever something of the task changes that a watcher is shown.
  static uint64_t MarkOf(const model::Task& task) {
    return uint64_t{task.attempt.value()} << 32 | static_cast<uint64_t>(task.reason) << 16 |
           static_cast<uint64_t>(task.phase) << 8 | (static_cast<uint64_t>(task.state) + 1);
  }

  // Adds the tasks that have changed, a page of them at most; the next look goes on behind the last.
  // Returns whether all were looked at. On the core thread.
  bool ShowTasks(const core::Machine& machine, const core::Job& job,
                 v1::WatchJobsResponse& message) {
    Seen& seen = seen_[job.uid];
    seen.marks.resize(job.tasks.size());
    const uint32_t begin = seen.next;
    for (uint32_t i = 0; i < job.tasks.size(); ++i) {
      const uint32_t index = (begin + i) % static_cast<uint32_t>(job.tasks.size());
      const uint64_t mark = MarkOf(job.tasks[index]);
      if (seen.marks[index] == mark) continue;
      if (message.tasks_size() >= kMaxPageSize) {
        seen.next = index;
        return false;
      }
      seen.marks[index] = mark;
      FillTask(machine, job, index, *message.add_tasks());
    }
    return true;
  }

  // On the core thread.
  void Show(const core::Machine& machine, const core::Job& job) {
    v1::WatchJobsResponse message;
    FillJob(machine, job, *message.mutable_job());
    const bool all_shown = !request_.include_tasks() || ShowTasks(machine, job, message);
    const bool ended = job.Ended() && all_shown;
    if (ended) seen_.erase(job.uid);
    MutexLock lock(mutex_);
    outgoing_.push_back(std::move(message));
    if (!all_shown) dirty_.insert(job.uid);
    if (ended) unended_.erase(job.uid);
  }

  // A job whose retention has passed: nothing more will come of it. On the core thread.
  void Forget(JobUid uid) {
    seen_.erase(uid);
    MutexLock lock(mutex_);
    unended_.erase(uid);
  }

  JobWatchHub& hub_;
  const v1::WatchJobsRequest request_;
  const bool all_;
  std::map<JobUid, Seen> seen_;  // Core thread only.
  Mutex mutex_;
  std::set<JobUid> names_ ABSL_GUARDED_BY(mutex_);
  std::set<JobUid> unended_ ABSL_GUARDED_BY(mutex_);
  std::set<JobUid> dirty_ ABSL_GUARDED_BY(mutex_);
  std::deque<v1::WatchJobsResponse> outgoing_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // A write or a look is out.
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);  // How it is to end.
};

JobWatchHub::~JobWatchHub() = default;

grpc::ServerWriteReactor<v1::WatchJobsResponse>* JobWatchHub::Watch(
    const v1::WatchJobsRequest& request) {
  auto watcher = std::make_shared<JobWatcher>(*this, request);
  bool refused = false;
  bool full = false;
  {
    MutexLock lock(mutex_);
    full = watchers_.size() >= static_cast<size_t>(kMaxWatchers);
    refused = stopped_ || full;
    watchers_.insert(watcher);
  }
  if (full) {
    watcher->End(wire::ToGrpc(ResourceExhausted(
        "TOO_MANY_WATCHERS", absl::StrCat(kMaxWatchers, " streams are open: close one"))));
  } else if (refused) {
    watcher->End(Stopping());
  } else {
    watcher->Start();
  }
  return watcher.get();
}

void JobWatchHub::OnJobChanged(JobUid uid) {
  std::vector<std::shared_ptr<JobWatcher>> watchers;
  {
    MutexLock lock(mutex_);
    watchers.assign(watchers_.begin(), watchers_.end());
  }
  for (const auto& watcher : watchers) watcher->Changed(uid);
}

void JobWatchHub::Stop() {
  std::vector<std::shared_ptr<JobWatcher>> watchers;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    watchers.assign(watchers_.begin(), watchers_.end());
  }
  for (const auto& watcher : watchers) watcher->End(Stopping());
}

void JobWatchHub::Remove(JobWatcher* watcher) {
  std::shared_ptr<JobWatcher> last;  // Dies after the lock.
  MutexLock lock(mutex_);
  for (auto it = watchers_.begin(); it != watchers_.end(); ++it) {
    if (it->get() != watcher) continue;
    last = *it;
    watchers_.erase(it);
    return;
  }
}

class DecisionWatcher final : public grpc::ServerWriteReactor<v1::WatchDecisionsResponse> {
 public:
  explicit DecisionWatcher(DecisionLog& log) : log_(log) {}

  void Add(const v1::Decision& decision) {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (outgoing_.size() < kMaxQueuedDecisions) {
        *outgoing_.emplace_back().mutable_decision() = decision;
      } else if (!end_) {
        end_ = wire::ToGrpc(ResourceExhausted("SLOW_READER", "too slow: list what was missed"));
      }
    });
  }

  void End(const grpc::Status& status) {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      if (!end_) end_ = status;
    });
  }

  void OnWriteDone(bool ok) override {
    Go([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      outgoing_.pop_front();
      writing_ = false;
      if (!ok && !end_) end_ = grpc::Status::CANCELLED;
    });
  }
  void OnCancel() override { End(grpc::Status::CANCELLED); }
  void OnDone() override { log_.Remove(this); }

 private:
  template <class Change>
  void Go(Change change) {
    const v1::WatchDecisionsResponse* message = nullptr;
    std::optional<grpc::Status> end;
    {
      MutexLock lock(mutex_);
      change();
      if (finished_ || writing_) return;
      if (end_) {
        finished_ = true;
        end = end_;
      } else if (!outgoing_.empty()) {
        writing_ = true;
        message = &outgoing_.front();  // Stays in place until its write is done.
      }
    }
    if (end) {
      Finish(*end);
    } else if (message != nullptr) {
      StartWrite(message);
    }
  }

  DecisionLog& log_;
  Mutex mutex_;
  std::deque<v1::WatchDecisionsResponse> outgoing_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);
};

DecisionLog::~DecisionLog() = default;

void DecisionLog::Add(const core::Decision& decision) {
  v1::Decision proto;
  FillDecision(decision, proto);
  std::vector<std::shared_ptr<DecisionWatcher>> watchers;
  {
    MutexLock lock(mutex_);
    proto.set_sequence(next_sequence_++);
    decisions_.push_back(proto);
    if (decisions_.size() > kMaxDecisions) decisions_.pop_front();
    watchers.assign(watchers_.begin(), watchers_.end());
  }
  for (const auto& watcher : watchers) watcher->Add(proto);
}

std::vector<v1::Decision> DecisionLog::After(int64_t sequence, size_t limit) {
  std::vector<v1::Decision> found;
  MutexLock lock(mutex_);
  if (decisions_.empty()) return found;
  const int64_t first = decisions_.front().sequence();
  size_t at = sequence < first ? 0 : static_cast<size_t>(sequence - first + 1);
  for (; at < decisions_.size() && found.size() < limit; ++at) found.push_back(decisions_[at]);
  return found;
}

grpc::ServerWriteReactor<v1::WatchDecisionsResponse>* DecisionLog::Watch() {
  auto watcher = std::make_shared<DecisionWatcher>(*this);
  bool refused = false;
  {
    MutexLock lock(mutex_);
    refused = stopped_ || watchers_.size() >= static_cast<size_t>(kMaxWatchers);
    watchers_.insert(watcher);
  }
  if (refused) watcher->End(Stopping());
  return watcher.get();
}

void DecisionLog::Stop() {
  std::vector<std::shared_ptr<DecisionWatcher>> watchers;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    watchers.assign(watchers_.begin(), watchers_.end());
  }
  for (const auto& watcher : watchers) watcher->End(Stopping());
}

void DecisionLog::Remove(DecisionWatcher* watcher) {
  std::shared_ptr<DecisionWatcher> last;
  MutexLock lock(mutex_);
  for (auto it = watchers_.begin(); it != watchers_.end(); ++it) {
    if (it->get() != watcher) continue;
    last = *it;
    watchers_.erase(it);
    return;
  }
}

}  // namespace heliotrope::rpc
