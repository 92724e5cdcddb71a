// AgentHost: checkpoints are pulled from other agents, as agent/checkpoint/pull.cc does it.
#include <utility>

#include "absl/strings/numbers.h"
#include "tests/sim/agent_host.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr int kMaxFruitlessTries = 5;
constexpr absl::Duration kNoAnswer = absl::Seconds(5);
constexpr absl::Duration kBackoff = absl::Milliseconds(500);

}  // namespace

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
  Carry([this, pull] {
    const auto here = disk_.checkpoints.find(pull->source.key);
    if (here != disk_.checkpoints.end() && here->second.info.digest == pull->source.digest) {
      const bool allowed = agent::IsAllowed(here->second.jurisdictions, facts_.site.jurisdiction);
      pull->done(allowed ? absl::OkStatus() : absl::PermissionDeniedError("may not be here"));
      return;
    }
    if (here != disk_.checkpoints.end()) disk_.checkpoints.erase(here);
    TryHolder(pull);
  });
}

void AgentHost::TryHolder(const std::shared_ptr<Pull>& pull) {
  if (!*pull->wanted) return;
  if (pull->holders.empty() || pull->fruitless >= kMaxFruitlessTries) {
    pull->done(absl::UnavailableError("no holder gave it"));
    return;
  }
  const HostIndex holder = pull->holders.front();
  const bool answers =
      world_.Agent(holder).serves() && world_.network.connected(facts_.host, holder);
  const absl::Duration takes =
      answers ? 3 * world_.network.Delay(holder, facts_.host) + WorkTime() * 20 : kNoAnswer;
  After(takes, [this, pull] { EndTry(pull); });
}

void AgentHost::EndTry(const std::shared_ptr<Pull>& pull) {
  if (!*pull->wanted || world_.CrashHere(facts_.host)) return;
  const AgentHost& holder = world_.Agent(pull->holders.front());
  const absl::Status taken = TakeFrom(holder, pull->source);
  if (taken.ok()) {
    pull->done(taken);
    return;
  }
  const bool final = !absl::IsUnavailable(taken);
  // To the end of the line, or out of it.
  if (!final) pull->holders.push_back(pull->holders.front());
  pull->holders.erase(pull->holders.begin());
  if (!final) ++pull->fruitless;
  After(kBackoff, [this, pull] { TryHolder(pull); });
}

absl::Status AgentHost::TakeFrom(const AgentHost& holder, const agent::RestoreSource& source) {
  if (!holder.serves() || !world_.network.connected(facts_.host, holder.facts_.host)) {
    return absl::UnavailableError("no answer");
  }
  const auto found = holder.disk_.checkpoints.find(source.key);
  if (found == holder.disk_.checkpoints.end() || found->second.info.digest != source.digest) {
    return absl::NotFoundError("it is not there");
  }
  // The holder asks, and the puller asks again.
  if (!agent::IsAllowed(found->second.jurisdictions, facts_.site.jurisdiction)) {
    return absl::PermissionDeniedError("may not go there");
  }
  if (disk_full_) return absl::UnavailableError("no space left on device");
  disk_.checkpoints[source.key] = found->second;
  world_.trace.Add(now(), facts_.node.value(), "has pulled", source.key);
  world_.promises.CheckpointRests(source.key, facts_.host, found->second);
  return absl::OkStatus();
}

}  // namespace heliotrope::faultsim
