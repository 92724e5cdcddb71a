// AgentHost: checkpoints are pulled from other agents, as agent/checkpoint/pull.cc does it.
#include <utility>

#include "absl/strings/numbers.h"
#include "scheduler/base/mark.h"
#include "tests/sim/agent_host.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr int kMaxFruitlessTries = 5;
// Of which a checkpoint consists on its way.
constexpr int kParts = 4;
constexpr absl::Duration kNoAnswer = absl::Seconds(5);
constexpr absl::Duration kBackoff = absl::Milliseconds(500);

}  // namespace

// In the checkpoint's lane, so that one pull of it is under way at a time.
void AgentHost::PullHere(agent::RestoreSource source, std::shared_ptr<bool> wanted,
                         std::function<void(absl::Status)> done) {
  auto pull = std::make_shared<Pull>();
  for (const std::string& address : source.addresses) {
    HostIndex holder = 0;
    if (absl::SimpleAtoi(address, &holder)) pull->holders.push_back(holder);
  }
  pull->source = std::move(source);
  pull->wanted = std::move(wanted);
  pull->done = std::move(done);
  const auto here = disk_.checkpoints.find(pull->source.key);
  if (here != disk_.checkpoints.end() && here->second.info.digest == pull->source.digest) {
    const bool allowed = agent::IsAllowed(here->second.jurisdictions, facts_.site.jurisdiction);
    pull->done(allowed ? absl::OkStatus() : absl::PermissionDeniedError("may not be here"));
    return;
  }
  if (here != disk_.checkpoints.end()) disk_.checkpoints.erase(here);
  TryHolder(pull);
}

void AgentHost::EndPull(const Pull& pull, const absl::Status& status) {
  if (!status.ok() && !disk_.checkpoints.contains(pull.source.key)) {
    PostLost(pull.source.key, pull.source.digest);
  }
  pull.done(status);
}

void AgentHost::TryHolder(const std::shared_ptr<Pull>& pull) {
  if (!*pull->wanted) return EndPull(*pull, absl::CancelledError("not wanted any more"));
  if (pull->holders.empty() || pull->fruitless >= kMaxFruitlessTries) {
    return EndPull(*pull, absl::UnavailableError("no holder gave it"));
  }
  const HostIndex holder = pull->holders.front();
  const bool answers =
      world_.Agent(holder).serves() && world_.network.connected(facts_.host, holder);
  const absl::Duration takes =
      answers ? 3 * world_.network.Delay(holder, facts_.host) + WorkTime() * 20 : kNoAnswer;
  After(takes, [this, pull] { EndTry(pull); });
}

void AgentHost::EndTry(const std::shared_ptr<Pull>& pull) {
  if (world_.CrashHere(facts_.host)) return;
  if (!*pull->wanted) return EndPull(*pull, absl::CancelledError("not wanted any more"));
  const int before = pull->parts;
  const absl::Status taken = TakeFrom(world_.Agent(pull->holders.front()), *pull);
  if (taken.ok()) return EndPull(*pull, taken);
  const bool final = absl::IsPermissionDenied(taken) || absl::IsNotFound(taken);
  if (!final && pull->parts > before) {
    pull->fruitless = 0;
  } else {
    // To the end of the line, or out of it.
    if (!final) pull->holders.push_back(pull->holders.front());
    if (!final) ++pull->fruitless;
    pull->holders.erase(pull->holders.begin());
  }
  After(kBackoff, [this, pull] { TryHolder(pull); });
}

absl::Status AgentHost::TakeFrom(AgentHost& holder, Pull& pull) {
  if (!holder.serves() || !world_.network.connected(facts_.host, holder.facts_.host)) {
    return absl::UnavailableError("no answer");
  }
  const auto found = holder.disk_.checkpoints.find(pull.source.key);
  if (found == holder.disk_.checkpoints.end()) return absl::NotFoundError("it is not there");
  if (found->second.info.digest != pull.source.digest) {
    holder.PostLost(pull.source.key, pull.source.digest);
    return absl::NotFoundError("another of its name is there");
  }
  // The holder asks, and the puller asks again.
  if (!agent::IsAllowed(found->second.jurisdictions, facts_.site.jurisdiction)) {
    return absl::PermissionDeniedError("may not go there");
  }
  const absl::Status complete = TakeParts(holder, found->second, pull);
  if (!complete.ok()) return complete;
  disk_.checkpoints[pull.source.key] = found->second;
  world_.trace.Add(now(), facts_.node.value(), "has pulled", pull.source.key);
  world_.promises.CheckpointRests(pull.source.key, facts_.host, found->second);
  return absl::OkStatus();
}

// The holder keeps back the last part of what is damaged, and the puller looks at the whole.
absl::Status AgentHost::TakeParts(AgentHost& holder, const StoredCheckpoint& stored, Pull& pull) {
  if (disk_full_) {
    pull.parts = 0;
    pull.tainted = false;
    return absl::UnavailableError("no space left on device");
  }
  if (pull.parts > 0) HT_MARK(pull_goes_on_from_an_offset);
  const int left = kParts - pull.parts;
  const int sent =
      random_.Chance(0.7) ? left : static_cast<int>(random_.Uniform(static_cast<uint64_t>(left)));
  if (stored.damaged && sent > 0) pull.tainted = true;
  pull.parts += sent;
  if (pull.parts < kParts) return absl::UnavailableError("broke off");
  if (stored.damaged) {
    HT_MARK(holder_finds_its_copy_damaged);
    --pull.parts;
    holder.PostLost(pull.source.key, pull.source.digest);
    return absl::DataLossError("damaged where it rests");
  }
  if (!pull.tainted) return absl::OkStatus();
  pull.parts = 0;
  pull.tainted = false;
  return absl::DataLossError("arrived damaged");
}

absl::Status AgentHost::CheckRestore(const agent::CheckpointKey& key) {
  const auto stored = disk_.checkpoints.find(key);
  if (stored == disk_.checkpoints.end()) return absl::NotFoundError("it is not here");
  if (!stored->second.damaged) return absl::OkStatus();
  HT_MARK(restore_finds_its_copy_damaged);
  PostLost(key, stored->second.info.digest);
  return absl::DataLossError("damaged here");
}

void AgentHost::PostLost(const agent::CheckpointKey& key, const std::string& digest) {
  PostEvent(agent::CheckpointLost{.key = key, .digest = digest, .detail = "not as it was sealed"});
}

}  // namespace heliotrope::faultsim
