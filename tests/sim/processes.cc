#include "tests/sim/processes.h"

#include <utility>
#include <vector>

#include "scheduler/base/check.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr int kCheckpointed = 85;
constexpr int kKilled = 9;
constexpr int kTerminated = 15;
constexpr int kFails = 3;

}  // namespace

Processes::Processes(World& world, HostIndex host, AgentDisk& disk, HostClock& clock, Random random,
                     OnExit on_exit)
    : Actor(world.queue),
      world_(world),
      host_(host),
      disk_(disk),
      clock_(clock),
      random_(random),
      on_exit_(std::move(on_exit)) {}

void Processes::ExtendLease(absl::Duration deadline) {
  if (!lease_ || *lease_ < deadline) lease_ = deadline;
}

void Processes::Start(const agent::AttemptKey& key, uint32_t incarnation) {
  HT_CHECK(!live_.contains(key));
  AttemptFolder& folder = disk_.attempts.at(key);
  folder.launched = incarnation;
  folder.started = false;
  folder.synced = false;
  folder.exit.reset();
  const core::StartOrder& start = folder.order->start;
  Process process;
  process.incarnation = incarnation;
  process.behavior = &world_.BehaviorOf(*start.spec);
  if (start.spec->checkpoint) process.grace = start.spec->checkpoint->grace;
  process.started = clock_.Wall(now());
  process.outlives_lease = start.spec->on_disconnect == model::OnDisconnect::kContinue;
  const auto lease = LeaseOf(process);
  if (lease && clock_.Boottime(now()) >= *lease - kKillMargin - process.grace) {
    // A lease that is over comes before the first process.
    world_.trace.Add(now(), "shim", "not started: lease over", key);
    Exit(key, {.incarnation = incarnation,
               .kind = agent::ExitKind::kFailedToStart,
               .cause = agent::StopCause::kLeaseExpired,
               .ended = process.started,
               .error = "stopped before the start"});
    return;
  }
  folder.started = true;
  folder.started_time = process.started;
  folder.started_boot = boot_;
  process.progress = folder.saved.value_or(absl::ZeroDuration());
  world_.trace.Add(now(), "job", "starts", key, incarnation, "on", host_, "at", process.progress);
  Process& kept = live_[key] = process;
  world_.promises.JobStarted({.key = key,
                              .incarnation = incarnation,
                              .host = host_,
                              .progress = process.progress,
                              .start = &start});
  Go(kept, key);
  Arm(key, kept);
}

void Processes::Go(Process& process, const agent::AttemptKey& key) {
  process.since = now();
  const Behavior& behavior = *process.behavior;
  const bool fails = key.attempt.value() <= behavior.failing_attempts;
  const absl::Duration until = fails ? behavior.work / 2 : behavior.work;
  const absl::Duration left = std::max(until - process.progress, absl::Milliseconds(1));
  After(left, [this, key, plan = ++process.plan, fails] { RunsTo(key, plan, fails ? kFails : 0); });
}

void Processes::Halt(Process& process) {
  if (!process.since) return;
  process.progress += now() - *process.since;
  process.since.reset();
  ++process.plan;
}

void Processes::RunsTo(const agent::AttemptKey& key, uint64_t plan, int exit_code) {
  const auto found = live_.find(key);
  if (found == live_.end() || found->second.plan != plan) return;
  Halt(found->second);
  Exit(key, {.incarnation = found->second.incarnation,
             .kind = agent::ExitKind::kExited,
             .code = exit_code,
             .cause = found->second.cause,
             .started = found->second.started,
             .ended = clock_.Wall(now())});
}

void Processes::Steer(const agent::AttemptKey& key, agent::Steer::Wish wish) {
  const auto found = live_.find(key);
  if (found == live_.end()) return;
  Process& process = found->second;
  switch (wish) {
    case agent::Steer::Wish::kRun:
    case agent::Steer::Wish::kFreeze: {
      if (process.phase != Phase::kRunning) return;
      const bool freeze = wish == agent::Steer::Wish::kFreeze;
      if (freeze == process.frozen) return;
      process.frozen = freeze;
      if (freeze) {
        Halt(process);
      } else {
        Go(process, key);
      }
      return;
    }
    case agent::Steer::Wish::kLeave:
      Leave(key, process, agent::StopCause::kLeave);
      return;
    case agent::Steer::Wish::kStop:
      Stop(key, process);
      return;
  }
}

void Processes::Leave(const agent::AttemptKey& key, Process& process, agent::StopCause cause) {
  if (process.phase != Phase::kRunning) return;
  Halt(process);
  process.phase = Phase::kLeaving;
  process.cause = cause;
  process.kill_at = clock_.Boottime(now()) + process.grace;
  const uint64_t plan = ++process.plan;
  const bool saves = process.behavior->saves;
  if (!saves || !random_.Chance(process.behavior->stubborn)) {
    After(saves ? process.behavior->save_time : absl::Milliseconds(20), [this, key, plan, saves] {
      const auto found = live_.find(key);
      if (found == live_.end() || found->second.plan != plan) return;
      agent::ExitReport exit{.incarnation = found->second.incarnation,
                             .kind = saves ? agent::ExitKind::kExited : agent::ExitKind::kSignaled,
                             .code = saves ? kCheckpointed : 0,
                             .signal = saves ? 0 : kTerminated,
                             .cause = found->second.cause,
                             .checkpointed = saves,
                             .started = found->second.started,
                             .ended = clock_.Wall(now())};
      if (saves) disk_.attempts.at(key).saved = found->second.progress;
      Exit(key, exit);
    });
  }
  Arm(key, process);
}

void Processes::Stop(const agent::AttemptKey& key, Process& process) {
  if (process.phase == Phase::kStopping) return;
  Halt(process);
  process.phase = Phase::kStopping;
  process.cause = agent::StopCause::kStop;
  process.kill_at = std::min(process.kill_at, clock_.Boottime(now()) + kStopGrace);
  const absl::Duration takes = random_.Chance(0.8) ? absl::Milliseconds(30) : 2 * kStopGrace;
  After(takes, [this, key, plan = ++process.plan] {
    const auto found = live_.find(key);
    if (found == live_.end() || found->second.plan != plan) return;
    Exit(key, {.incarnation = found->second.incarnation,
               .kind = agent::ExitKind::kSignaled,
               .signal = kTerminated,
               .cause = agent::StopCause::kStop,
               .started = found->second.started,
               .ended = clock_.Wall(now())});
  });
  Arm(key, process);
}

void Processes::LookAtTime(const agent::AttemptKey& key) {
  const auto found = live_.find(key);
  if (found == live_.end()) return;
  Process& process = found->second;
  const absl::Duration boottime = clock_.Boottime(now());
  if (const auto lease = LeaseOf(process)) {
    const absl::Duration last = *lease - kKillMargin;
    if (boottime >= last - process.grace) Leave(key, process, agent::StopCause::kLeaseExpired);
    if (boottime >= last) process.kill_at = std::min(process.kill_at, boottime);
  }
  if (boottime < process.kill_at) {
    Arm(key, process);
    return;
  }
  Halt(process);
  Exit(key, {.incarnation = process.incarnation,
             .kind = agent::ExitKind::kSignaled,
             .signal = kKilled,
             .cause = process.cause,
             .grace_exceeded = true,
             .started = process.started,
             .ended = clock_.Wall(now())});
}

// As Supervisor::NextWake. An alarm that comes too early reads the lease again.
void Processes::Arm(const agent::AttemptKey& key, Process& process) {
  absl::Duration wake = process.kill_at;
  if (const auto lease = LeaseOf(process)) {
    const absl::Duration last = *lease - kKillMargin;
    wake = std::min(wake, process.phase == Phase::kRunning ? last - process.grace : last);
  } else if (!process.outlives_lease) {
    wake = std::min(wake, clock_.Boottime(now()) + absl::Seconds(5));
  }
  if (wake == absl::InfiniteDuration()) return;
  // Rounding must not make it spin.
  At(std::max(clock_.TrueTime(wake), now()) + absl::Nanoseconds(100),
     [this, key, incarnation = process.incarnation] {
       const auto found = live_.find(key);
       if (found != live_.end() && found->second.incarnation == incarnation) LookAtTime(key);
     });
}

void Processes::Exit(const agent::AttemptKey& key, agent::ExitReport exit) {
  if (live_.erase(key) > 0) {
    world_.trace.Add(now(), "job", "ends", key, exit.incarnation, "code", exit.code, "signal",
                     exit.signal, "cause", static_cast<int>(exit.cause));
    world_.promises.JobEnded(key, host_, exit);
  }
  AttemptFolder& folder = disk_.attempts.at(key);
  folder.exit = exit;
  folder.synced = false;
  on_exit_(key, exit);
}

// The kernel kills the job with it; nothing is written of the end.
void Processes::KillShim(size_t nth) {
  const auto found = std::next(live_.begin(), static_cast<ptrdiff_t>(nth));
  const agent::AttemptKey key = found->first;
  const agent::ExitReport lost{.incarnation = found->second.incarnation,
                               .kind = agent::ExitKind::kLost,
                               .ended = clock_.Wall(now()),
                               .error = "its shim was killed"};
  world_.trace.Add(now(), "shim", "is killed", key);
  world_.promises.JobGone(key, host_);
  live_.erase(found);
  on_exit_(key, lost);
}

void Processes::PowerCut() {
  for (const auto& [key, process] : live_) world_.promises.JobGone(key, host_);
  live_.clear();
  lease_.reset();
  End();
}

void Processes::PauseHost() {
  Pause();
  for (auto& [key, process] : live_) {
    Halt(process);
    world_.promises.JobStandsStill(key, host_);
  }
}

// The shims' timers have come while the host slept, and come before the jobs go on.
void Processes::ResumeHost() {
  Resume();
  std::vector<agent::AttemptKey> keys;
  for (const auto& [key, process] : live_) keys.push_back(key);
  for (const agent::AttemptKey& key : keys) LookAtTime(key);
  for (auto& [key, process] : live_) {
    world_.promises.JobGoesOn(key, host_);
    if (process.phase == Phase::kRunning && !process.frozen) Go(process, key);
  }
}

}  // namespace heliotrope::faultsim
