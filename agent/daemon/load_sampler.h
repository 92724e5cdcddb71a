// The load as the core and the scheduler are told it.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/core/types.h"
#include "agent/daemon/config.h"
#include "agent/exec/attempt_runner.h"
#include "agent/probe/load_probe.h"
#include "heliotrope/v1/agent_stream.pb.h"

namespace heliotrope::agent::daemon {

// Cores and memory that others use, of what batch was promised: what the host has beyond that is
// theirs before it counts.
struct ForeignLoad {
  MilliCores cores;
  Bytes memory;
};
ForeignLoad WithinCapacity(const probe::Sample& sample, const NodeSpec& node);

// Loop thread only.
class LoadSampler {
 public:
  // `runner` must outlive it.
  static absl::StatusOr<std::unique_ptr<LoadSampler>> Create(const Config& config,
                                                             const exec::AttemptRunner& runner);

  // One measurement, kept for the next report; nullopt when there was none to be had.
  std::optional<LoadSample> Measure(absl::Time scheduling);

  // What was measured since the last report; the oldest are dropped when nobody takes them.
  bool has_report() const { return !waiting_.empty(); }
  v1::LoadReport TakeReport();

  bool is_replay() const { return is_replay_; }

 private:
  LoadSampler(const Config& config, const exec::AttemptRunner& runner)
      : node_(config.spec), runner_(runner), is_replay_(config.replay.has_value()) {}
  probe::OwnUsage Own() const;

  const NodeSpec node_;
  const exec::AttemptRunner& runner_;
  const bool is_replay_;
  std::unique_ptr<probe::LoadProbe> probe_;
  std::deque<v1::LoadReport::Sample> waiting_;
};

}  // namespace heliotrope::agent::daemon
