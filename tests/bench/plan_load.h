// What the planner's benchmarks are loaded with: a fleet of seven data centers around the world and
// a long queue, drawn from a seed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/random.h"
#include "scheduler/base/units.h"
#include "scheduler/core/command.h"
#include "scheduler/model/job.h"

namespace heliotrope::bench {

inline constexpr int kSites = 7;
inline constexpr int kQueuedTasks = 1'000'000;
inline constexpr int kQueuedClasses = 4'000;
inline constexpr int kCoresPerNode = 64;
inline constexpr Bytes kMemoryPerNode = Bytes::FromGiB(256);
inline constexpr double kTargetUtilization = 0.8;

// A Monday, 00:00 UTC.
absl::Time LoadStart();

// `percent`: what the queue asks for, of the week's headroom. Queue and load stay as they are and
// the fleet is as large as it takes.
int NodesPerSite(int percent);

// The fleet's configuration, without prices. Data centers are sorted by id.
core::FleetConfig FleetOf();

// Share of a data center's cores that its foreground takes: a day's wave by its local time, less at
// weekends.
double ForegroundAt(size_t site, absl::Time time);

// USD per MWh: dear in the morning and the evening, cheap at noon.
double PriceAt(size_t site, absl::Time time);

// Twelve of them.
const std::vector<model::Residency>& Residencies();

// Tasks that are alike.
struct Kind {
  model::Resources request;
  absl::Duration expected;  // Log-normal: minutes to hours.
  absl::Duration patience;  // From submission to deadline: two hours to seven days, or infinite.
  int priority = 0;
  std::optional<Bytes> checkpoint;
  size_t residency = 0;  // Index of Residencies().
  size_t home = 0;
  int count = 0;
};
Kind AKind(Random& random);

}  // namespace heliotrope::bench
