// The agent's decisions as a deterministic state machine: what runs here becomes what should run
// here. No I/O, clock, thread or random source; the shell around it (daemon/) carries out the
// effects and brings their results back as events.
//
// One attempt:
//
//   START ─► waiting ─► fetching ─► ready ─► starting ─► running ◄─► frozen
//                                    ▲                     │  ▲        │
//                                    │      periodic       ▼  │        │
//                                    └─── sealing ◄───── saving ◄──────┘
//                                            │             │ (exit without checkpoint code)
//                                            ▼             ▼
//                                          LEFT    SUCCEEDED, FAILED, STOPPED
//
//   waiting   an older attempt of the task is still being stopped     reported as FETCHING
//   fetching  the checkpoint to restore is being pulled and verified  FETCHING
//   ready     all is there; goes on when the lease is good            VERIFIED, or RUNNING¹
//   starting  the shim is being started                               VERIFIED, or RUNNING¹
//   running   the process runs                                        RUNNING
//   frozen    stopped because the host's own load rose                FROZEN
//   saving    told to save                                            CHECKPOINTING, or RUNNING¹
//   sealing   it has saved and ended; the checkpoint is being sealed  CHECKPOINTING, or RUNNING¹
//   stopping  told to end                                             as before
//   ending    decided, the outcome is being written to disk           as before
//   ended     terminal, kept until FORGET                             LEFT ... FETCH_FAILED
//
//   ¹ RUNNING around a periodic checkpoint, after which it goes on: only what leaves is
//     CHECKPOINTING, whether it was ordered to or does so of its own because of the host's load
//
// Orders in each stage ("-": nothing happens; every order for a known attempt is answered by its
// status, so that a lost report is made up for):
//
//   stage     | START | LEAVE                  | STOP                     | FORGET
//   ----------+-------+------------------------+--------------------------+------------------------
//   none      | new²  | answer STOPPED         | answer STOPPED           | -
//   waiting   | -     | STOPPED                | STOPPED                  | as STOP, then forgotten
//   fetching  | -     | cancel, STOPPED        | cancel, STOPPED          | as STOP, then forgotten
//   ready     | -     | STOPPED, or LEFT³      | STOPPED                  | as STOP, then forgotten
//   starting  | -     | leaves once it runs    | stops                    | as STOP, then forgotten
//   running   | -     | saves⁴                 | stops                    | as STOP, then forgotten
//   frozen    | -     | saves⁴                 | stops                    | as STOP, then forgotten
//   saving    | -     | leaves after this save | stops                    | as STOP, then forgotten
//   sealing   | -     | leaves after this save | STOPPED when sealed⁵     | as STOP, then forgotten
//   stopping  | -     | -                      | -                        | forgotten at the end
//   ending    | -     | -                      | -                        | forgotten at the end
//   ended     | -     | -                      | -                        | forgotten
//
//   ² refused: other jurisdiction, no room, an attempt number not above every one seen of its task
//   ³ LEFT when this attempt has sealed a checkpoint before and was only about to be restarted
//   ⁴ - when it cannot checkpoint: such a process is frozen at most, never ended to make room
//   ⁵ and that checkpoint is deleted
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/effect.h"
#include "agent/core/event.h"
#include "agent/core/exit_rules.h"
#include "agent/core/types.h"
#include "agent/core/yield.h"

namespace heliotrope::agent {

// Same events at the same times give the same effects. Core thread only.
class Machine {
 public:
  explicit Machine(NodeSpec node);

  // Changes the state and says what to do about it. Timers that are due fire first.
  // REQUIRES: `now` is not before that of the call before.
  Effects Apply(const Event& event, Now now);

  // When Apply(TimePassed) is wanted at the latest, in scheduling time; infinite when never.
  absl::Time NextTimer() const {
    return timers_.empty() ? absl::InfiniteFuture() : timers_.begin()->first;
  }

  // Everything there is, for Hello and heartbeats. In order of the keys.
  std::vector<AttemptStatus> Statuses(Now now) const;
  std::vector<CheckpointInfo> Checkpoints() const;

  // What has changed or was asked about since the last call, for a report: each at most once, the
  // newest state.
  struct Changes {
    std::vector<AttemptStatus> attempts;
    std::vector<CheckpointInfo> checkpoints;
  };
  Changes TakeChanges(Now now);
  bool HasChanges() const {
    return !changed_.empty() || !answers_.empty() || !changed_checkpoints_.empty();
  }

  // The highest term seen.
  Term term() const { return term_; }

  // Attempts by phase, indexed by Phase.
  std::vector<int> CountByPhase() const;
  // Cores that attempts which have not ended were promised. At most the node's.
  MilliCores promised_cores() const { return Promised(nullptr).first; }

  // The whole state, one line per thing, for tests and logs.
  std::string Describe() const;

 private:
  enum class Stage {
    kWaiting,
    kFetching,
    kReady,
    kStarting,
    kRunning,
    kFrozen,
    kSaving,
    kSealing,
    kStopping,
    kEnding,
    kEnded,
  };

  struct Attempt {
    AttemptSpec spec;
    Stage stage = Stage::kWaiting;
    // What is reported; `status.phase` follows the table above.
    AttemptStatus status;
    // kEnding: what it will be reported as.
    AttemptStatus outcome;
    uint64_t order = 0;
    // Of the newest process; 0 before the first. A checkpoint's sequence is that of its process.
    uint32_t incarnation = 0;
    bool leave_asked = false;
    std::string leave_reason;
    bool stop_asked = false;
    std::string stop_reason;
    bool forget_at_end = false;
    // It has saved because the lease ran out: stopped once that is sealed.
    bool lease_over = false;
    // kReady: not before that, so that a job that exits at once and again does not spin.
    absl::Time ready_from = absl::InfinitePast();
    // kRunning, kFrozen: when the next periodic checkpoint is due. A frozen one waits with it.
    absl::Time checkpoint_due = absl::InfiniteFuture();
    // When its timer is due: the one in `timers_`; infinite when there is none.
    absl::Time timer = absl::InfiniteFuture();
    // kRunning to kStopping: real start of this process, and its time frozen so far.
    absl::Time process_started;
    absl::Time frozen_since = absl::InfiniteFuture();
    absl::Duration frozen_time = absl::ZeroDuration();
    // Running time of the earlier processes of this attempt, of all its ended ones, as they count
    // for the attempt and its checkpoints.
    absl::Duration earlier_run_time = absl::ZeroDuration();
    absl::Duration earlier_cpu_time = absl::ZeroDuration();
  };

  // machine_orders.cc
  void On(const OrdersReceived& event);
  void On(const StartOrder& order);
  void On(const LeaveOrder& order);
  void On(const StopOrder& order);
  void On(const ForgetOrder& order);
  void On(const HoldOrder& order);
  void On(const ReleaseOrder& order);
  void On(const Welcomed& event);
  void On(const LeaseRenewed& event);
  // Cores and memory of the attempts that have not ended, and of `candidate` if it is not null.
  // Attempts of one task are never live together, so that the largest of each task counts.
  std::pair<MilliCores, Bytes> Promised(const StartOrder* candidate) const;
  std::string WhyRefused(const StartOrder& order, std::string& detail) const;
  void Answer(const AttemptKey& key, Phase phase, const char* reason, std::string detail);
  // Stops the task's earlier attempts. Whether this one has to wait for their end.
  bool StopEarlier(const AttemptKey& key);
  void Stop(const AttemptKey& key, Attempt& attempt, const std::string& reason);
  void LeaveNow(const AttemptKey& key, Attempt& attempt);
  void RememberNumber(const AttemptKey& key);

  // machine_process.cc
  void On(const FetchDone& event);
  void On(const FetchFailed& event);
  void On(const LaunchDone& event);
  void On(const LaunchFailed& event);
  void On(const ProcessExited& event);
  void On(const SealDone& event);
  void On(const SealFailed& event);
  void On(const OutcomeSaved& event);
  void On(const HoldDone& event);
  void On(const HoldFailed& event);
  void On(const CheckpointLost& event);
  void On(const CheckpointFound& event);
  void On(const AttemptFound& event);
  void On(const LoadMeasured& event);
  void On(const TimePassed&) {}
  void Begin(const AttemptKey& key, Attempt& attempt);
  void MakeReady(const AttemptKey& key, Attempt& attempt);
  void TryLaunch(const AttemptKey& key, Attempt& attempt);
  void AfterSeal(const AttemptKey& key, Attempt& attempt);
  void CountExit(Attempt& attempt, const ExitReport& exit);
  // Whether the outcome can be told again from the shim's own record after a restart.
  enum class Evidence { kExitRecord, kNone };
  void End(const AttemptKey& key, Attempt& attempt, Phase phase, const ExitVerdict& verdict,
           Evidence evidence);
  void Ended(const AttemptKey& key, Attempt& attempt);
  void SetPhase(const AttemptKey& key, Attempt& attempt, Stage stage, Phase phase);
  void Freeze(const AttemptKey& key, Attempt& attempt);
  void Thaw(const AttemptKey& key, Attempt& attempt);
  // Replaces the attempt's timer.
  void Arm(const AttemptKey& key, Attempt& attempt, absl::Time due);
  // It is not here any more, and its attempt does not offer it.
  void DropCheckpoint(const CheckpointKey& key);
  // A periodic checkpoint.
  void CheckpointNow(const AttemptKey& key, Attempt& attempt);
  void FireTimers();
  absl::Duration RunTime(const Attempt& attempt, absl::Time real) const;
  AttemptStatus Reported(const Attempt& attempt, Now now) const;
  void Emit(Effect effect) { effects_.push_back(std::move(effect)); }
  void EmitNote(Note::Kind kind, const AttemptKey& key, std::string reason, std::string detail);

  const NodeSpec node_;
  Now now_{.scheduling = absl::InfinitePast(), .real = absl::InfinitePast()};
  Term term_;
  absl::Time lease_until_ = absl::InfinitePast();
  uint64_t next_order_ = 1;

  std::map<AttemptKey, Attempt> attempts_;
  // Those of them that have not ended: few beside those that wait for FORGET.
  std::map<AttemptKey, Attempt*> live_;
  std::set<std::pair<absl::Time, AttemptKey>> timers_;
  // Complete ones, as found and sealed and held.
  std::map<CheckpointKey, CheckpointInfo> checkpoints_;
  // Ordered copies that are coming.
  std::set<CheckpointKey> coming_;
  // The highest attempt number seen of each task, of the newest tasks: a START that comes late
  // after its FORGET must not run again (Promise 3). Oldest first in `seen_order_`.
  std::map<TaskId, AttemptNumber> seen_;
  std::deque<TaskId> seen_order_;

  std::set<AttemptKey> changed_;
  // Answers about attempts that are not here, and failures of copies; told once.
  std::map<AttemptKey, AttemptStatus> answers_;
  std::map<CheckpointKey, CheckpointInfo> changed_checkpoints_;
  Effects effects_;
};

}  // namespace heliotrope::agent
