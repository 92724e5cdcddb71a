#include "agent/daemon/load_sampler.h"

#include <algorithm>

#include "agent/probe/host_probe.h"
#include "agent/probe/replay_probe.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/clock.h"
#include "scheduler/os/csv.h"
#include "scheduler/os/log.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::daemon {
namespace {

// Over an hour at one in five seconds.
constexpr size_t kMaxWaiting = 1000;

absl::StatusOr<std::unique_ptr<probe::LoadProbe>> MakeReplay(const Config& config) {
  const config::v1::AgentConfig::Replay& replay = *config.replay;
  probe::ReplayProbe::Options options{.series = {},
                                      .peak = {},
                                      .low = {},
                                      .high = {},
                                      .time_zone = absl::UTCTimeZone(),
                                      .capacity = config.spec.cores,
                                      .memory = config.spec.memory};
  HT_ASSIGN_OR_RETURN(options.series, os::ReadSeriesCsv(replay.file()));
  if (replay.peak() > 0) options.peak = replay.peak();
  if (replay.high() > 0) {
    options.low = replay.low();
    options.high = replay.high();
  }
  if (!replay.time_zone().empty()) {
    HT_ASSIGN_OR_RETURN(options.time_zone, os::LoadTimeZone(replay.time_zone()));
  }
  return probe::ReplayProbe::Create(std::move(options));
}

}  // namespace

ForeignLoad WithinCapacity(const probe::Sample& sample, const NodeSpec& node) {
  const MilliCores spare_cores = std::max(sample.capacity - node.cores, MilliCores::Zero());
  const Bytes spare_memory = std::max(sample.memory_total - node.memory, Bytes::Zero());
  return {.cores = std::max(sample.foreground - spare_cores, MilliCores::Zero()),
          .memory = std::max(sample.foreground_memory - spare_memory, Bytes::Zero())};
}

absl::StatusOr<std::unique_ptr<LoadSampler>> LoadSampler::Create(
    const Config& config, const exec::AttemptRunner& runner) {
  auto sampler = std::unique_ptr<LoadSampler>(new LoadSampler(config, runner));
  if (sampler->is_replay_) {
    HT_ASSIGN_OR_RETURN(sampler->probe_, MakeReplay(config), "load.replay");
  } else {
    HT_ASSIGN_OR_RETURN(sampler->probe_, probe::HostProbe::Create({}, sampler->Own()));
  }
  return sampler;
}

// A replayed load needs no usage of ours, and counting it has its price.
probe::OwnUsage LoadSampler::Own() const {
  if (is_replay_) return {.cpu = absl::ZeroDuration(), .memory = Bytes::Zero()};
  const exec::Usage usage = runner_.TotalUsage();
  return {.cpu = usage.cpu, .memory = usage.memory};
}

std::optional<LoadSample> LoadSampler::Measure(absl::Time scheduling) {
  const auto sample = probe_->Measure(scheduling, Own());
  if (!sample.ok()) {
    if (!absl::IsUnavailable(sample.status())) {
      os::LogWarning("load not measured", {{"error", sample.status()}});
    }
    return std::nullopt;
  }
  const ForeignLoad foreign = WithinCapacity(*sample, node_);
  const double pressure = sample->psi_cpu_some_avg10.value_or(-1);
  v1::LoadReport::Sample proto;
  *proto.mutable_time() = wire::ToProto(sample->time);
  proto.set_foreground_milli_cores(foreign.cores.value());
  proto.set_foreground_memory_bytes(foreign.memory.value());
  proto.set_cpu_pressure_percent(pressure);
  waiting_.push_back(std::move(proto));
  if (waiting_.size() > kMaxWaiting) waiting_.pop_front();
  return LoadSample{
      .foreground = foreign.cores, .batch = sample->batch, .pressure_percent = pressure};
}

v1::LoadReport LoadSampler::TakeReport() {
  v1::LoadReport report;
  for (v1::LoadReport::Sample& sample : waiting_) *report.add_samples() = std::move(sample);
  waiting_.clear();
  return report;
}

}  // namespace heliotrope::agent::daemon
