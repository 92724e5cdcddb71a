// The judges: one for each promise of the design that a history can break. They see what the jobs
// did, what clients were told and what became durable; never what the scheduler believes.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "agent/core/event.h"
#include "scheduler/core/machine.h"
#include "scheduler/model/task.h"
#include "scheduler/store/store.h"
#include "tests/sim/disk.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/network.h"
#include "tests/sim/scheduler_store.h"

namespace heliotrope::faultsim {

struct World;

// A job's process has begun.
struct JobStart {
  agent::AttemptKey key;
  uint32_t incarnation = 0;
  HostIndex host = 0;
  absl::Duration progress;
  const core::StartOrder* start = nullptr;
};

struct Broken {
  std::string promise;
  std::string what;
  Instant when;
};

class Promises {
 public:
  explicit Promises(World& world) : world_(world) {}

  // Notes the first that was broken.
  void Break(std::string promise, std::string what);
  const std::optional<Broken>& broken() const { return broken_; }

  // --- What jobs record ---
  void JobStarted(const JobStart& start);
  void JobEnded(const agent::AttemptKey& key, HostIndex host, const agent::ExitReport& exit);
  void JobGone(const agent::AttemptKey& key, HostIndex host);
  // Its host sleeps, and wakes.
  void JobStandsStill(const agent::AttemptKey& key, HostIndex host);
  void JobGoesOn(const agent::AttemptKey& key, HostIndex host);
  void CheckpointRests(const agent::CheckpointKey& key, HostIndex host,
                       const StoredCheckpoint& stored);
  void DiskEmptied(HostIndex host);
  void Rotted(const agent::CheckpointKey& key, HostIndex host) { rotted_.insert({key, host}); }
  // Its agent has come back with fewer cores.
  void Shrunk(HostIndex host) { untold_.insert(host); }
  // The scheduler knows how large it is.
  void Told(HostIndex host) {
    if (untold_.erase(host) > 0) shrunk_[host] = Now();
  }

  // --- What the scheduler decides and keeps ---
  void Made(const std::vector<core::Effect>& effects);
  void Committed(const store::Batch& batch);
  void Recovered(const core::Image& image);
  void CompareWithStore(const core::Machine& machine, const SchedulerStore& store);
  // The operator has narrowed where some jobs may be.
  void Narrowed() { narrowed_ = Now(); }
  // The scheduler works by this configuration from now on.
  void Configured(const core::FleetConfig& fleet);

  // --- What clients are told ---
  void ToldSubmitted(const std::string& request, JobUid job);
  void ToldCancelled(JobUid job);
  void ToldState(const TaskId& task, model::TaskState state);
  // `version`: what its etag was made of. `contents`: a hash of all else.
  void ToldJob(JobUid job, uint64_t version, uint64_t contents);

  // When all has come to rest: nothing is left of it anywhere.
  void AtRest();

  size_t acknowledged() const { return acknowledged_.size(); }
  size_t attempts() const { return attempts_; }

 private:
  struct Live {
    HostIndex host = 0;
    MilliCores cores;
    AccountId account;
    model::OnDisconnect on_disconnect = model::OnDisconnect::kStop;
    bool still = false;
    bool declared_lost = false;  // An operator has said so.
  };
  struct Best {
    agent::CheckpointKey key;
    absl::Duration progress;
    std::set<HostIndex> holders = {};  // As last committed.
    Instant since;                     // When it was sealed.
  };

  Instant Now() const;
  std::string Name(HostIndex host) const;
  void CheckPolicy(const agent::AttemptKey& key, const agent::ExitReport& exit);
  void CheckAlone(const agent::AttemptKey& key, HostIndex host);
  void CheckCapacity(const agent::AttemptKey& started, HostIndex host);
  void CheckQuota(const agent::AttemptKey& started);
  std::optional<MilliCores> QuotaSince(const AccountId& account, Instant since) const;
  void ForgetWhatWasLost(const JobStart& start);
  void CheckProgress(const JobStart& start);
  void CheckResidency(const model::JobSpec& spec, HostIndex host, const std::string& what);
  bool Excused(const Best& best) const;
  void CheckFurthest(const JobStart& start, const Best& best);
  std::optional<Best> BestOf(const std::optional<model::Checkpoint>& checkpoint);
  void NoteTask(const store::Record& record);

  World& world_;
  std::optional<Broken> broken_;
  size_t attempts_ = 0;
  std::map<TaskId, std::map<agent::AttemptKey, Live>> live_;
  std::set<TaskId> finished_;  // A job of it has exited with 0.
  struct Sealed {
    absl::Duration progress;
    Instant when;
  };
  std::map<agent::CheckpointKey, Sealed> sealed_;
  std::map<TaskId, Best> best_;        // The furthest checkpoint that is durable as the newest,
  std::map<TaskId, Best> second_;      // and the one before, while it is durable beside it.
  std::map<HostIndex, Instant> lost_;  // When its lease was last given up, or its disk emptied.
  std::set<std::pair<agent::CheckpointKey, HostIndex>> rotted_;
  std::map<HostIndex, Instant> shrunk_;
  std::set<HostIndex> untold_;                          // Smaller, and the scheduler has not heard.
  std::map<agent::AttemptKey, Instant> first_ordered_;  // Starts.
  struct Quotas {
    Instant from;
    std::map<AccountId, MilliCores> most;
  };
  std::vector<Quotas> quotas_;  // In the order of time.
  Instant narrowed_ = -absl::InfiniteDuration();
  std::map<std::string, JobUid> acknowledged_;  // By request id.
  std::set<JobUid> cancelled_;
  std::map<TaskId, model::TaskState> told_;
  std::map<JobUid, std::pair<uint64_t, uint64_t>> told_jobs_;  // Newest version, its contents.
};

}  // namespace heliotrope::faultsim
