#include "tests/sim/world.h"

#include "absl/strings/numbers.h"
#include "scheduler/base/check.h"

namespace heliotrope::faultsim {

const Behavior& World::BehaviorOf(const model::JobSpec& spec) const {
  size_t number = 0;
  HT_CHECK(absl::SimpleAtoi(spec.environment.at(kBehaviorVariable), &number));
  return behaviors.at(number);
}

AgentHost* World::AgentOf(const NodeId& node) {
  for (const auto& agent : agents) {
    if (agent->facts().node == node) return agent.get();
  }
  return nullptr;
}

bool World::CrashHere(HostIndex host) {
  if (!crash || !random.Chance(settings.step_crash)) return false;
  crash(host);
  return true;
}

}  // namespace heliotrope::faultsim
