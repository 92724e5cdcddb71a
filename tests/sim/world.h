// Everything of one simulated history.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/random.h"
#include "tests/sim/agent_host.h"
#include "tests/sim/behavior.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/network.h"
#include "tests/sim/promises.h"
#include "tests/sim/scheduler_host.h"
#include "tests/sim/settings.h"
#include "tests/sim/trace.h"

namespace heliotrope::faultsim {

// What wall clocks show when a history begins: a Monday.
inline const absl::Time kWallStart =
    absl::FromCivil(absl::CivilHour(2026, 3, 2, 0), absl::UTCTimeZone());

// The name in a job's environment by which its behaviour is found.
inline constexpr char kBehaviorVariable[] = "BEHAVIOR";

struct World {
  World(const Settings& with, const Trace::Options& tracing)
      : settings(with),
        trace(tracing),
        random(with.seed ^ 0x5eed),
        network(queue, random.Fork(), with.latency),
        promises(*this) {}

  const Behavior& BehaviorOf(const model::JobSpec& spec) const;
  AgentHost& Agent(HostIndex host) { return *agents[static_cast<size_t>(host - 1)]; }
  AgentHost* AgentOf(const NodeId& node);

  // Between two steps of that host's daemon: whether it was killed there. The caller returns at
  // once.
  bool CrashHere(HostIndex host);

  const Settings settings;
  EventQueue queue;
  Trace trace;
  Random random;
  Network network;
  Promises promises;
  std::vector<Behavior> behaviors;
  bool narrow = false;  // The operator's configuration, as it is now.
  // Kills and restarts a daemon at a step; set while faults come.
  std::function<void(HostIndex)> crash;
  // The scheduler ends because of what it has seen, and is started again.
  std::function<void()> scheduler_fails;
  std::vector<std::unique_ptr<AgentHost>> agents;
  std::unique_ptr<SchedulerHost> scheduler;
};

}  // namespace heliotrope::faultsim
