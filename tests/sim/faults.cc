#include "tests/sim/faults.h"

#include <cmath>
#include <iterator>
#include <utility>

#include "tests/sim/clients.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

// Of agents. The last is not for this scheduler.
constexpr const char* kVersions[] = {"0.1.0", "0.2.0", "1.0.0"};

}  // namespace

void Faults::Begin() {
  world_.crash = [this](HostIndex host) {
    ++step_crashes_;
    if (host == kSchedulerHost) {
      KillScheduler();
    } else {
      KillAgent(world_.Agent(host));
    }
  };
  world_.scheduler_fails = [this] {
    world_.scheduler->Kill();
    StartSchedulerLater();
  };
  if (!world_.settings.faults.empty()) PlanNext();
}

void Faults::PlanNext() {
  const absl::Duration wait = world_.settings.fault_every * -std::log(1 - random_.Double());
  world_.queue.After(wait, [this] {
    if (over_) return;
    const auto& kinds = world_.settings.faults;
    Strike(kinds[random_.Uniform(kinds.size())]);
    PlanNext();
  });
}

absl::Duration Faults::Span() {
  const absl::Duration lease = world_.settings.lease;
  return random_.Chance(0.7) ? lease * 0.4 * random_.Double() : lease * 3 * random_.Double();
}

AgentHost& Faults::AnyAgent() { return *world_.agents[random_.Uniform(world_.agents.size())]; }

void Faults::Strike(Fault fault) {
  ++counts_[static_cast<size_t>(fault)];
  AgentHost& agent = AnyAgent();
  world_.trace.Add(world_.queue.now(), "FAULT", std::string(FaultName(fault)),
                   agent.facts().node.value());
  switch (fault) {
    case Fault::kSchedulerCrash:
    case Fault::kSchedulerPause:
    case Fault::kSchedulerDiskFull:
    case Fault::kSchedulerDiskSlow:
    case Fault::kSchedulerStop:
    case Fault::kSchedulerMoved:
    case Fault::kStoreTakenOver:
      return StrikeScheduler(fault);
    case Fault::kAgentCrash:
    case Fault::kAgentPause:
    case Fault::kAgentStop:
    case Fault::kAgentUpgrade:
    case Fault::kShimKill:
      return StrikeDaemon(fault, agent);
    case Fault::kAgentDiskFull:
    case Fault::kAgentDiskSlow:
    case Fault::kHostPowerCut:
    case Fault::kHostPause:
    case Fault::kReimage:
    case Fault::kBitRot:
      return StrikeAgent(fault, agent);
    case Fault::kStreamReset:
    case Fault::kPartition:
    case Fault::kOneWay:
    case Fault::kPeerPartition:
    case Fault::kClog:
      return StrikeLinks(fault, agent);
    case Fault::kClockStep:
    case Fault::kForegroundSpike:
    case Fault::kDrain:
    case Fault::kReload:
    case Fault::kWrongForecast:
      return StrikeFleet(fault, agent);
  }
}

// --- Scheduler ---

void Faults::KillScheduler() {
  SchedulerHost& scheduler = *world_.scheduler;
  if (!scheduler.up()) return;
  scheduler.Kill();
  StartSchedulerLater();
}

void Faults::StartSchedulerLater() {
  SchedulerHost& scheduler = *world_.scheduler;
  world_.queue.After(over_ ? absl::Seconds(1) : Span(), [&scheduler] {
    if (!scheduler.up()) scheduler.Start();
  });
}

// Its operator waits for its end, then starts it; when it hangs, he kills it.
void Faults::StopScheduler() {
  SchedulerHost& scheduler = *world_.scheduler;
  if (!scheduler.up()) return;
  scheduler.Stop();
  world_.queue.After(absl::Seconds(1) + Span(), [&scheduler, life = scheduler.life()] {
    if (scheduler.up() && scheduler.life() == life) scheduler.Kill();
    if (!scheduler.up()) scheduler.Start();
  });
}

void Faults::MoveScheduler() {
  SchedulerHost& scheduler = *world_.scheduler;
  if (!scheduler.up()) return;
  scheduler.Kill();
  const double rate = 1 + world_.settings.drift * (2 * random_.Double() - 1);
  const absl::Duration wrong = world_.settings.lease * (2 * random_.Double() - 1);
  scheduler.MoveToAnotherHost(rate, kWallStart + wrong);
  StartSchedulerLater();
}

void Faults::StrikeScheduler(Fault fault) {
  SchedulerHost& scheduler = *world_.scheduler;
  if (fault == Fault::kSchedulerCrash) {
    KillScheduler();
  } else if (fault == Fault::kSchedulerStop) {
    StopScheduler();
  } else if (fault == Fault::kSchedulerMoved) {
    MoveScheduler();
  } else if (fault == Fault::kStoreTakenOver) {
    scheduler.LoseStore();
  } else if (fault == Fault::kSchedulerPause) {
    if (!scheduler.up() || scheduler.paused()) return;
    scheduler.PauseProcess();
    world_.queue.After(Span(), [&scheduler] {
      if (scheduler.paused()) scheduler.ResumeProcess();
    });
  } else if (fault == Fault::kSchedulerDiskFull) {
    scheduler.set_disk_full(true);
    world_.queue.After(Span(), [&scheduler] { scheduler.set_disk_full(false); });
  } else {
    scheduler.set_disk_slow(true);
    world_.queue.After(Span(), [&scheduler] { scheduler.set_disk_slow(false); });
  }
}

// --- Agents and their hosts ---

void Faults::KillAgent(AgentHost& agent) {
  if (!agent.up()) return;
  agent.KillAgent();
  StartAgentLater(agent);
}

// Not while its host sleeps.
void Faults::StartAgentLater(AgentHost& agent) {
  world_.queue.After(Span(), [this, &agent] {
    if (agent.up() || !agent.host_up()) return;
    if (agent.host_paused()) {
      StartAgentLater(agent);
    } else {
      agent.StartAgent();
    }
  });
}

void Faults::PowerCut(AgentHost& agent, bool reimage) {
  if (!agent.host_up()) return;
  agent.PowerCut();
  if (reimage) {
    agent.Reimage();
    DeclareLostLater(agent, agent.instances());
  }
  world_.queue.After(absl::Seconds(5) + Span(), [&agent] {
    if (!agent.host_up()) agent.Boot();
  });
}

// Again and again until the scheduler has let the new agent in: it refuses while the lease holds.
void Faults::DeclareLostLater(AgentHost& agent, uint64_t instance) {
  world_.queue.After(world_.settings.lease * 1.3, [this, &agent, instance] {
    if (agent.instances() != instance) return;
    const SchedulerHost& scheduler = *world_.scheduler;
    if (scheduler.serving()) {
      const auto node = scheduler.machine()->nodes().find(agent.facts().node);
      if (node == scheduler.machine()->nodes().end()) return;
      if (node->second.instance == agent.disk().instance) return;
    }
    clients_.Operate(core::DeclareNodeLost{agent.facts().node});
    DeclareLostLater(agent, instance);
  });
}

void Faults::UpgradeAgent(AgentHost& agent) {
  agent.StopAgent();
  const auto cores = world_.settings.node_cores - 2 + static_cast<int64_t>(random_.Uniform(5));
  agent.ChangeAgent(kVersions[random_.Uniform(std::size(kVersions))], cores);
  StartAgentLater(agent);
}

void Faults::StrikeDaemon(Fault fault, AgentHost& agent) {
  if (fault == Fault::kShimKill) {
    if (agent.host_paused() || agent.running() == 0) return;
    agent.KillShim(random_.Uniform(agent.running()));
    return;
  }
  if (fault == Fault::kAgentCrash) return KillAgent(agent);
  if (!agent.up() || agent.paused()) return;
  if (fault == Fault::kAgentPause) {
    agent.Pause();
    world_.queue.After(Span(), [&agent] {
      if (!agent.host_paused()) agent.Resume();
    });
  } else if (fault == Fault::kAgentStop) {
    agent.StopAgent();
    StartAgentLater(agent);
  } else {
    UpgradeAgent(agent);
  }
}

void Faults::StrikeAgent(Fault fault, AgentHost& agent) {
  switch (fault) {
    case Fault::kBitRot:
      return agent.RotCheckpoint();
    case Fault::kAgentDiskFull:
      agent.set_disk_full(true);
      world_.queue.After(Span(), [&agent] { agent.set_disk_full(false); });
      return;
    case Fault::kAgentDiskSlow:
      agent.set_disk_slow(true);
      world_.queue.After(Span(), [&agent] { agent.set_disk_slow(false); });
      return;
    case Fault::kHostPause:
      if (!agent.host_up() || agent.host_paused()) return;
      agent.PauseHost();
      world_.queue.After(Span(), [&agent] { agent.ResumeHost(); });
      return;
    case Fault::kReimage:
      return PowerCut(agent, /*reimage=*/true);
    default:
      return PowerCut(agent, /*reimage=*/false);
  }
}

// --- Links ---

void Faults::StrikeLinks(Fault fault, AgentHost& agent) {
  Network& network = world_.network;
  const HostIndex host = agent.facts().host;
  HostIndex other = kSchedulerHost;
  if (fault == Fault::kPeerPartition) other = AnyAgent().facts().host;
  if (fault == Fault::kStreamReset) {
    agent.BreakStream();
  } else if (fault == Fault::kClog) {
    const bool up = random_.Chance(0.5);
    const HostIndex from = up ? host : other;
    const HostIndex to = up ? other : host;
    network.Clog(from, to, world_.settings.lease * random_.Double());
    world_.queue.After(Span(), [&network, from, to] { network.Unclog(from, to); });
  } else {
    const bool up = fault != Fault::kOneWay || random_.Chance(0.5);
    const bool down = fault != Fault::kOneWay || !up;
    if (up) network.Block(host, other);
    if (down) network.Block(other, host);
    world_.queue.After(Span(), [&network, host, other] {
      network.Unblock(host, other);
      network.Unblock(other, host);
    });
  }
}

// --- Clocks, load and operators ---

void Faults::StrikeFleet(Fault fault, AgentHost& agent) {
  if (fault == Fault::kClockStep) {
    const absl::Duration step = world_.settings.lease * (8 * random_.Double() - 4);
    HostClock& clock = random_.Chance(0.3) ? world_.scheduler->clock() : agent.clock();
    clock.StepWall(step);
  } else if (fault == Fault::kForegroundSpike) {
    agent.set_foreground(MilliCores::FromMilli(agent.facts().cores * 1000) * 1);
    world_.queue.After(absl::Minutes(1) + Span(),
                       [&agent] { agent.set_foreground(MilliCores::Zero()); });
  } else if (fault == Fault::kDrain) {
    const NodeId node = agent.facts().node;
    clients_.Operate(core::DrainNode{node, true});
    world_.queue.After(absl::Seconds(30) + Span(), [this, node] {
      clients_.Operate(core::DrainNode{node, false});
    });
  } else if (fault == Fault::kWrongForecast) {
    ImportWrongHistory(agent);
  } else {
    world_.narrow = !world_.narrow;
    if (world_.narrow) world_.promises.Narrowed();
    world_.scheduler->Reload();
  }
}

// Two days before the history begins.
void Faults::ImportWrongHistory(const AgentHost& agent) {
  constexpr double kLoads[] = {0, 0.5, 0.97, -1};
  const double load = kLoads[random_.Uniform(std::size(kLoads))];
  core::ImportCurve import;
  import.data_center = DataCenterId(agent.facts().site.data_center);
  for (absl::Duration back = absl::Hours(48); back > absl::Hours(1); back -= absl::Minutes(5)) {
    import.bins.push_back({.start = kWallStart - back, .load = load < 0 ? random_.Double() : load});
  }
  clients_.Operate(std::move(import));
}

// --- The end ---

void Faults::HealAll() {
  over_ = true;
  world_.crash = nullptr;
  world_.trace.Add(world_.queue.now(), "FAULT", "none from now on");
  world_.network.UnblockAll();
  world_.network.UnclogAll();
  SchedulerHost& scheduler = *world_.scheduler;
  scheduler.set_disk_full(false);
  scheduler.set_disk_slow(false);
  if (scheduler.paused()) scheduler.ResumeProcess();
  if (!scheduler.up()) scheduler.Start();
  for (const auto& agent : world_.agents) {
    agent->set_disk_full(false);
    agent->set_disk_slow(false);
    agent->set_foreground(MilliCores::Zero());
    if (!agent->host_up()) agent->Boot();
    if (agent->host_paused()) agent->ResumeHost();
    agent->Resume();
    const AgentHost::Facts& facts = agent->facts();
    if (facts.version != kVersions[0] || facts.cores != world_.settings.node_cores) {
      if (agent->up()) agent->StopAgent();
      agent->ChangeAgent(kVersions[0], world_.settings.node_cores);
    }
    if (!agent->up()) agent->StartAgent();
    const NodeId node = agent->facts().node;
    world_.queue.After(absl::Minutes(1), [this, node] {
      clients_.Operate(core::DrainNode{node, false});
    });
  }
}

}  // namespace heliotrope::faultsim
