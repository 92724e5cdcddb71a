// AgentHost: what the core says about attempts and checkpoints is carried out, as
// agent/daemon/attempts.cc does it: short work in a lane for each attempt, long work beside it.
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "tests/sim/agent_host.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr absl::Duration kRetrySave = absl::Seconds(1);
constexpr absl::Duration kUnacknowledged = absl::Seconds(1);

// What a job finds when it was restored from that.
absl::Duration ReadBack(const StoredCheckpoint& stored) {
  return stored.damaged ? stored.progress + absl::Seconds(7) : stored.progress;
}

absl::Status NoSpace() { return absl::ResourceExhaustedError("no space left on device"); }

}  // namespace

void AgentHost::Do(const agent::Effect& effect) {
  std::visit([this](const auto& e) { On(e); }, effect);
}

void AgentHost::On(const agent::Prepare& effect) {
  const Handle attempt = std::make_shared<Attempt>();
  attempt->order = expected_.at(effect.key);
  attempts_[effect.key] = attempt;
  InLane(effect.key, [this, attempt, key = effect.key] {
    if (disk_full_) {
      attempt->prepared = NoSpace();
      return;
    }
    AttemptFolder& folder = disk_.attempts[key];
    folder = AttemptFolder{};
    folder.order = attempt->order;
    folder.saved = absl::ZeroDuration();
  });
}

void AgentHost::On(const agent::Fetch& effect) {
  const Handle attempt = attempts_.at(effect.key);
  attempt->fetching = std::make_shared<bool>(true);
  InLane(effect.key, [this, attempt, effect] {
    if (!attempt->prepared.ok()) {
      PostEvent(agent::FetchFailed{.key = effect.key, .detail = "not prepared"});
      return;
    }
    Carry(effect.source.key, [this, attempt, effect](const Done& done) {
      PullHere(effect.source, attempt->fetching, [this, effect, done](absl::Status status) {
        if (status.ok()) status = CheckRestore(effect.source.key);
        const auto folder = disk_.attempts.find(effect.key);
        if (!status.ok() || folder == disk_.attempts.end()) {
          PostEvent(agent::FetchFailed{.key = effect.key, .detail = std::string(status.message())});
        } else {
          const StoredCheckpoint& stored = disk_.checkpoints.at(effect.source.key);
          folder->second.saved = ReadBack(stored);
          PostEvent(agent::HoldDone{.checkpoint = stored.info});
          PostEvent(agent::FetchDone{.key = effect.key});
        }
        done();
      });
    });
  });
}

void AgentHost::On(const agent::CancelFetch& effect) {
  const auto found = attempts_.find(effect.key);
  if (found != attempts_.end()) *found->second->fetching = false;
}

void AgentHost::On(const agent::Launch& effect) {
  const Handle attempt = attempts_.at(effect.key);
  InLane(effect.key, [this, attempt, effect] {
    const absl::Status started = StartProcess(attempt, effect);
    if (world_.CrashHere(facts_.host)) return;
    if (started.ok()) {
      PostEvent(agent::LaunchDone{
          .key = effect.key, .incarnation = effect.incarnation, .started = clock_.Wall(now())});
    } else {
      PostEvent(agent::LaunchFailed{.key = effect.key,
                                    .incarnation = effect.incarnation,
                                    .detail = std::string(started.message())});
    }
  });
}

absl::Status AgentHost::StartProcess(const Handle& attempt, const agent::Launch& launch) {
  if (!attempt->prepared.ok()) return attempt->prepared;
  if (disk_full_) return NoSpace();
  AttemptFolder& folder = disk_.attempts.at(launch.key);
  // What it saved may have been moved into the store by an agent that ended before it could go on.
  if (launch.incarnation > 1 && !folder.saved) {
    const agent::CheckpointKey* newest = nullptr;
    for (const auto& [key, stored] : disk_.checkpoints) {
      if (key.attempt == launch.key) newest = &key;
    }
    if (newest != nullptr) {
      const absl::Status sound = CheckRestore(*newest);
      if (!sound.ok()) return sound;
      folder.saved = ReadBack(disk_.checkpoints.at(*newest));
    }
  }
  if (processes_.Runs(launch.key)) return absl::FailedPreconditionError("it runs already");
  processes_.Start(launch.key, launch.incarnation);
  return absl::OkStatus();
}

void AgentHost::On(const agent::Steer& effect) {
  InLane(effect.key, [this, effect] { processes_.Steer(effect.key, effect.wish); });
}

void AgentHost::On(const agent::Seal& effect) {
  const Handle attempt = attempts_.at(effect.key.attempt);
  Carry(effect.key, [this, attempt, effect](const Done& done) {
    const absl::Status sealed = SealNow(attempt, effect);
    if (world_.CrashHere(facts_.host)) return;
    done();
    if (sealed.ok()) {
      PostEvent(agent::SealDone{.checkpoint = disk_.checkpoints.at(effect.key).info});
    } else {
      PostEvent(agent::SealFailed{.key = effect.key, .detail = std::string(sealed.message())});
    }
  });
}

absl::Status AgentHost::SealNow(const Handle& attempt, const agent::Seal& seal) {
  if (disk_full_) return NoSpace();
  if (disk_.checkpoints.contains(seal.key)) return absl::AlreadyExistsError("sealed before");
  const auto folder = disk_.attempts.find(seal.key.attempt);
  if (folder == disk_.attempts.end() || !folder->second.saved) {
    return absl::FailedPreconditionError("nothing was saved");
  }
  StoredCheckpoint stored;
  stored.progress = *folder->second.saved;
  stored.jurisdictions = attempt->order.start.jurisdictions;
  stored.info.key = seal.key;
  stored.info.digest =
      absl::StrCat(absl::Hex(absl::ToInt64Nanoseconds(stored.progress), absl::kZeroPad16),
                   absl::Hex(seal.key.attempt.attempt.value(), absl::kZeroPad16));
  stored.info.size = Bytes::FromMiB(1);
  stored.info.run_time = seal.run_time;
  world_.trace.Add(now(), facts_.node.value(), "seals", seal.key, "of progress", stored.progress);
  if (!seal.goes_on) folder->second.saved.reset();
  disk_.checkpoints[seal.key] = stored;
  world_.promises.CheckpointRests(seal.key, facts_.host, stored);
  return absl::OkStatus();
}

void AgentHost::On(const agent::SaveOutcome& effect) {
  const Handle attempt = attempts_.at(effect.status.key);
  InLane(effect.status.key, [this, attempt, effect] {
    const auto folder = disk_.attempts.find(effect.status.key);
    if (folder == disk_.attempts.end() || !attempt->prepared.ok()) {
      // Nothing that a restart could find.
      PostEvent(agent::OutcomeSaved{.key = effect.status.key});
      return;
    }
    if (disk_full_) {
      Post(kRetrySave, [this, effect] { On(effect); });
      return;
    }
    folder->second.outcome = effect.status;
    folder->second.synced = true;
    PostEvent(agent::OutcomeSaved{.key = effect.status.key});
  });
}

void AgentHost::On(const agent::Forget& effect) {
  if (attempts_.erase(effect.key) == 0) return;
  InLane(effect.key, [this, key = effect.key] { disk_.attempts.erase(key); });
}

void AgentHost::On(const agent::Hold& effect) {
  const auto wanted = holding_[effect.source.key] = std::make_shared<bool>(true);
  Carry(effect.source.key, [this, effect, wanted](const Done& done) {
    PullHere(effect.source, wanted, [this, effect, wanted, done](const absl::Status& status) {
      const auto holding = holding_.find(effect.source.key);
      if (holding != holding_.end() && holding->second == wanted) holding_.erase(holding);
      if (status.ok()) {
        PostEvent(agent::HoldDone{.checkpoint = disk_.checkpoints.at(effect.source.key).info});
      } else {
        PostEvent(agent::HoldFailed{.key = effect.source.key,
                                    .detail = absl::StrCat("no: ", std::string(status.message()))});
      }
      done();
    });
  });
}

void AgentHost::On(const agent::Remove& effect) {
  const auto coming = holding_.find(effect.key);
  if (coming != holding_.end()) *coming->second = false;
  Carry(effect.key, [this, key = effect.key](const Done& done) {
    world_.trace.Add(now(), facts_.node.value(), "removes", key);
    disk_.checkpoints.erase(key);
    done();
  });
}

void AgentHost::On(const agent::Note& note) {
  if (note.kind != agent::Note::Kind::kEnded) return;
  Post(kUnacknowledged, [this, key = note.key] {
    if (!attempts_.contains(key)) return;
    InLane(key, [this, key] {
      const auto folder = disk_.attempts.find(key);
      if (folder != disk_.attempts.end()) folder->second.synced = true;
    });
  });
}

}  // namespace heliotrope::faultsim
