#include "agent/probe/host_probe.h"

#include <unistd.h>

#include <algorithm>

#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::probe {
namespace {

// /proc/stat has a line of every interrupt of every CPU.
constexpr int64_t kProcBytes = 4 << 20;
// Counting in ticks of 10 ms each, a shorter time than this tells little.
constexpr int64_t kMinTicksPerCpu = 10;

// CPU time per time passed.
MilliCores Cores(double cpu_ticks, double ticks_passed) {
  return MilliCores::FromMilli(static_cast<int64_t>(1000.0 * cpu_ticks / ticks_passed + 0.5));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HostProbe>> HostProbe::Create(const Options& options,
                                                             const OwnUsage& own) {
  auto probe = std::unique_ptr<HostProbe>(new HostProbe(options));
  HT_ASSIGN_OR_RETURN(probe->last_, probe->ReadCpuTimes());
  HT_ASSIGN_OR_RETURN(const HostMemory memory, probe->ReadHostMemory());
  probe->memory_ = memory.total;
  probe->last_own_cpu_ = own.cpu;
  return probe;
}

absl::StatusOr<CpuTimes> HostProbe::ReadCpuTimes() const {
  HT_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(options_.proc + "/stat", kProcBytes));
  return ParseCpuTimes(text);
}

absl::StatusOr<HostMemory> HostProbe::ReadHostMemory() const {
  HT_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(options_.proc + "/meminfo", kProcBytes));
  return ParseHostMemory(text);
}

std::optional<double> HostProbe::ReadPressure(const std::string& resource) const {
  // Where the kernel was built without, or started with psi=0, it is missing or cannot be read.
  const auto text = os::ReadFile(options_.proc + "/pressure/" + resource, kProcBytes);
  if (!text.ok()) return std::nullopt;
  return ParsePressure(*text);
}

MilliCores HostProbe::capacity() const { return MilliCores::FromMilli(1000) * last_.cpus; }

absl::StatusOr<Sample> HostProbe::Measure(absl::Time now, const OwnUsage& own) {
  HT_ASSIGN_OR_RETURN(const CpuTimes times, ReadCpuTimes());
  HT_ASSIGN_OR_RETURN(const HostMemory memory, ReadHostMemory());
  const int64_t total = times.total - last_.total;
  if (total < kMinTicksPerCpu * times.cpus) {
    // A CPU that was taken away takes its time with it: then begin anew from here.
    if (total < 0) last_ = times, last_own_cpu_ = own.cpu;
    return Unavailable("TOO_SOON", "too little time since the load was measured last");
  }
  static const double ticks_per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double passed = static_cast<double>(total) / times.cpus;
  const double busy = static_cast<double>(std::max<int64_t>(times.busy - last_.busy, 0));
  const double own_ticks =
      std::max(0.0, absl::ToDoubleSeconds(own.cpu - last_own_cpu_)) * ticks_per_second;
  last_ = times;
  last_own_cpu_ = own.cpu;
  memory_ = memory.total;
  const MilliCores capacity = MilliCores::FromMilli(1000) * times.cpus;
  const Bytes used = memory.total - memory.available;
  return Sample{
      .time = now,
      // The two are counted by different clocks, so their difference can be a little below zero.
      .foreground = std::min(Cores(std::max(0.0, busy - own_ticks), passed), capacity),
      .capacity = capacity,
      .batch = Cores(own_ticks, passed),
      .memory_total = memory.total,
      .memory_available = memory.available,
      .foreground_memory = std::max(Bytes::Zero(), used - own.memory),
      .psi_cpu_some_avg10 = ReadPressure("cpu"),
      .psi_memory_some_avg10 = ReadPressure("memory"),
  };
}

}  // namespace heliotrope::agent::probe
