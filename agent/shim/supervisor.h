// The shim's one loop: starts the job, moves its output, obeys the agent's wishes and the lease,
// and leaves the exit record when no process of the job is left.
//
//   running ──leave, lease──► leaving ──┐
//      │  └────stop─────────► stopping ─┤ (also from leaving)
//      │                                ▼ grace over, kill, main process gone
//      └──kill, main process gone──► killing ──► nothing left: record, end
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "agent/shim/launch_format.h"
#include "agent/shim/lease_file.h"
#include "agent/shim/log_stream.h"
#include "agent/shim/record_format.h"
#include "agent/shim/spawn.h"
#include "agent/shim/wish.h"

namespace heliotrope::agent::shim {

class Supervisor {
 public:
  // `dir_fd` is the attempt's directory; both must outlive this object.
  Supervisor(int dir_fd, const Launch& launch) : dir_fd_(dir_fd), launch_(launch) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // The whole life of the job. True when its exit record is written.
  // REQUIRES: all signals are blocked.
  bool Supervise();

 private:
  // Ordered: a later one cannot be left for an earlier one.
  enum class Phase { kRunning, kLeaving, kStopping, kKilling };

  bool Prepare();
  bool StartJob();
  void Loop();
  // One poll and what follows from it.
  void Turn();

  void HandleSignals();
  void Reap();
  void Obey(Wish wish);
  void ReadSpawnError();
  void HandleTime();
  // When to wake next, CLOCK_BOOTTIME; INT64_MAX: only for events.
  int64_t NextWake() const;
  void ArmTimer();

  void SetFrozen(bool frozen);
  void Leave(StopCause cause);
  void Stop();
  void BeginKill();
  void KillTree();

  void Fail(const char* step, int error);
  bool WriteStatus();
  bool WriteExit();
  void CollectUsage(ExitRecord* record) const;

  const int dir_fd_;
  const Launch& launch_;
  int cgroup_fd_ = -1;
  int signal_fd_ = -1;
  int timer_fd_ = -1;
  int error_fd_ = -1;
  MappedLease lease_;
  LogStream stdout_;
  LogStream stderr_;

  Phase phase_ = Phase::kRunning;
  bool frozen_ = false;
  pid_t job_pid_ = -1;      // Its number is ours until main_done_: we reap it, nobody else.
  bool main_done_ = false;  // The main process is reaped.
  bool tree_done_ = false;  // No child is left: so no descendant, we being the subreaper.
  int main_status_ = 0;
  int64_t kill_at_ns_ = INT64_MAX;   // kLeaving, kStopping: when grace is over.
  int64_t retry_at_ns_ = INT64_MAX;  // kKilling: when to kill again what has forked meanwhile.
  int64_t retry_after_ns_ = 0;
  int64_t armed_ns_ = 0;
  ExitRecord exit_{};
};

}  // namespace heliotrope::agent::shim
