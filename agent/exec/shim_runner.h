// The AttemptRunner of the daemon: one heliotrope-shim per attempt, which outlives this process.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "agent/exec/attempt_files.h"
#include "agent/exec/attempt_runner.h"
#include "agent/exec/cgroup_tree.h"
#include "agent/exec/shim_process.h"
#include "agent/shim/wish.h"
#include "scheduler/base/mutex.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {

class ShimRunner final : public AttemptRunner {
 public:
  struct Options {
    std::string state_directory;  // Absolute, and open to pass through for the jobs' user.
    std::string shim;             // Path of heliotrope-shim.
    // Null: attempts run in process trees alone. Must outlive the runner.
    const CgroupTree* cgroups = nullptr;
    std::string lease;  // Path of the lease file; empty: no lease is enforced.
    // The machine was started anew: whatever was launched before is gone, whether or not its
    // records have reached the disk.
    bool after_boot = false;
    // Everything of an attempt is dead this long before the lease's deadline.
    absl::Duration kill_margin = absl::Seconds(1);
    int nice = 19;
    bool idle_scheduling = true;
    int oom_score_adj = 500;
    // The exit record is synced before the end is reported. False: when the caller says so, by
    // SyncEnd; a power cut before that turns the end into kLost.
    bool durable_exit = true;
  };

  // Makes `<state_directory>/attempts`. NOT_FOUND when there is no such shim.
  static absl::StatusOr<std::unique_ptr<ShimRunner>> Create(const Options& options,
                                                            EndCallback on_end);
  // Stops watching. The attempts go on.
  ~ShimRunner() override;

  absl::Status Prepare(const AttemptLaunch& launch) override;
  absl::Status Start(const AttemptLaunch& launch) override;
  absl::Status Leave(const AttemptKey& key) override;
  absl::Status Stop(const AttemptKey& key) override;
  absl::Status Kill(const AttemptKey& key) override;
  absl::Status Freeze(const AttemptKey& key) override;
  absl::Status Thaw(const AttemptKey& key) override;
  absl::StatusOr<Adoption> Adopt(const AttemptKey& key) override;
  absl::StatusOr<std::vector<AttemptKey>> List() const override;
  std::vector<AttemptKey> Live() const override;
  absl::StatusOr<absl::Time> StartTime(const AttemptKey& key) const override;
  absl::Status SyncEnd(const AttemptKey& key) const override;
  absl::StatusOr<Usage> UsageOf(const AttemptKey& key) const override;
  Usage TotalUsage() const override;
  absl::Status Remove(const AttemptKey& key) override;
  AttemptPaths PathsOf(const AttemptKey& key) const override;

 private:
  // An attempt that is in some call's hands, or watched, or being cleaned up.
  struct Entry {
    enum class State {
      kReserved,  // A call works on its files: nobody else may.
      kWatched,   // `shim` is alive as far as we know.
      kCleaning,  // The shim is dead, `end` is known; what may be left of the job is being killed.
    };
    State state = State::kReserved;
    ShimProcess shim;
    std::string cgroup;  // Empty: process tree only.
    std::string mark;    // Of the processes (attempt_files.h).
    uint32_t incarnation = 0;
    std::optional<AttemptEnd> end;  // kCleaning.
    uint64_t serial = 0;            // kWatched: names the entry to epoll.
  };

  ShimRunner(const Options& options, EndCallback on_end)
      : options_(options), on_end_(std::move(on_end)) {}

  absl::Status Open();
  absl::Status Tell(const AttemptKey& key, shim::Wish wish);

  // FAILED_PRECONDITION when the attempt has an entry already.
  absl::Status Reserve(const AttemptKey& key);
  void Release(const AttemptKey& key);
  // Puts a reserved key under watch, or into cleaning.
  absl::Status Watch(const AttemptKey& key, Entry entry);

  // These want the key reserved.
  absl::Status CheckNotRunning(const AttemptKey& key) const;
  absl::StatusOr<Entry> Launch(const AttemptLaunch& launch) const;
  absl::StatusOr<Adoption> Discover(const AttemptKey& key, Entry* entry) const;
  absl::StatusOr<Adoption> DiscoverDead(const AttemptPaths& paths, Entry* entry) const;

  void WatchThread();
  // The shim of this entry has ended.
  void HandleEnd(uint64_t serial);
  // One more kill of what is left, for all of cleaning_, and the report for those where nothing is.
  // True when that is all of them.
  bool CleanAll();
  void Finish(const AttemptKey& key);

  const Options options_;
  const EndCallback on_end_;
  os::UniqueFd epoll_;
  os::UniqueFd wake_;  // An eventfd: new cleaning work, or the end.
  os::UniqueFd null_;  // /dev/null, for the shims' standard streams.
  std::atomic<bool> stopping_{false};

  mutable Mutex mutex_;
  std::map<AttemptKey, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, AttemptKey> by_serial_ ABSL_GUARDED_BY(mutex_);
  uint64_t last_serial_ ABSL_GUARDED_BY(mutex_) = 0;
  // Entries in kCleaning that have their end.
  std::vector<AttemptKey> cleaning_ ABSL_GUARDED_BY(mutex_);
  // Of ended attempts that no cgroup has counted.
  absl::Duration ended_cpu_ ABSL_GUARDED_BY(mutex_);
  // What TotalUsage has returned: it must not go back when a process ends between two looks.
  mutable absl::Duration last_cpu_ ABSL_GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace heliotrope::agent::exec
