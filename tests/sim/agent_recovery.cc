// AgentHost: what an agent that has just started finds, as agent/daemon/attempts_recovery.cc does
// it, and what a power cut leaves.
#include <utility>
#include <vector>

#include "tests/sim/agent_host.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {

void AgentHost::Recover() {
  std::erase_if(disk_.checkpoints, [](const auto& entry) { return entry.second.unreadable; });
  for (const auto& [key, stored] : disk_.checkpoints) {
    Apply(agent::CheckpointFound{.checkpoint = stored.info});
  }
  std::vector<agent::AttemptKey> keys;
  for (const auto& [key, folder] : disk_.attempts) keys.push_back(key);
  for (const agent::AttemptKey& key : keys) RecoverOne(key, disk_.attempts.at(key));
}

void AgentHost::RecoverOne(const agent::AttemptKey& key, AttemptFolder& folder) {
  if (!folder.order) {
    // Nobody knows what it is for. It cannot run: its order was lost with the power.
    disk_.attempts.erase(key);
    return;
  }
  agent::AttemptFound found{
      .key = key, .spec = folder.order->order.spec, .state = agent::AttemptFound::NotStarted{}};
  const Handle attempt = std::make_shared<Attempt>();
  attempt->order = *folder.order;
  if (folder.outcome) {
    found.state = *folder.outcome;
  } else if (processes_.Runs(key)) {
    found.state = agent::AttemptFound::Running{.incarnation = folder.launched,
                                               .started = folder.started_time};
  } else if (folder.launched == 0) {
    if (!folder.saved) folder.saved = absl::ZeroDuration();
  } else if (folder.exit) {
    found.state = *folder.exit;
    // What was saved and not sealed before a power cut may not be whole.
    const bool sealed =
        disk_.checkpoints.contains({.attempt = key, .sequence = CheckpointSeq(folder.launched)});
    const bool before_boot = !folder.started || folder.started_boot != boots_;
    if (before_boot && sealed) folder.saved.reset();
    if (before_boot && !sealed && folder.exit->checkpointed) found.state = LostExit(folder);
  } else if (!folder.started && !after_boot_) {
    found.state = agent::AttemptFound::NotStarted{.last_incarnation = folder.launched - 1};
    if (folder.launched == 1) folder.saved = absl::ZeroDuration();
    if (disk_.checkpoints.contains(
            {.attempt = key, .sequence = CheckpointSeq(folder.launched - 1)})) {
      folder.saved.reset();
    }
  } else {
    found.state = LostExit(folder);
    // Its own files may be gone, too: the next process gets what was sealed.
    if (disk_.checkpoints.contains({.attempt = key, .sequence = CheckpointSeq(folder.launched)})) {
      folder.saved.reset();
    }
  }
  attempts_[key] = attempt;
  Apply(found);
}

agent::ExitReport AgentHost::LostExit(const AttemptFolder& folder) const {
  return {.incarnation = folder.launched,
          .kind = agent::ExitKind::kLost,
          .ended = clock_.Wall(now()),
          .error = "its shim is gone"};
}

void AgentHost::LoseUnsynced() {
  constexpr double kLost = 0.4;
  for (auto& [key, folder] : disk_.attempts) {
    if (folder.synced) continue;
    if (random_.Chance(kLost)) folder.order.reset();
    if (random_.Chance(kLost)) folder.exit.reset();
    if (random_.Chance(kLost)) folder.started = false;
    if (random_.Chance(kLost) && folder.saved) folder.saved = absl::ZeroDuration();
  }
}

}  // namespace heliotrope::faultsim
