// How loaded this node is by others than us: measured on the host, or replayed from a record.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/base/units.h"

namespace heliotrope::agent::probe {

// What our own attempts use. CPU is a total that only grows; of which moment does not matter, only
// what it grows by from one measurement to the next.
struct OwnUsage {
  absl::Duration cpu;
  Bytes memory;
};

struct Sample {
  absl::Time time;  // As given to Measure: scheduling time.
  // CPU used by others, on average since the measurement before, of `capacity`.
  MilliCores foreground;
  MilliCores capacity;
  // CPU used by our attempts meanwhile; unknown where the load is replayed.
  std::optional<MilliCores> batch;
  Bytes memory_total;
  Bytes memory_available;
  // Used by others.
  Bytes foreground_memory;
  // Pressure stall information in percent of time; absent where the kernel does not tell.
  std::optional<double> psi_cpu_some_avg10;
  std::optional<double> psi_memory_some_avg10;
};

// Not thread-safe.
class LoadProbe {
 public:
  virtual ~LoadProbe() = default;

  // UNAVAILABLE when too little time has passed since the measurement before to tell: try later.
  virtual absl::StatusOr<Sample> Measure(absl::Time now, const OwnUsage& own) = 0;
};

}  // namespace heliotrope::agent::probe
