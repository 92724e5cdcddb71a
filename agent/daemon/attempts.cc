#include "agent/daemon/attempts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/core/reasons.h"
#include "agent/daemon/records.h"
#include "agent/exec/directory_tree.h"
#include "agent/link/outputs.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"
#include "scheduler/os/log.h"

namespace heliotrope::agent::daemon {
namespace {

// After a disk that would not take an outcome.
// An end that the scheduler has not acknowledged by then is made durable here.
constexpr absl::Duration kUnacknowledged = absl::Seconds(1);
constexpr absl::Duration kRetrySave = absl::Seconds(1);

void RemoveWhole(const std::string& path) {
  while (true) {
    const absl::Status removed = exec::RemoveTree(path);
    if (absl::IsResourceExhausted(removed)) continue;
    if (!removed.ok()) os::LogWarning("not removed", {{"path", path}, {"error", removed}});
    return;
  }
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

// Empty directories stay: file systems are slow at making new ones while they have just deleted
// many, and of trivial attempts these would be most of what is deleted.
bool IsEmpty(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_empty(path, error) && !error;
}

}  // namespace

void Attempts::Post(Event event) {
  world_.loop.Post([this, event = std::move(event)] { world_.apply(event); });
}

void Attempts::InLane(const AttemptKey& key, std::function<void()> work) {
  world_.hands.PostTo(ToString(key), std::move(work));
}

// What is done to one checkpoint is done in order: a removal comes before the copy that is ordered
// after it.
void Attempts::Carry(const CheckpointKey& key, std::function<void()> work) {
  world_.carriers.PostTo(ToString(key), std::move(work));
}

void Attempts::PostLost(const CheckpointKey& key, const std::string& digest,
                        const absl::Status& why) {
  os::LogWarning("checkpoint is not here as it was sealed", {{"checkpoint", key}, {"error", why}});
  Post(CheckpointLost{.key = key, .digest = digest, .detail = std::string(why.message())});
}

void Attempts::Do(const Effect& effect) {
  std::visit([this](const auto& e) { On(e); }, effect);
}

void Attempts::Expect(const v1::AttemptOrder& order) {
  expected_[link::FromProto(order.key())] = order;
}

absl::StatusOr<Attempts::Handle> Attempts::MakeHandle(const v1::AttemptOrder& order) const {
  auto attempt = std::make_shared<Attempt>();
  attempt->order = order;
  HT_ASSIGN_OR_RETURN(attempt->launch, link::LaunchOf(order, options_.launch));
  attempt->paths = world_.runner.PathsOf(attempt->launch.key);
  return attempt;
}

void Attempts::Index(const AttemptKey& key, const Attempt& attempt, bool ended) {
  const v1::StartOrder& start = attempt.order.start();
  const auto job = ParseJobName(start.job_name());
  if (!job.ok()) return;
  world_.index.Put(
      {.key = key,
       .task = FormatTaskName(*job, key.task.index),
       .paths = attempt.paths,
       .jurisdictions = {start.jurisdictions().begin(), start.jurisdictions().end()},
       .output_patterns = {start.task().outputs().begin(), start.task().outputs().end()},
       .ended = ended});
}

// --- Effects ---

void Attempts::On(const Prepare& effect) {
  const auto expected = expected_.find(effect.key);
  HT_CHECK(expected != expected_.end());
  auto made = MakeHandle(expected->second);
  // The core has refused what LaunchOf refuses.
  HT_CHECK(made.ok());
  const Handle attempt = *std::move(made);
  attempts_[effect.key] = attempt;
  Index(effect.key, *attempt, /*ended=*/false);
  InLane(effect.key, [this, attempt, key = effect.key] {
    // Of a scheduler that has since begun anew, and with it the numbers.
    if (IsDone(attempt->paths.root)) {
      RemoveWhole(attempt->paths.root);
      world_.loop.Post([this, key] { world_.retention.Remove(key); });
    }
    attempt->prepared = world_.runner.Prepare(attempt->launch);
    if (attempt->prepared.ok()) {
      attempt->prepared = WriteOrder(attempt->paths.root, attempt->order);
    }
  });
}

absl::StatusOr<CheckpointInfo> Attempts::PullHere(const RestoreSource& source,
                                                  const std::stop_token& stop) {
  world_.metrics.pulls.Increment();
  const bool was_here = world_.store.Find(source.key).ok();
  auto info = checkpoint::Pull(world_.store,
                               {.source = source,
                                .jurisdiction = options_.jurisdiction,
                                .node = options_.node,
                                .connect = options_.connect},
                               stop);
  if (!info.ok()) {
    world_.metrics.failed_pulls.Increment();
    // One that was here and was not what it should be is gone now.
    const absl::Status left = world_.store.Find(source.key).status();
    if (absl::IsNotFound(left) || absl::IsDataLoss(left)) {
      PostLost(source.key, source.digest, info.status());
    }
    return info.status();
  }
  if (!was_here) {
    world_.metrics.pulled_bytes.Increment(static_cast<double>(info->size.value()));
    os::LogInfo("checkpoint pulled", {{"checkpoint", source.key}, {"bytes", info->size.value()}});
  }
  return info;
}

void Attempts::On(const Fetch& effect) {
  const Handle attempt = attempts_.at(effect.key);
  attempt->fetching = std::stop_source();
  // By way of the lane, so that the directory is there.
  InLane(effect.key, [this, attempt, effect] {
    Carry(effect.source.key, [this, attempt, effect] {
      const absl::Status fetched = FetchInto(attempt, effect);
      if (fetched.ok()) {
        Post(FetchDone{.key = effect.key});
      } else {
        Post(heliotrope::agent::FetchFailed{
            .key = effect.key,
            .reason = absl::IsPermissionDenied(fetched) ? reasons::kResidency : "",
            .detail = std::string(fetched.message())});
      }
    });
  });
}

absl::Status Attempts::FetchInto(const Handle& attempt, const Fetch& effect) {
  HT_RETURN_IF_ERROR(attempt->prepared);
  HT_ASSIGN_OR_RETURN(const CheckpointInfo info,
                      PullHere(effect.source, attempt->fetching.get_token()));
  HT_RETURN_IF_ERROR(RestoreInto(attempt, effect.source.key, effect.source.digest));
  Post(HoldDone{.checkpoint = info});
  return absl::OkStatus();
}

// Into a fresh directory that takes the other's place at once: after a crash in between there is
// nothing half restored.
absl::Status Attempts::RestoreInto(const Handle& attempt, const CheckpointKey& key,
                                   const std::string& digest) {
  const std::string& target = attempt->paths.checkpoint;
  const std::string fresh = absl::StrCat(attempt->paths.root, "/checkpoint.new");
  checkpoint::RestoreOptions options{.directory = fresh};
  if (attempt->launch.user.has_value()) {
    options.owner = std::make_pair(attempt->launch.user->uid, attempt->launch.user->gid);
  }
  RemoveWhole(fresh);
  HT_RETURN_IF_ERROR(os::EnsureDirectory(fresh));
  if (options.owner.has_value() &&
      lchown(fresh.c_str(), options.owner->first, options.owner->second) != 0) {
    return os::FileError(errno, "chown", fresh);
  }
  const absl::Status restored = world_.store.Restore(key, digest, options);
  // Damaged on this node's disk: the scheduler will name another copy, or an older checkpoint.
  if (absl::IsDataLoss(restored)) PostLost(key, digest, restored);
  HT_RETURN_IF_ERROR(restored);
  RemoveWhole(target);
  if (rename(fresh.c_str(), target.c_str()) != 0) return os::FileError(errno, "rename to", target);
  return absl::OkStatus();
}

void Attempts::On(const CancelFetch& effect) {
  const auto found = attempts_.find(effect.key);
  if (found != attempts_.end()) found->second->fetching.request_stop();
}

void Attempts::On(const Launch& effect) {
  const Handle attempt = attempts_.at(effect.key);
  InLane(effect.key, [this, attempt, effect] {
    const absl::Status started = Start(attempt, effect.key, effect.incarnation);
    if (started.ok()) {
      Post(
          LaunchDone{.key = effect.key, .incarnation = effect.incarnation, .started = absl::Now()});
    } else {
      Post(LaunchFailed{.key = effect.key,
                        .incarnation = effect.incarnation,
                        .detail = std::string(started.message())});
    }
  });
}

absl::Status Attempts::Start(const Handle& attempt, const AttemptKey& key, uint32_t incarnation) {
  HT_RETURN_IF_ERROR(attempt->prepared);
  // What it saved may have been moved into the store by an agent that ended before it could go on.
  if (incarnation > 1 && !Exists(attempt->paths.checkpoint)) {
    const CheckpointInfo* newest = nullptr;
    HT_ASSIGN_OR_RETURN(const std::vector<CheckpointInfo> held, world_.store.List());
    for (const CheckpointInfo& info : held) {
      if (info.key.attempt == key) newest = &info;
    }
    if (newest != nullptr) {
      HT_RETURN_IF_ERROR(RestoreInto(attempt, newest->key, newest->digest));
    }
    HT_RETURN_IF_ERROR(world_.runner.Prepare(attempt->launch));
  }
  exec::AttemptLaunch launch = attempt->launch;
  launch.incarnation = incarnation;
  return world_.runner.Start(launch);
}

void Attempts::On(const Steer& effect) {
  InLane(effect.key, [this, effect] {
    const exec::AttemptKey key = link::ToExec(effect.key);
    absl::Status told;
    switch (effect.wish) {
      case Steer::Wish::kRun:
        told = world_.runner.Thaw(key);
        break;
      case Steer::Wish::kFreeze:
        told = world_.runner.Freeze(key);
        break;
      case Steer::Wish::kLeave:
        told = world_.runner.Leave(key);
        break;
      case Steer::Wish::kStop:
        told = world_.runner.Stop(key);
        break;
    }
    // What has ended meanwhile need not be told.
    if (!told.ok() && !absl::IsNotFound(told)) {
      os::LogWarning("attempt not told", {{"attempt", effect.key}, {"error", told}});
    }
  });
}

void Attempts::On(const Seal& effect) {
  const Handle attempt = attempts_.at(effect.key.attempt);
  world_.carriers.Post([this, attempt, effect] {
    const v1::StartOrder& start = attempt->order.start();
    auto sealed = world_.store.Seal(
        {.key = effect.key,
         .directory = attempt->paths.checkpoint,
         .jurisdictions = {start.jurisdictions().begin(), start.jurisdictions().end()},
         .run_time = effect.run_time,
         .goes_on = effect.goes_on});
    if (sealed.ok()) {
      world_.metrics.sealed_bytes.Increment(static_cast<double>(sealed->size.value()));
      Post(SealDone{.checkpoint = *std::move(sealed)});
    } else {
      Post(SealFailed{.key = effect.key, .detail = std::string(sealed.status().message())});
    }
  });
}

void Attempts::On(const SaveOutcome& effect) {
  const Handle attempt = attempts_.at(effect.status.key);
  InLane(effect.status.key, [this, attempt, effect] {
    const absl::Status saved = WriteOutcome(attempt->paths.root, link::ToProto(effect.status));
    // What could not even be prepared has no directory, and nothing that a restart could find.
    if (saved.ok() || !attempt->prepared.ok()) {
      Post(OutcomeSaved{.key = effect.status.key});
      return;
    }
    os::LogError("outcome not saved, trying again",
                 {{"attempt", effect.status.key}, {"error", saved}});
    world_.loop.Post(
        [this, effect] { world_.loop.PostAfter(kRetrySave, [this, effect] { On(effect); }); });
  });
}

// On a worker: only logs and outputs stay.
void Attempts::Clear(const Handle& attempt, const AttemptKey& key) {
  for (const std::string& scratch : {attempt->paths.work, attempt->paths.checkpoint}) {
    if (!IsEmpty(scratch)) RemoveWhole(scratch);
  }
  const auto& outputs = attempt->order.start().task().outputs();
  const absl::Status pruned =
      link::PruneOutputs(attempt->paths.output, {outputs.begin(), outputs.end()});
  if (!pruned.ok()) os::LogWarning("outputs not pruned", {{"error", pruned}});
  const Bytes size = exec::MeasureTree(attempt->paths.root).value_or(Bytes::Zero());
  const absl::Status done = MarkDone(attempt->paths.root);
  if (!done.ok()) os::LogWarning("attempt not marked as done", {{"error", done}});
  world_.loop.Post([this, key, size] { world_.retention.Add(key, absl::Now(), size); });
}

void Attempts::On(const Forget& effect) {
  const auto found = attempts_.find(effect.key);
  if (found == attempts_.end()) return;  // It was refused; nothing was made.
  const Handle attempt = found->second;
  attempts_.erase(found);
  InLane(effect.key, [this, attempt, key = effect.key] {
    if (!attempt->prepared.ok()) {
      RemoveWhole(attempt->paths.root);
      world_.index.Erase(key);
      return;
    }
    const exec::AttemptPaths& paths = attempt->paths;
    if (IsEmpty(paths.work) && IsEmpty(paths.checkpoint) && IsEmpty(paths.output)) {
      Clear(attempt, key);
    } else {
      // A million files must not keep other attempts waiting for their turn.
      world_.carriers.Post([this, attempt, key] { Clear(attempt, key); });
    }
  });
}

void Attempts::On(const Hold& effect) {
  std::stop_source& stop = holding_[effect.source.key] = std::stop_source();
  Carry(effect.source.key, [this, effect, token = stop.get_token()] {
    auto info = PullHere(effect.source, token);
    world_.loop.Post([this, key = effect.source.key] { holding_.erase(key); });
    if (info.ok()) {
      Post(HoldDone{.checkpoint = *std::move(info)});
    } else {
      os::LogWarning("checkpoint not pulled",
                     {{"checkpoint", effect.source.key}, {"error", info.status()}});
      Post(HoldFailed{.key = effect.source.key, .detail = std::string(info.status().message())});
    }
  });
}

void Attempts::On(const Remove& effect) {
  const auto coming = holding_.find(effect.key);
  if (coming != holding_.end()) coming->second.request_stop();
  Carry(effect.key, [this, key = effect.key] {
    const absl::Status removed = world_.store.Remove(key);
    if (!removed.ok()) {
      os::LogWarning("checkpoint not removed", {{"checkpoint", key}, {"error", removed}});
    }
  });
}

void Attempts::On(const Note& note) {
  world_.metrics.Count(note);
  switch (note.kind) {
    case Note::Kind::kRefused:
    case Note::Kind::kSealFailed:
      os::LogWarning(note.kind == Note::Kind::kRefused ? "order refused" : "checkpoint not sealed",
                     {{"attempt", note.key}, {"reason", note.reason}, {"detail", note.detail}});
      break;
    case Note::Kind::kStarted:
    case Note::Kind::kCheckpointing:
    case Note::Kind::kSealed:
    case Note::Kind::kOrderIgnored:
      os::LogDebug("attempt", {{"attempt", note.key},
                               {"event", static_cast<int>(note.kind)},
                               {"reason", note.reason},
                               {"detail", note.detail}});
      break;
    case Note::Kind::kFrozen:
      os::LogInfo("attempt frozen", {{"attempt", note.key}, {"reason", note.reason}});
      break;
    case Note::Kind::kThawed:
      os::LogInfo("attempt goes on", {{"attempt", note.key}, {"reason", note.reason}});
      break;
    case Note::Kind::kLeaving:
    case Note::Kind::kStopping:
      os::LogInfo(note.kind == Note::Kind::kLeaving ? "attempt leaves" : "attempt is stopped",
                  {{"attempt", note.key}, {"reason", note.reason}});
      break;
    case Note::Kind::kEnded:
      world_.index.SetEnded(note.key);
      world_.metrics.CountEnd(note.phase);
      os::LogInfo("attempt ended", {{"attempt", note.key},
                                    {"phase", ToString(note.phase)},
                                    {"reason", note.reason},
                                    {"detail", note.detail}});
      world_.loop.PostAfter(kUnacknowledged, [this, key = note.key] { SyncEnd(key); });
      break;
  }
}

// Promise 5. As a rule it is forgotten by now.
void Attempts::SyncEnd(const AttemptKey& key) {
  if (!attempts_.contains(key)) return;
  InLane(key, [this, key] {
    absl::Status synced = world_.runner.SyncEnd(link::ToExec(key));
    if (synced.ok()) synced = SyncOrder(world_.runner.PathsOf(link::ToExec(key)).root);
    // Without an exit record its outcome is one that we saved, durably.
    if (!synced.ok() && !absl::IsNotFound(synced)) {
      os::LogWarning("outcome not synced", {{"attempt", key}, {"error", synced}});
    }
  });
}

void Attempts::OnEnd(const exec::AttemptKey& key, const exec::AttemptEnd& end) {
  Post(ProcessExited{.key = link::FromExec(key), .exit = link::ToExit(end, end.incarnation)});
}

void Attempts::Sweep(absl::Time now) {
  for (const AttemptKey& key : world_.retention.TakeExpired(now)) {
    world_.index.Erase(key);
    world_.carriers.Post([this, key] {
      absl::Status removed;
      do {
        removed = world_.runner.Remove(link::ToExec(key));
      } while (absl::IsResourceExhausted(removed));
      if (!removed.ok()) {
        os::LogWarning("attempt not removed", {{"attempt", key}, {"error", removed}});
      }
    });
  }
}

void Attempts::CancelPulls() {
  for (auto& [key, attempt] : attempts_) attempt->fetching.request_stop();
  for (auto& [key, stop] : holding_) stop.request_stop();
}

}  // namespace heliotrope::agent::daemon
