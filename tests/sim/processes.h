// The shims of one host and the jobs under them. They outlive the agent, stop their jobs by the
// node's lease on the host's own clock, and leave exit records, as agent/shim does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "absl/time/time.h"
#include "agent/core/effect.h"
#include "agent/core/event.h"
#include "scheduler/base/random.h"
#include "tests/sim/actor.h"
#include "tests/sim/behavior.h"
#include "tests/sim/disk.h"
#include "tests/sim/host_clock.h"
#include "tests/sim/network.h"

namespace heliotrope::faultsim {

struct World;

class Processes : public Actor {
 public:
  // The figures of exec::ShimRunner and exec::AttemptLaunch.
  static constexpr absl::Duration kKillMargin = absl::Seconds(1);
  static constexpr absl::Duration kStopGrace = absl::Seconds(5);

  // An exit record has been written.
  using OnExit = std::function<void(const agent::AttemptKey&, const agent::ExitReport&)>;

  Processes(World& world, HostIndex host, AgentDisk& disk, HostClock& clock, Random random,
            OnExit on_exit);

  // A shim starts: it takes the lease from the node's file, and the job's progress from its folder.
  void Start(const agent::AttemptKey& key, uint32_t incarnation);
  void Steer(const agent::AttemptKey& key, agent::Steer::Wish wish);
  bool Runs(const agent::AttemptKey& key) const { return live_.contains(key); }
  size_t running() const { return live_.size(); }
  // The shim of the `nth` of them, and with it the job. REQUIRES: nth < running().
  void KillShim(size_t nth);

  // The node's lease file: boottime. nullopt: none was granted since the host started.
  std::optional<absl::Duration> lease() const { return lease_; }
  void ExtendLease(absl::Duration deadline);

  void Boot(uint64_t number) {
    boot_ = number;
    Begin();
  }
  // All are gone, without a word.
  void PowerCut();
  void PauseHost();
  void ResumeHost();

 private:
  enum class Phase { kRunning, kLeaving, kStopping };
  struct Process {
    uint32_t incarnation = 0;
    const Behavior* behavior = nullptr;
    absl::Duration grace = absl::ZeroDuration();
    bool outlives_lease = false;
    Phase phase = Phase::kRunning;
    bool frozen = false;
    agent::StopCause cause = agent::StopCause::kNone;
    absl::Time started;
    absl::Duration progress;       // Up to `since`.
    std::optional<Instant> since;  // It goes on from there; nullopt: it stands still.
    absl::Duration kill_at = absl::InfiniteDuration();  // Boottime.
    uint64_t plan = 0;  // What was planned for it under a lower number is void.
  };

  // The lease that its shim counts: of one that outlives it, none.
  std::optional<absl::Duration> LeaseOf(const Process& process) const {
    return process.outlives_lease ? std::nullopt : lease_;
  }
  void Go(Process& process, const agent::AttemptKey& key);
  void Halt(Process& process);
  void Leave(const agent::AttemptKey& key, Process& process, agent::StopCause cause);
  void Stop(const agent::AttemptKey& key, Process& process);
  // By its shim's timer: the lease, the end of a grace.
  void LookAtTime(const agent::AttemptKey& key);
  void Arm(const agent::AttemptKey& key, Process& process);
  void Exit(const agent::AttemptKey& key, agent::ExitReport exit);
  void RunsTo(const agent::AttemptKey& key, uint64_t plan, int exit_code);

  World& world_;
  const HostIndex host_;
  AgentDisk& disk_;
  HostClock& clock_;
  Random random_;
  const OnExit on_exit_;
  uint64_t boot_ = 0;
  std::optional<absl::Duration> lease_;
  std::map<agent::AttemptKey, Process> live_;
};

}  // namespace heliotrope::faultsim
