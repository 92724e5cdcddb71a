// The host's own load, from /proc.
#pragma once

#include <memory>
#include <string>

#include "agent/probe/load_probe.h"
#include "agent/probe/proc_text.h"

namespace heliotrope::agent::probe {

// foreground = what the CPUs did since the measurement before, without what our attempts did. The
// length of that time is taken from the same file, so a clock that is set does no harm.
class HostProbe final : public LoadProbe {
 public:
  struct Options {
    std::string proc = "/proc";  // Another in tests.
  };

  // Reads the beginning of the first measurement. `own` is what our attempts have used until now.
  static absl::StatusOr<std::unique_ptr<HostProbe>> Create(const Options& options,
                                                           const OwnUsage& own);

  absl::StatusOr<Sample> Measure(absl::Time now, const OwnUsage& own) override;

  // All CPUs that are online, and all memory.
  MilliCores capacity() const;
  Bytes memory() const { return memory_; }

 private:
  explicit HostProbe(const Options& options) : options_(options) {}

  absl::StatusOr<CpuTimes> ReadCpuTimes() const;
  absl::StatusOr<HostMemory> ReadHostMemory() const;
  std::optional<double> ReadPressure(const std::string& resource) const;

  const Options options_;
  CpuTimes last_;
  absl::Duration last_own_cpu_;
  Bytes memory_;
};

}  // namespace heliotrope::agent::probe
