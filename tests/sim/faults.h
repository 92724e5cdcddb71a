// What goes wrong: faults at random moments, each with its end, and at last the end of all.
#pragma once

#include <array>
#include <cstdint>

#include "absl/time/time.h"
#include "scheduler/base/random.h"
#include "tests/sim/settings.h"

namespace heliotrope::faultsim {

struct World;
class AgentHost;
class Clients;

class Faults {
 public:
  Faults(World& world, Clients& clients, Random random)
      : world_(world), clients_(clients), random_(random) {}

  // Until HealAll.
  void Begin();
  // No fault from now on; what is broken is mended.
  void HealAll();

  // How many of each kind there were.
  const std::array<uint64_t, kFaultCount>& counts() const { return counts_; }
  uint64_t step_crashes() const { return step_crashes_; }

 private:
  void PlanNext();
  void Strike(Fault fault);
  void StrikeScheduler(Fault fault);
  void StrikeAgent(Fault fault, AgentHost& agent);
  void StrikeDaemon(Fault fault, AgentHost& agent);
  void StrikeLinks(Fault fault, AgentHost& agent);
  void StrikeFleet(Fault fault, AgentHost& agent);
  // A span that is mostly short against the lease, and sometimes longer.
  absl::Duration Span();
  void KillScheduler();
  void StopScheduler();
  void StartSchedulerLater();
  void MoveScheduler();
  void UpgradeAgent(AgentHost& agent);
  void ImportWrongHistory(const AgentHost& agent);
  void KillAgent(AgentHost& agent);
  void StartAgentLater(AgentHost& agent);
  void PowerCut(AgentHost& agent, bool reimage);
  // What ran there does not any more, and the scheduler cannot know it.
  void DeclareLostLater(AgentHost& agent, uint64_t instance);
  AgentHost& AnyAgent();

  World& world_;
  Clients& clients_;
  Random random_;
  bool over_ = false;
  std::array<uint64_t, kFaultCount> counts_{};
  uint64_t step_crashes_ = 0;
};

}  // namespace heliotrope::faultsim
