// Machine: what becomes of effects, and what the agent does of itself.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/core/machine.h"
#include "agent/core/reasons.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/mark.h"

namespace heliotrope::agent {
namespace {

// A process that saved and ended unasked within a second is not restarted before this long.
constexpr absl::Duration kShortRun = absl::Seconds(1);
constexpr absl::Duration kRestartDelay = absl::Seconds(10);
// Checkpoints of one attempt that nobody has released: more than the scheduler ever asks for, so it
// is away, and the disk is not filled meanwhile.
constexpr int kMaxKeptCheckpoints = 4;
constexpr CheckpointSeq kLastSequence(~uint32_t{0});

}  // namespace

// --- Towards a process ---

void Machine::Begin(const AttemptKey& key, Attempt& attempt) {
  if (!attempt.spec.restore.has_value()) {
    MakeReady(key, attempt);
    return;
  }
  SetPhase(key, attempt, Stage::kFetching, Phase::kFetching);
  Emit(Fetch{
      .key = key, .source = *attempt.spec.restore, .jurisdictions = attempt.spec.jurisdictions});
}

void Machine::MakeReady(const AttemptKey& key, Attempt& attempt) {
  SetPhase(key, attempt, Stage::kReady,
           attempt.incarnation == 0 ? Phase::kVerified : Phase::kRunning);
  if (attempt.ready_from > now_.scheduling) {
    Arm(key, attempt, attempt.ready_from);
  } else {
    TryLaunch(key, attempt);
  }
}

// A start needs a lease (Promise 3). What outlives the lease may go on after its periodic checkpoint
// without one: its task is given to nobody else before this node says so. But not before this agent
// has been granted its first, behind the stops of what is stale by then.
void Machine::TryLaunch(const AttemptKey& key, Attempt& attempt) {
  const bool goes_on = attempt.spec.outlives_lease && attempt.incarnation > 0 &&
                       lease_until_ != absl::InfinitePast();
  if (now_.scheduling >= lease_until_ && !goes_on) {
    HT_MARK(start_waits_for_a_lease);
    return;
  }
  if (now_.scheduling < attempt.ready_from) return;
  if (now_.scheduling >= lease_until_) HT_MARK(goes_on_without_a_lease);
  attempt.stage = Stage::kStarting;
  Arm(key, attempt, absl::InfiniteFuture());
  ++attempt.incarnation;
  Emit(Launch{.key = key, .incarnation = attempt.incarnation});
}

void Machine::On(const FetchDone& event) {
  const auto it = attempts_.find(event.key);
  if (it == attempts_.end() || it->second.stage != Stage::kFetching) return;
  MakeReady(event.key, it->second);
}

void Machine::On(const FetchFailed& event) {
  const auto it = attempts_.find(event.key);
  if (it == attempts_.end() || it->second.stage != Stage::kFetching) return;
  End(event.key, it->second, Phase::kFetchFailed,
      {.kind = ExitVerdict::Kind::kFailed,
       .reason = event.reason.empty() ? reasons::kCheckpointUnavailable : event.reason,
       .detail = event.detail},
      Evidence::kNone);
}

void Machine::On(const LaunchDone& event) {
  const auto it = attempts_.find(event.key);
  if (it == attempts_.end() || it->second.incarnation != event.incarnation) return;
  Attempt& attempt = it->second;
  if (attempt.stage != Stage::kStarting && attempt.stage != Stage::kStopping) return;
  attempt.process_started = event.started;
  attempt.frozen_since = absl::InfiniteFuture();
  attempt.frozen_time = absl::ZeroDuration();
  if (!attempt.status.start_time.has_value()) attempt.status.start_time = event.started;
  changed_.insert(event.key);
  if (attempt.stage == Stage::kStopping) return;
  if (attempt.spec.can_checkpoint && attempt.spec.checkpoint_interval > absl::ZeroDuration()) {
    attempt.checkpoint_due = now_.scheduling + attempt.spec.checkpoint_interval;
  }
  SetPhase(event.key, attempt, Stage::kRunning, Phase::kRunning);
  Arm(event.key, attempt, attempt.checkpoint_due);
  EmitNote(Note::Kind::kStarted, event.key, "", "");
  if (attempt.leave_asked) LeaveNow(event.key, attempt);
}

void Machine::On(const LaunchFailed& event) {
  const auto it = attempts_.find(event.key);
  if (it == attempts_.end() || it->second.incarnation != event.incarnation) return;
  Attempt& attempt = it->second;
  if (attempt.stage != Stage::kStarting && attempt.stage != Stage::kStopping) return;
  const bool stopped = attempt.stop_asked;
  // A later process of an attempt that ran before is not refused: it is lost.
  const bool first = attempt.incarnation == 1;
  End(event.key, attempt,
      stopped ? Phase::kStopped
      : first ? Phase::kRefused
              : Phase::kStopped,
      {.kind = ExitVerdict::Kind::kFailed,
       .reason = stopped ? attempt.stop_reason : reasons::kCannotStart,
       .detail = event.detail},
      Evidence::kNone);
}

// --- From a process's end ---

void Machine::CountExit(Attempt& attempt, const ExitReport& exit) {
  if (exit.started.has_value()) {
    if (!attempt.status.start_time.has_value()) attempt.status.start_time = exit.started;
    const absl::Time frozen_since = std::min(attempt.frozen_since, exit.ended);
    const absl::Duration frozen = attempt.frozen_time + (exit.ended - frozen_since);
    attempt.earlier_run_time += std::max(exit.ended - *exit.started - frozen, absl::ZeroDuration());
    attempt.status.end_time = exit.ended;
  }
  attempt.frozen_since = absl::InfiniteFuture();
  attempt.frozen_time = absl::ZeroDuration();
  attempt.earlier_cpu_time += exit.cpu_time;
  attempt.status.cpu_time = attempt.earlier_cpu_time;
  attempt.status.max_memory = std::max(attempt.status.max_memory, exit.max_memory);
  attempt.status.exit_code.reset();
  attempt.status.exit_signal.reset();
  if (exit.kind == ExitKind::kExited) attempt.status.exit_code = exit.code;
  if (exit.kind == ExitKind::kSignaled) attempt.status.exit_signal = exit.signal;
}

void Machine::On(const ProcessExited& event) {
  const auto it = attempts_.find(event.key);
  if (it == attempts_.end() || it->second.incarnation != event.exit.incarnation) return;
  Attempt& attempt = it->second;
  const bool has_process = attempt.stage == Stage::kStarting || attempt.stage == Stage::kRunning ||
                           attempt.stage == Stage::kFrozen || attempt.stage == Stage::kSaving ||
                           attempt.stage == Stage::kStopping;
  if (!has_process) return;
  // A short process may have ended before its start was told.
  if (attempt.stage == Stage::kStarting && event.exit.started.has_value()) {
    EmitNote(Note::Kind::kStarted, event.key, "", "");
  }
  const bool unasked = event.exit.cause == StopCause::kNone && !attempt.leave_asked;
  Arm(event.key, attempt, absl::InfiniteFuture());
  CountExit(attempt, event.exit);
  ExitReport exit = event.exit;
  // Its shim looks for the code also where there is no contract about it.
  exit.checkpointed = exit.checkpointed && attempt.spec.can_checkpoint;
  const ExitVerdict verdict = JudgeExit(exit, attempt.stop_reason);
  switch (verdict.kind) {
    case ExitVerdict::Kind::kSucceeded:
      End(event.key, attempt, Phase::kSucceeded, verdict, Evidence::kExitRecord);
      break;
    case ExitVerdict::Kind::kFailed:
      End(event.key, attempt, Phase::kFailed, verdict, Evidence::kExitRecord);
      break;
    case ExitVerdict::Kind::kUnsaved:
      End(event.key, attempt, Phase::kUnsaved, verdict, Evidence::kExitRecord);
      break;
    case ExitVerdict::Kind::kStopped:
      End(event.key, attempt, Phase::kStopped, verdict,
          event.exit.kind == ExitKind::kLost ? Evidence::kNone : Evidence::kExitRecord);
      break;
    case ExitVerdict::Kind::kSeal:
      if (attempt.stop_asked) {
        End(event.key, attempt, Phase::kStopped,
            {.kind = ExitVerdict::Kind::kStopped, .reason = attempt.stop_reason, .detail = ""},
            Evidence::kNone);
        break;
      }
      attempt.lease_over = !verdict.reason.empty();
      if (unasked && event.exit.started.has_value() &&
          event.exit.ended - *event.exit.started < kShortRun) {
        attempt.ready_from = now_.scheduling + kRestartDelay;
      }
      SetPhase(event.key, attempt, Stage::kSealing, attempt.status.phase);
      Emit(Seal{.key = {.attempt = event.key, .sequence = CheckpointSeq(attempt.incarnation)},
                .run_time = attempt.earlier_run_time,
                .goes_on = !attempt.leave_asked && !attempt.lease_over});
      break;
  }
}

void Machine::On(const SealDone& event) {
  const CheckpointKey& key = event.checkpoint.key;
  const auto it = attempts_.find(key.attempt);
  const bool wanted = it != attempts_.end() && it->second.stage == Stage::kSealing &&
                      it->second.incarnation == key.sequence.value() && !it->second.stop_asked;
  if (!wanted) {
    HT_MARK(sealed_and_not_wanted_any_more);
    Emit(Remove{.key = key});
  } else {
    checkpoints_[key] = event.checkpoint;
    it->second.status.checkpoint = event.checkpoint;
    changed_.insert(key.attempt);
    changed_checkpoints_[key] = event.checkpoint;
    EmitNote(Note::Kind::kSealed, key.attempt, "",
             absl::StrCat(event.checkpoint.size.value(), " bytes"));
  }
  if (it != attempts_.end() && it->second.stage == Stage::kSealing) {
    AfterSeal(key.attempt, it->second);
  }
}

void Machine::On(const SealFailed& event) {
  const auto it = attempts_.find(event.key.attempt);
  if (it == attempts_.end() || it->second.stage != Stage::kSealing) return;
  HT_MARK(seal_failed);
  EmitNote(Note::Kind::kSealFailed, event.key.attempt, reasons::kCheckpointFailed, event.detail);
  if (it->second.leave_asked && !it->second.stop_asked && !it->second.lease_over) {
    End(event.key.attempt, it->second, Phase::kUnsaved,
        {.kind = ExitVerdict::Kind::kUnsaved,
         .reason = reasons::kCheckpointFailed,
         .detail = event.detail},
        Evidence::kNone);
    return;
  }
  AfterSeal(event.key.attempt, it->second);
}

// The process has saved and ended: leave, or go on from there.
void Machine::AfterSeal(const AttemptKey& key, Attempt& attempt) {
  if (attempt.stop_asked) {
    End(key, attempt, Phase::kStopped,
        {.kind = ExitVerdict::Kind::kStopped, .reason = attempt.stop_reason, .detail = ""},
        Evidence::kNone);
  } else if (attempt.lease_over) {
    HT_MARK(saved_when_the_lease_ran_out);
    End(key, attempt, Phase::kStopped,
        {.kind = ExitVerdict::Kind::kStopped,
         .reason = reasons::kLeaseExpired,
         .detail = "the node's lease was not renewed"},
        Evidence::kNone);
  } else if (attempt.leave_asked) {
    End(key, attempt, Phase::kLeft,
        {.kind = ExitVerdict::Kind::kSeal, .reason = attempt.leave_reason, .detail = ""},
        Evidence::kNone);
  } else {
    attempt.status.end_time.reset();
    attempt.status.exit_code.reset();
    MakeReady(key, attempt);
  }
}

void Machine::End(const AttemptKey& key, Attempt& attempt, Phase phase, const ExitVerdict& verdict,
                  Evidence evidence) {
  attempt.outcome = attempt.status;
  attempt.outcome.phase = phase;
  attempt.outcome.reason = verdict.reason;
  attempt.outcome.detail = verdict.detail;
  attempt.outcome.run_time = attempt.earlier_run_time;
  attempt.stage = Stage::kEnding;
  Arm(key, attempt, absl::InfiniteFuture());
  if (evidence == Evidence::kExitRecord) {
    Ended(key, attempt);
  } else {
    Emit(SaveOutcome{.status = attempt.outcome});
  }
}

void Machine::On(const OutcomeSaved& event) {
  const auto it = attempts_.find(event.key);
  if (it == attempts_.end() || it->second.stage != Stage::kEnding) return;
  Ended(event.key, it->second);
}

// The outcome is on disk. May erase the attempt.
void Machine::Ended(const AttemptKey& key, Attempt& attempt) {
  attempt.status = attempt.outcome;
  attempt.stage = Stage::kEnded;
  live_.erase(key);
  changed_.insert(key);
  Emit(Note{.kind = Note::Kind::kEnded,
            .key = key,
            .reason = attempt.status.reason,
            .detail = attempt.status.detail,
            .phase = attempt.status.phase});
  const AttemptKey ended = key;
  if (attempt.forget_at_end) {
    Emit(Forget{.key = ended});
    changed_.erase(ended);
    attempts_.erase(ended);
  }
  // A newer attempt of the task may have waited for this.
  for (auto it = attempts_.lower_bound({.task = ended.task, .attempt = AttemptNumber(0)});
       it != attempts_.end() && it->first.task == ended.task; ++it) {
    if (it->second.stage == Stage::kEnded) continue;
    if (it->second.stage == Stage::kWaiting) Begin(it->first, it->second);
    break;
  }
}

// --- Copies of checkpoints ---

void Machine::On(const HoldDone& event) {
  // One that was pulled for a restore, or that was released meanwhile, is reported all the same:
  // the scheduler releases what it does not want.
  coming_.erase(event.checkpoint.key);
  checkpoints_[event.checkpoint.key] = event.checkpoint;
  changed_checkpoints_[event.checkpoint.key] = event.checkpoint;
}

void Machine::On(const HoldFailed& event) {
  if (coming_.erase(event.key) == 0) return;
  changed_checkpoints_[event.key] = {.key = event.key, .failure = event.detail};
}

// The scheduler is told, so that it counts on another copy, or on an older checkpoint.
void Machine::On(const CheckpointLost& event) {
  const auto held = checkpoints_.find(event.key);
  if (held == checkpoints_.end() || held->second.digest != event.digest) return;
  HT_MARK(damaged_checkpoint_given_up);
  DropCheckpoint(event.key);
  changed_checkpoints_[event.key] = {
      .key = event.key, .failure = absl::StrCat(reasons::kCheckpointDamaged, ": ", event.detail)};
  Emit(Remove{.key = event.key});
}

void Machine::DropCheckpoint(const CheckpointKey& key) {
  checkpoints_.erase(key);
  const auto attempt = attempts_.find(key.attempt);
  if (attempt == attempts_.end()) return;
  for (AttemptStatus* status : {&attempt->second.status, &attempt->second.outcome}) {
    if (status->checkpoint.has_value() && status->checkpoint->key == key) {
      status->checkpoint.reset();
    }
  }
}

// --- After a start of the agent ---

void Machine::On(const CheckpointFound& event) {
  checkpoints_[event.checkpoint.key] = event.checkpoint;
}

void Machine::On(const AttemptFound& event) {
  if (attempts_.contains(event.key)) return;
  Attempt& attempt = attempts_[event.key];
  attempt.spec = event.spec;
  attempt.order = next_order_++;
  attempt.status.key = event.key;
  RememberNumber(event.key);
  if (!std::holds_alternative<AttemptStatus>(event.state)) live_[event.key] = &attempt;
  // The newest checkpoint of this attempt tells what its earlier processes have run.
  const auto after = checkpoints_.upper_bound({.attempt = event.key, .sequence = kLastSequence});
  if (after != checkpoints_.begin() && std::prev(after)->first.attempt == event.key) {
    attempt.status.checkpoint = std::prev(after)->second;
    attempt.earlier_run_time = std::prev(after)->second.run_time;
  }
  if (const auto* idle = std::get_if<AttemptFound::NotStarted>(&event.state)) {
    attempt.incarnation = idle->last_incarnation;
    if (StopEarlier(event.key)) return;
    HT_MARK(adopted_before_its_start);
    // Restored already when a process of it has run.
    if (attempt.incarnation > 0)
      MakeReady(event.key, attempt);
    else
      Begin(event.key, attempt);
  } else if (const auto* running = std::get_if<AttemptFound::Running>(&event.state)) {
    HT_MARK(adopted_running);
    attempt.incarnation = running->incarnation;
    attempt.stage = Stage::kStarting;
    On(LaunchDone{
        .key = event.key, .incarnation = running->incarnation, .started = running->started});
    // It may have been frozen by the agent before.
    Emit(Steer{.key = event.key, .wish = Steer::Wish::kRun});
  } else if (const auto* exit = std::get_if<ExitReport>(&event.state)) {
    attempt.incarnation = exit->incarnation;
    if (attempt.status.checkpoint.has_value() &&
        attempt.status.checkpoint->key.sequence.value() == exit->incarnation) {
      HT_MARK(adopted_sealed);
      // Sealed before the agent ended: its process only was to go on.
      attempt.lease_over = exit->cause == StopCause::kLeaseExpired;
      attempt.status.phase = Phase::kRunning;
      AfterSeal(event.key, attempt);
      return;
    }
    HT_MARK(adopted_ended);
    attempt.stage = Stage::kRunning;
    attempt.status.phase = Phase::kRunning;
    On(ProcessExited{.key = event.key, .exit = *exit});
  } else {
    attempt.stage = Stage::kEnded;
    attempt.status = std::get<AttemptStatus>(event.state);
    attempt.incarnation = 1;
  }
}

// --- Giving way, and time ---

void Machine::Freeze(const AttemptKey& key, Attempt& attempt) {
  attempt.frozen_since = now_.real;
  Arm(key, attempt,
      attempt.spec.can_checkpoint ? now_.scheduling + node_.yield.leave_after
                                  : absl::InfiniteFuture());
  SetPhase(key, attempt, Stage::kFrozen, Phase::kFrozen);
  EmitNote(Note::Kind::kFrozen, key, reasons::kForegroundPressure, "");
  Emit(Steer{.key = key, .wish = Steer::Wish::kFreeze});
}

void Machine::Thaw(const AttemptKey& key, Attempt& attempt) {
  attempt.frozen_time += now_.real - attempt.frozen_since;
  attempt.frozen_since = absl::InfiniteFuture();
  Arm(key, attempt, attempt.checkpoint_due);
  SetPhase(key, attempt, Stage::kRunning, Phase::kRunning);
  EmitNote(Note::Kind::kThawed, key, reasons::kPressureOver, "");
  Emit(Steer{.key = key, .wish = Steer::Wish::kRun});
}

void Machine::On(const LoadMeasured& event) {
  std::vector<YieldCandidate> candidates;
  std::vector<AttemptKey> keys;
  for (const auto& [key, attempt] : live_) {
    if (attempt->stage != Stage::kRunning && attempt->stage != Stage::kFrozen) continue;
    candidates.push_back({.cores = attempt->spec.cores,
                          .order = attempt->order,
                          .frozen = attempt->stage == Stage::kFrozen});
    keys.push_back(key);
  }
  if (candidates.empty()) return;
  const YieldDecision decision = DecideYield(node_, event.sample, candidates);
  for (const size_t index : decision.freeze) Freeze(keys[index], attempts_.at(keys[index]));
  for (const size_t index : decision.thaw) Thaw(keys[index], attempts_.at(keys[index]));
}

void Machine::CheckpointNow(const AttemptKey& key, Attempt& attempt) {
  const auto begin = checkpoints_.lower_bound({.attempt = key, .sequence = CheckpointSeq(0)});
  const auto end = checkpoints_.upper_bound({.attempt = key, .sequence = kLastSequence});
  // What outlives its lease does not stop for a checkpoint after which it could not go on.
  const bool could_not_go_on = attempt.spec.outlives_lease && lease_until_ == absl::InfinitePast();
  if (std::distance(begin, end) >= kMaxKeptCheckpoints || could_not_go_on) {
    HT_MARK(periodic_checkpoint_put_off);
    attempt.checkpoint_due = now_.scheduling + attempt.spec.checkpoint_interval;
    Arm(key, attempt, attempt.checkpoint_due);
    return;
  }
  LeaveNow(key, attempt);
}

void Machine::FireTimers() {
  while (!timers_.empty() && timers_.begin()->first <= now_.scheduling) {
    const AttemptKey key = timers_.begin()->second;
    Attempt& attempt = attempts_.at(key);
    Arm(key, attempt, absl::InfiniteFuture());
    if (attempt.stage == Stage::kReady) {
      // Without a lease it waits for its renewal.
      TryLaunch(key, attempt);
    } else if (attempt.stage == Stage::kRunning) {
      CheckpointNow(key, attempt);
    } else if (attempt.stage == Stage::kFrozen) {
      HT_MARK(frozen_too_long_leaves);
      attempt.leave_asked = true;
      attempt.leave_reason = reasons::kForegroundPressure;
      attempt.status.reason = reasons::kForegroundPressure;
      attempt.status.detail = absl::StrCat("frozen for ", ShortDuration(node_.yield.leave_after),
                                           " because of the host's own load");
      LeaveNow(key, attempt);
    }
  }
}

}  // namespace heliotrope::agent
