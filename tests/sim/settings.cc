#include "tests/sim/settings.h"

#include <algorithm>
#include <utility>

#include "scheduler/base/random.h"

namespace heliotrope::faultsim {
namespace {

constexpr Site kSites[] = {{"frankfurt", "emea", "DE"},
                           {"paris", "emea", "FR"},
                           {"singapore", "asia", "SG"},
                           {"virginia", "americas", "US"}};

constexpr absl::string_view kFaultNames[] = {"scheduler-crash",
                                             "scheduler-pause",
                                             "scheduler-disk-full",
                                             "scheduler-disk-slow",
                                             "scheduler-stop",
                                             "scheduler-moved",
                                             "store-taken-over",
                                             "agent-crash",
                                             "agent-pause",
                                             "agent-disk-full",
                                             "agent-disk-slow",
                                             "agent-stop",
                                             "agent-upgrade",
                                             "shim-kill",
                                             "bit-rot",
                                             "power-cut",
                                             "host-pause",
                                             "reimage",
                                             "stream-reset",
                                             "partition",
                                             "one-way",
                                             "peer-partition",
                                             "clog",
                                             "clock-step",
                                             "foreground",
                                             "drain",
                                             "reload",
                                             "wrong-forecast"};
static_assert(std::size(kFaultNames) == kFaultCount);

// Drawn last, so that what a seed means without them stays.
std::vector<Quota> DrawQuotas(Random& random) {
  std::vector<Quota> quotas;
  if (!random.Chance(0.4)) return quotas;
  for (const char* account : {"acme", "globex"}) {
    if (!random.Chance(0.7)) continue;
    const int64_t cores = kMostTaskCores + static_cast<int64_t>(random.Uniform(5));
    quotas.push_back({account, cores, random.Chance(0.5) ? kMostTaskCores : cores});
  }
  return quotas;
}

}  // namespace

absl::string_view FaultName(Fault fault) { return kFaultNames[static_cast<int>(fault)]; }

Settings Draw(uint64_t seed) {
  Random random(seed);
  Settings made;
  made.seed = seed;
  constexpr int kLeases[] = {10, 30, 60, 120};
  made.lease = absl::Seconds(kLeases[random.Uniform(std::size(kLeases))]);
  made.lease_margin = std::max(made.lease / 10, absl::Seconds(1));
  const size_t sites = 2 + random.Uniform(3);
  made.sites.assign(std::begin(kSites), std::begin(kSites) + static_cast<ptrdiff_t>(sites));
  made.nodes_per_site = 1 + static_cast<int>(random.Uniform(2));
  made.drift = random.Chance(0.5) ? kMaxDrift * random.Double() : 0;
  made.latency = absl::Milliseconds(1 + static_cast<int64_t>(random.Uniform(80)));
  made.jobs = 2 + static_cast<int>(random.Uniform(8));
  made.fault_time = made.lease * (4 + 12 * random.Double());
  made.submit_over = made.fault_time * 0.8;
  made.cancels = random.Chance(0.5) ? 0.3 : 0;
  made.fault_every = made.lease * (0.05 + 0.6 * random.Double());
  const double share = 0.15 + 0.6 * random.Double();
  for (int i = 0; i < kFaultCount; ++i) {
    if (random.Chance(share)) made.faults.push_back(static_cast<Fault>(i));
  }
  if (random.Chance(0.5)) made.step_crash = 0.02 * random.Double();
  if (random.Chance(0.5)) made.lost_calls = 0.3 * random.Double();
  if (random.Chance(0.5)) made.doubled_calls = 0.2 * random.Double();
  made.quotas = DrawQuotas(random);
  return made;
}

core::FleetConfig MakeFleet(const Settings& settings, bool narrow) {
  core::FleetConfig fleet;
  std::vector<JurisdictionCode> codes;
  for (const Site& site : settings.sites) {
    model::DataCenter made;
    made.id = DataCenterId(site.data_center);
    made.region = RegionId(site.region);
    made.time_zone_name = "UTC";
    made.time_zone = absl::UTCTimeZone();
    made.jurisdiction = JurisdictionCode(site.jurisdiction);
    made.target_utilization = 1;
    codes.push_back(made.jurisdiction);
    fleet.data_centers.push_back(std::move(made));
  }
  std::sort(fleet.data_centers.begin(), fleet.data_centers.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::vector<JurisdictionCode> europe{JurisdictionCode("DE")};
  if (!narrow) europe.emplace_back("FR");
  fleet.jurisdictions = model::JurisdictionTable({{"EU", europe}}, codes);
  for (const Quota& quota : settings.quotas) {
    fleet.accounts[AccountId(quota.account)].most.cores =
        MilliCores::FromMilli(1000 * (narrow ? quota.narrow : quota.cores));
  }
  return fleet;
}

}  // namespace heliotrope::faultsim
