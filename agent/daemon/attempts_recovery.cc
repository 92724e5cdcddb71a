// Attempts: what an agent that has just started finds on the disk.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/daemon/attempts.h"
#include "agent/daemon/records.h"
#include "agent/exec/directory_tree.h"
#include "agent/link/convert.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/log.h"

namespace heliotrope::agent::daemon {
namespace {

void ClearCheckpoint(const std::string& path) {
  absl::Status removed;
  do {
    removed = exec::RemoveTree(path);
  } while (absl::IsResourceExhausted(removed));
  if (!removed.ok()) os::LogWarning("not removed", {{"path", path}, {"error", removed}});
}

// Nothing may be taken for missing or damaged that only cannot be read just now.
bool IsThereOrNot(const absl::Status& read) {
  return read.ok() || absl::IsNotFound(read) || absl::IsDataLoss(read);
}

}  // namespace

absl::Status Attempts::Recover() {
  std::vector<std::string> broken;
  HT_ASSIGN_OR_RETURN(const std::vector<CheckpointInfo> held, world_.store.List(&broken));
  for (const CheckpointInfo& info : held) {
    world_.apply(CheckpointFound{.checkpoint = info});
  }
  for (const std::string& name : broken) {
    os::LogWarning("checkpoint without a sound manifest is removed", {{"name", name}});
    world_.store.Remove(*checkpoint::ParseFolderName(name)).IgnoreError();
  }
  HT_ASSIGN_OR_RETURN(const std::vector<exec::AttemptKey> keys, world_.runner.List());
  for (const exec::AttemptKey& key : keys) {
    HT_RETURN_IF_ERROR(RecoverOne(key), absl::StrCat("attempt ", exec::DirectoryName(key)));
  }
  return absl::OkStatus();
}

absl::Status Attempts::RecoverOne(const exec::AttemptKey& exec_key) {
  const AttemptKey key = link::FromExec(exec_key);
  const exec::AttemptPaths paths = world_.runner.PathsOf(exec_key);
  const auto done = ReadDone(paths.root);
  if (!IsThereOrNot(done.status())) return done.status();
  if (done.ok()) {
    RecoverDone(key, *done);
    return absl::OkStatus();
  }
  const auto order = ReadOrder(paths.root);
  if (!IsThereOrNot(order.status())) return order.status();
  const auto attempt = order.ok() ? MakeHandle(*order) : absl::StatusOr<Handle>(order.status());
  // Also one of a later version that this agent cannot follow: else it would never start again.
  const absl::Status sound = attempt.ok() ? link::FromProto(*order).status() : attempt.status();
  if (!sound.ok()) {
    return RecoverUnknown(exec_key, sound);
  }
  HT_ASSIGN_OR_RETURN(AttemptFound found, Find(key, *attempt));
  attempts_[key] = *attempt;
  Index(key, **attempt, std::holds_alternative<AttemptStatus>(found.state));
  os::LogInfo("attempt found", {{"attempt", key},
                                {"job", order->start().job_name()},
                                {"state", found.state.index() == 1 ? "running" : "not running"}});
  world_.apply(found);
  return absl::OkStatus();
}

// Its size is measured while everything else goes on.
void Attempts::RecoverDone(const AttemptKey& key, const Done& done) {
  const auto attempt = MakeHandle(done.order);
  if (attempt.ok()) Index(key, **attempt, /*ended=*/true);
  const std::string root = world_.runner.PathsOf(link::ToExec(key)).root;
  world_.carriers.Post([this, key, root, time = done.time] {
    const Bytes size = exec::MeasureTree(root).value_or(Bytes::Zero());
    world_.loop.Post([this, key, time, size] { world_.retention.Add(key, time, size); });
  });
}

// A directory without a sound order: nobody knows what it is for, so nothing may go on in it. The
// scheduler takes what hello does not name for dead (Promise 3): first it has to be.
absl::Status Attempts::RecoverUnknown(const exec::AttemptKey& key, const absl::Status& why) {
  os::LogWarning("attempt without a sound order is ended", {{"attempt", key}, {"error", why}});
  const auto adopted = world_.runner.Adopt(key);
  if (adopted.ok() && adopted->state == exec::Adoption::State::kLive) {
    const absl::Status killed = world_.runner.Kill(key);
    if (!absl::IsNotFound(killed)) HT_RETURN_IF_ERROR(killed);  // It may have ended just now.
    HT_RETURN_IF_ERROR(AwaitEnd(key));
  } else if (!absl::IsDataLoss(adopted.status())) {
    HT_RETURN_IF_ERROR(adopted.status());
  }
  world_.runner.Remove(key).IgnoreError();
  return absl::OkStatus();
}

// Of what was killed. Only what the kernel itself cannot end takes longer.
absl::Status Attempts::AwaitEnd(const exec::AttemptKey& key) const {
  constexpr absl::Duration kLook = absl::Milliseconds(5);
  constexpr int kLooks = 2000;
  for (int i = 0; i < kLooks; ++i) {
    const std::vector<exec::AttemptKey> live = world_.runner.Live();
    if (std::find(live.begin(), live.end(), key) == live.end()) return absl::OkStatus();
    absl::SleepFor(kLook);
  }
  return Unavailable(
      "ATTEMPT_LIVES",
      absl::StrCat("attempt ", exec::DirectoryName(key), " was killed and has not ended in ",
                   absl::FormatDuration(kLooks * kLook), ": see what its processes wait for"));
}

bool Attempts::IsSealed(const AttemptKey& key, uint32_t incarnation) const {
  return world_.store.Find({.attempt = key, .sequence = CheckpointSeq(incarnation)}).ok();
}

absl::StatusOr<AttemptFound> Attempts::Find(const AttemptKey& key, const Handle& attempt) {
  AttemptFound found{.key = key, .spec = {}, .state = AttemptFound::NotStarted{}};
  HT_ASSIGN_OR_RETURN(const Order order, link::FromProto(attempt->order));
  const auto* start = std::get_if<StartOrder>(&order);
  if (start != nullptr) found.spec = start->spec;
  const auto lost = [](const absl::Status& why, uint32_t incarnation = 1) {
    return ExitReport{.incarnation = incarnation,
                      .kind = ExitKind::kLost,
                      .ended = absl::Now(),
                      .error = std::string(why.message())};
  };
  const auto outcome = ReadOutcome(attempt->paths.root);
  if (!IsThereOrNot(outcome.status())) return outcome.status();
  if (outcome.ok()) {
    auto status = link::FromProto(*outcome);
    if (status.ok()) {
      found.state = *std::move(status);
    } else {
      // A later version has written it.
      found.state = lost(status.status());
    }
    return found;
  }
  const exec::AttemptKey exec_key = attempt->launch.key;
  const auto adopted = world_.runner.Adopt(exec_key);
  if (absl::IsDataLoss(adopted.status())) {
    os::LogError("attempt not adopted", {{"attempt", key}, {"error", adopted.status()}});
    found.state = lost(adopted.status());
    return found;
  }
  // Its process may live: until that is known nothing may be said of it.
  HT_RETURN_IF_ERROR(adopted.status());
  switch (adopted->state) {
    case exec::Adoption::State::kNone:
      // A launch that came before a power cut may have left something all the same.
      if (adopted->incarnation > 0 && IsSealed(key, adopted->incarnation)) {
        // The next process gets what was sealed: Start prepares what is not there.
        ClearCheckpoint(attempt->paths.checkpoint);
      } else {
        if (adopted->incarnation == 0) ClearCheckpoint(attempt->paths.checkpoint);
        attempt->prepared = world_.runner.Prepare(attempt->launch);
      }
      found.state = AttemptFound::NotStarted{.last_incarnation = adopted->incarnation};
      break;
    case exec::Adoption::State::kLive:
      found.state =
          AttemptFound::Running{.incarnation = adopted->incarnation,
                                .started = world_.runner.StartTime(exec_key).value_or(absl::Now())};
      break;
    case exec::Adoption::State::kEnded:
      found.state = link::ToExit(*adopted->end, adopted->incarnation);
      // What was sealed is complete; what was about to be sealed when the power went may be half
      // on the disk. It goes on from the checkpoint before.
      if (!adopted->before_boot) break;
      if (IsSealed(key, adopted->incarnation)) {
        // Its own files may be gone all the same: the next process gets the sealed ones.
        ClearCheckpoint(attempt->paths.checkpoint);
      } else if (adopted->end->checkpointed) {
        found.state = lost(absl::DataLossError("it has saved, but the machine was started anew "
                                               "before that was durable"),
                           adopted->incarnation);
      }
      break;
  }
  return found;
}

}  // namespace heliotrope::agent::daemon
