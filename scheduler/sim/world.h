// A world to simulate in: a fleet with its foreground load and prices on one calendar, and the jobs
// that come. Plain values; load_world.h reads them from a directory. Times are whole seconds from
// the world's start.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"
#include "scheduler/curve/bin.h"
#include "scheduler/model/fleet.h"
#include "scheduler/model/job.h"

namespace heliotrope::sim {

using Seconds = int64_t;

inline constexpr Seconds kHour = 3600;
inline constexpr Seconds kDay = 24 * kHour;

// What saving, restoring and carrying take.
inline constexpr Seconds kSaveTime = 10;
inline constexpr Seconds kRestoreTime = 30;
inline constexpr int64_t kCarryMegabytesPerSecond = 125;  // 1 Gbit/s.

struct DataCenter {
  DataCenterId id;
  RegionId region;
  std::string time_zone_name;
  absl::TimeZone time_zone;
  JurisdictionCode jurisdiction;
  int nodes = 0;
  int cores_per_node = 0;
  Bytes memory_per_node;
  std::vector<curve::Bin> history;                    // Load before the start.
  std::vector<double> load;                           // By bin from the start to the horizon.
  std::vector<std::pair<absl::Time, double>> signal;  // Prices as given, history included.
  std::vector<double> price;                          // By hour from the start to the horizon.

  int64_t cores() const { return int64_t{nodes} * cores_per_node; }
};

struct Job {
  Seconds submit = 0;
  Seconds duration = 0;  // The true one: no scheduler sees it.
  Seconds expected = 0;
  Seconds deadline = 0;
  int cpus = 0;
  int64_t memory_mb = 0;
  int64_t checkpoint_mb = -1;  // -1: it cannot save its work.
  int priority = 0;
  size_t home = 0;
  size_t user = 0;       // Index of World::users.
  size_t residency = 0;  // Index of World::residencies.

  bool can_checkpoint() const { return checkpoint_mb >= 0; }
};

// Words of a residency with what they allow.
struct AllowedPlaces {
  model::Residency residency;
  uint64_t allowed = 0;  // Bit i: data_centers[i].
};

struct World {
  std::string path;
  absl::Time start;
  Seconds duration = 0;  // Of arrivals.
  Seconds horizon = 0;   // Whole bins and hours; nothing runs after it.
  double target_utilization = 0.8;
  std::vector<JurisdictionCode> codes;
  model::JurisdictionTable jurisdictions;
  std::vector<DataCenter> data_centers;  // Sorted by id; at most 64.
  std::vector<AllowedPlaces> residencies;
  std::vector<AccountId> users;
  std::vector<Job> jobs;  // By row of the file.

  absl::Time At(Seconds time) const { return start + absl::Seconds(time); }
  uint64_t AllowedOf(const Job& job) const { return residencies[job.residency].allowed; }
  bool Allows(const Job& job, size_t data_center) const {
    return (AllowedOf(job) >> data_center & 1) != 0;
  }
  double LoadAt(size_t data_center, Seconds time) const {
    return data_centers[data_center].load[static_cast<size_t>(time / curve::kBinSeconds)];
  }
  double PriceAt(size_t data_center, Seconds time) const {
    return data_centers[data_center].price[static_cast<size_t>(time / kHour)];
  }
  // Cores that batch may have by the target, at the measured load.
  double SpareAt(size_t data_center, Seconds time) const;
};

// Rows of the jobs that are submitted within the first `days`, by time of submission.
std::vector<size_t> ArrivalOrder(const World& world, int days);

// From the end of an attempt that has saved its work to the start of the next one.
Seconds RestoreTime(const Job& job, bool carried);

}  // namespace heliotrope::sim
