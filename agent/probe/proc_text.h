// The texts of /proc that a load sample is made from. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "scheduler/base/units.h"

namespace heliotrope::agent::probe {

// /proc/stat: of all CPUs together, since boot, in ticks.
struct CpuTimes {
  int64_t busy =
      0;  // Everything but idle and waiting for disks; stolen time is somebody's use too.
  int64_t total = 0;  // Busy and idle: time passed, times CPUs.
  int cpus = 0;       // Online ones.
};
absl::StatusOr<CpuTimes> ParseCpuTimes(absl::string_view proc_stat);

// /proc/meminfo.
struct HostMemory {
  Bytes total;
  Bytes available;  // MemAvailable: without swapping, so caches count as available.
};
absl::StatusOr<HostMemory> ParseHostMemory(absl::string_view proc_meminfo);

// The "some avg10" of a file of /proc/pressure, in percent.
std::optional<double> ParsePressure(absl::string_view proc_pressure);

}  // namespace heliotrope::agent::probe
