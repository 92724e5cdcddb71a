// Machine: what the scheduler orders.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/core/machine.h"
#include "agent/core/reasons.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/mark.h"

namespace heliotrope::agent {
namespace {

// Tasks whose highest attempt number is remembered after FORGET.
constexpr size_t kMaxRemembered = 65'536;
// Copies that are coming. A scheduler orders one at a time for a task, but for any number of tasks.
constexpr size_t kMaxComing = kMaxAttemptsPerNode;

}  // namespace

void Machine::On(const OrdersReceived& event) {
  if (event.term < term_) {
    EmitNote(Note::Kind::kOrderIgnored, {}, reasons::kStaleTerm,
             absl::StrCat("orders of term ", event.term.value(), ", seen ", term_.value()));
    return;
  }
  term_ = event.term;
  for (const Order& order : event.orders) {
    std::visit([this](const auto& o) { On(o); }, order);
  }
}

void Machine::On(const Welcomed& event) {
  term_ = std::max(term_, event.term);
  // Hello has told everything; what changed before it need not be told again.
  changed_.clear();
  answers_.clear();
  changed_checkpoints_.clear();
}

void Machine::On(const LeaseRenewed& event) {
  lease_until_ = std::max(lease_until_, event.until);
  for (const auto& [key, attempt] : live_) {
    if (attempt->stage == Stage::kReady) TryLaunch(key, *attempt);
  }
}

void Machine::RememberNumber(const AttemptKey& key) {
  const auto [it, is_new] = seen_.try_emplace(key.task, key.attempt);
  it->second = std::max(it->second, key.attempt);
  if (!is_new) return;
  seen_order_.push_back(key.task);
  if (seen_order_.size() > kMaxRemembered) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
}

std::string Machine::WhyRefused(const StartOrder& order, std::string& detail) const {
  if (!order.invalid.empty()) {
    detail = order.invalid;
    return reasons::kInvalidOrder;
  }
  if (!IsAllowed(order.spec.jurisdictions, node_.jurisdiction)) {
    detail = absl::StrCat(
        "this node is in jurisdiction \"", node_.jurisdiction, "\", the job may be in: ",
        order.spec.jurisdictions.empty() ? "none" : absl::StrJoin(order.spec.jurisdictions, ", "));
    return reasons::kResidency;
  }
  if (attempts_.size() >= kMaxAttemptsPerNode) {
    detail = absl::StrCat("the node has ", attempts_.size(), " attempts, the limit");
    return reasons::kTooManyAttempts;
  }
  if (order.spec.cores <= MilliCores::Zero() || order.spec.memory < Bytes::Zero()) {
    detail = absl::StrCat("asks ", heliotrope::ToString(order.spec.cores), " and ",
                          heliotrope::ToString(order.spec.memory));
    return reasons::kInvalidOrder;
  }
  const auto [cores, memory] = Promised(&order);
  if (cores > node_.cores || memory > node_.memory) {
    detail = absl::StrCat("with it the node would hold ", heliotrope::ToString(cores), " and ",
                          heliotrope::ToString(memory), " of ", heliotrope::ToString(node_.cores),
                          " and ", heliotrope::ToString(node_.memory));
    return reasons::kNoCapacity;
  }
  return "";
}

void Machine::Answer(const AttemptKey& key, Phase phase, const char* reason, std::string detail) {
  AttemptStatus& status = answers_[key];
  status.key = key;
  status.phase = phase;
  status.reason = reason;
  status.detail = std::move(detail);
}

void Machine::On(const StartOrder& order) {
  if (attempts_.contains(order.key)) {
    changed_.insert(order.key);
    return;
  }
  const auto seen = seen_.find(order.key.task);
  if (seen != seen_.end() && order.key.attempt <= seen->second) {
    Answer(order.key, Phase::kRefused, reasons::kStaleAttempt,
           absl::StrCat("attempt ", seen->second.value(), " of the task has been here"));
    EmitNote(Note::Kind::kOrderIgnored, order.key, reasons::kStaleAttempt, "START");
    return;
  }
  std::string detail;
  const std::string refusal = WhyRefused(order, detail);
  if (refusal == reasons::kTooManyAttempts) {
    // One more to remember would be one more of the too many.
    Answer(order.key, Phase::kRefused, reasons::kTooManyAttempts, detail);
    EmitNote(Note::Kind::kRefused, order.key, refusal, detail);
    return;
  }
  Attempt& attempt = attempts_[order.key];
  attempt.spec = order.spec;
  attempt.order = next_order_++;
  attempt.status.key = order.key;
  RememberNumber(order.key);
  changed_.insert(order.key);
  if (!refusal.empty()) {
    // Nothing of it is on disk and nothing needs to be: after a restart of the agent a new stream
    // brings only orders that still hold.
    attempt.stage = Stage::kEnded;
    attempt.status.phase = Phase::kRefused;
    attempt.status.reason = refusal;
    attempt.status.detail = detail;
    EmitNote(Note::Kind::kRefused, order.key, refusal, detail);
    return;
  }
  live_[order.key] = &attempt;
  Emit(Prepare{.key = order.key});
  // Stop may have ended them at once, and Ended() begun this one.
  if (!StopEarlier(order.key)) Begin(order.key, attempt);
}

bool Machine::StopEarlier(const AttemptKey& key) {
  bool must_wait = false;
  for (auto it = attempts_.lower_bound({.task = key.task, .attempt = AttemptNumber(0)});
       it != attempts_.end() && it->first < key; ++it) {
    if (it->second.stage == Stage::kEnded) continue;
    HT_MARK(start_waits_for_the_attempt_before);
    must_wait = true;
    Stop(it->first, it->second, reasons::kSuperseded);
  }
  return must_wait;
}

void Machine::Stop(const AttemptKey& key, Attempt& attempt, const std::string& reason) {
  if (attempt.stop_asked) return;
  attempt.stop_asked = true;
  attempt.stop_reason = reason.empty() ? reasons::kOrdered : reason;
  const ExitVerdict stopped{.kind = ExitVerdict::Kind::kStopped,
                            .reason = attempt.stop_reason,
                            .detail = "before a process was started"};
  switch (attempt.stage) {
    case Stage::kFetching:
      Emit(CancelFetch{.key = key});
      [[fallthrough]];
    case Stage::kWaiting:
    case Stage::kReady:
      End(key, attempt, Phase::kStopped, stopped, Evidence::kNone);
      break;
    case Stage::kStarting:
    case Stage::kRunning:
    case Stage::kFrozen:
    case Stage::kSaving:
      attempt.stage = Stage::kStopping;
      Arm(key, attempt, absl::InfiniteFuture());
      EmitNote(Note::Kind::kStopping, key, attempt.stop_reason, "");
      Emit(Steer{.key = key, .wish = Steer::Wish::kStop});
      break;
    case Stage::kSealing:
    case Stage::kStopping:
    case Stage::kEnding:
    case Stage::kEnded:
      break;
  }
}

void Machine::On(const StopOrder& order) {
  const auto it = attempts_.find(order.key);
  if (it == attempts_.end()) {
    RememberNumber(order.key);
    Answer(order.key, Phase::kStopped, reasons::kUnknownAttempt, "it is not on this node");
    return;
  }
  changed_.insert(order.key);
  Stop(order.key, it->second, order.reason);
}

void Machine::On(const LeaveOrder& order) {
  const auto it = attempts_.find(order.key);
  if (it == attempts_.end()) {
    RememberNumber(order.key);
    Answer(order.key, Phase::kStopped, reasons::kUnknownAttempt, "it is not on this node");
    return;
  }
  Attempt& attempt = it->second;
  changed_.insert(order.key);
  if (attempt.stop_asked) return;
  switch (attempt.stage) {
    case Stage::kWaiting:
    case Stage::kFetching:
      Stop(order.key, attempt, order.reason);
      break;
    case Stage::kReady:
      if (!attempt.status.checkpoint.has_value()) {
        Stop(order.key, attempt, order.reason);
        break;
      }
      HT_MARK(leave_between_two_processes);
      attempt.leave_reason = order.reason;
      End(order.key, attempt, Phase::kLeft,
          {.kind = ExitVerdict::Kind::kSeal, .reason = order.reason, .detail = ""},
          Evidence::kNone);
      break;
    case Stage::kStarting:
    case Stage::kRunning:
    case Stage::kFrozen:
    case Stage::kSaving:
    case Stage::kSealing:
      if (!attempt.spec.can_checkpoint) {
        EmitNote(Note::Kind::kOrderIgnored, order.key, reasons::kCannotCheckpoint, "LEAVE");
        break;
      }
      if (attempt.leave_asked) break;
      attempt.leave_asked = true;
      attempt.leave_reason = order.reason;
      if (attempt.stage == Stage::kSaving || attempt.stage == Stage::kSealing) {
        HT_MARK(leave_meets_a_periodic_checkpoint);
        SetPhase(order.key, attempt, attempt.stage, Phase::kCheckpointing);
      }
      LeaveNow(order.key, attempt);
      break;
    case Stage::kStopping:
    case Stage::kEnding:
    case Stage::kEnded:
      break;
  }
}

// What runs is told to save; what is starting will be, and what saves already goes on doing so.
void Machine::LeaveNow(const AttemptKey& key, Attempt& attempt) {
  if (attempt.stage != Stage::kRunning && attempt.stage != Stage::kFrozen) return;
  if (attempt.stage == Stage::kFrozen) {
    HT_MARK(frozen_attempt_told_to_save);
    attempt.frozen_time += now_.real - attempt.frozen_since;
    attempt.frozen_since = absl::InfiniteFuture();
  }
  Arm(key, attempt, absl::InfiniteFuture());
  SetPhase(key, attempt, Stage::kSaving,
           attempt.leave_asked ? Phase::kCheckpointing : Phase::kRunning);
  EmitNote(attempt.leave_asked ? Note::Kind::kLeaving : Note::Kind::kCheckpointing, key,
           attempt.leave_asked ? attempt.leave_reason : reasons::kPeriodicCheckpoint, "");
  Emit(Steer{.key = key, .wish = Steer::Wish::kLeave});
}

void Machine::On(const ForgetOrder& order) {
  const auto it = attempts_.find(order.key);
  if (it == attempts_.end()) return;
  if (it->second.stage == Stage::kEnded) {
    Emit(Forget{.key = order.key});
    attempts_.erase(it);
    changed_.erase(order.key);
    return;
  }
  it->second.forget_at_end = true;
  Stop(order.key, it->second, reasons::kSuperseded);
}

void Machine::On(const HoldOrder& order) {
  const CheckpointKey& key = order.source.key;
  const auto held = checkpoints_.find(key);
  if (held != checkpoints_.end()) {
    changed_checkpoints_[key] = held->second;
    return;
  }
  if (coming_.contains(key)) return;
  if (!IsAllowed(order.jurisdictions, node_.jurisdiction)) {
    EmitNote(Note::Kind::kRefused, key.attempt, reasons::kResidency, "HOLD");
    changed_checkpoints_[key] = {
        .key = key,
        .failure = absl::StrCat(reasons::kResidency, ": this node is in jurisdiction \"",
                                node_.jurisdiction, "\"")};
    return;
  }
  if (coming_.size() >= kMaxComing) {
    EmitNote(Note::Kind::kRefused, key.attempt, reasons::kTooManyCopies, "HOLD");
    changed_checkpoints_[key] = {
        .key = key,
        .failure = absl::StrCat(reasons::kTooManyCopies, ": ", coming_.size(),
                                " copies are coming to this node, the limit")};
    return;
  }
  coming_.insert(key);
  Emit(Hold{.source = order.source, .jurisdictions = order.jurisdictions});
}

void Machine::On(const ReleaseOrder& order) {
  const bool was_coming = coming_.erase(order.key) > 0;
  const bool was_here = checkpoints_.contains(order.key);
  DropCheckpoint(order.key);
  changed_checkpoints_.erase(order.key);
  if (was_coming || was_here) Emit(Remove{.key = order.key});
}

}  // namespace heliotrope::agent
