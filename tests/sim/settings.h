// What a seed means: the fleet, the jobs, which faults come and how often. Each history draws its
// own mixture, so that some have few kinds of faults and many of them, and others the reverse.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/core/command.h"

namespace heliotrope::faultsim {

enum class Fault : unsigned char {
  kSchedulerCrash,
  kSchedulerPause,
  kSchedulerDiskFull,
  kSchedulerDiskSlow,
  kSchedulerStop,   // Graceful.
  kSchedulerMoved,  // It comes back on another host, from its store.
  kStoreTakenOver,  // By another scheduler, as far as the store: this one's next commit is refused.
  kAgentCrash,
  kAgentPause,
  kAgentDiskFull,
  kAgentDiskSlow,
  kAgentStop,     // Graceful.
  kAgentUpgrade,  // It comes back with another version and another number of cores.
  kShimKill,      // Of a job that runs.
  kBitRot,        // Of a checkpoint at rest.
  kHostPowerCut,  // Unsynced writes may be lost, every process is.
  kHostPause,     // Jobs, shims and agent alike.
  kReimage,       // The host comes back with an empty disk.
  kStreamReset,
  kPartition,      // Scheduler and agent, both ways.
  kOneWay,         // Only one way.
  kPeerPartition,  // Agent and agent.
  kClog,           // A link becomes slow for a while.
  kClockStep,      // The wall clock of a host.
  kForegroundSpike,
  kDrain,
  kReload,         // The fleet's configuration, jurisdictions included.
  kWrongForecast,  // A history is imported that has nothing to do with what comes.
};
inline constexpr int kFaultCount = static_cast<int>(Fault::kWrongForecast) + 1;
absl::string_view FaultName(Fault fault);

struct Site {
  const char* data_center;
  const char* region;
  const char* jurisdiction;
};

// What an account may use at once; `narrow`: while the fleet's configuration is so.
struct Quota {
  const char* account;
  int64_t cores;
  int64_t narrow;
};

// Of the largest task that a job may have: what a quota always has room for.
inline constexpr int64_t kMostTaskCores = 4;

struct Settings {
  uint64_t seed = 0;
  // --- The scheduler's configuration ---
  absl::Duration lease;
  absl::Duration lease_margin;
  // --- The fleet ---
  std::vector<Site> sites;
  int nodes_per_site = 1;
  int64_t node_cores = 8;
  // Each host's clock runs at a constant rate between 1 - drift and 1 + drift. The lease argument
  // (scheduler/design/0003-leases.md) holds up to kMaxDrift.
  double drift = 0;
  absl::Duration latency;  // One way, at least; up to three times that.
  // --- The work ---
  int jobs = 0;
  absl::Duration submit_over;  // All are submitted within so long.
  double cancels = 0;          // Share of the jobs.
  std::vector<Quota> quotas;   // None in most histories.
  // --- The faults ---
  absl::Duration fault_time;   // Then they stop, and all must end.
  absl::Duration fault_every;  // On average.
  std::vector<Fault> faults;   // Those that come.
  double step_crash = 0;       // Chance of a crash at each step that is offered for one.
  double lost_calls = 0;       // Of clients: request or answer.
  double doubled_calls = 0;
};

// (1 + r) / (1 - r) <= 1 + margin / lease, with the margin a tenth of the lease.
inline constexpr double kMaxDrift = 0.04;

Settings Draw(uint64_t seed);

// The fleet's configuration as the operator wrote it. Narrow: the group EU without FR, and
// the smaller quotas.
core::FleetConfig MakeFleet(const Settings& settings, bool narrow);

}  // namespace heliotrope::faultsim
