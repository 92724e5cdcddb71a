// The agent's metrics. No label carries a job, a task or a text that the scheduler chose.
#pragma once

#include <map>
#include <string>

#include "agent/core/effect.h"
#include "agent/core/types.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "scheduler/os/metrics.h"

namespace heliotrope::agent::daemon {

// Counters may be used from any thread; the gauges are set by the loop thread before each text.
class Metrics {
 public:
  explicit Metrics(os::MetricsRegistry& registry);

  // A decision of the core.
  void Count(const Note& note);
  // An attempt has ended so.
  void CountEnd(Phase phase) { ends_[static_cast<size_t>(phase)]->Increment(); }

  void SetPhases(const std::vector<int>& counts);

  prometheus::Counter& connects;
  prometheus::Counter& disconnects;
  prometheus::Counter& refused_hellos;
  prometheus::Counter& stale_messages;
  prometheus::Counter& sealed_bytes;
  prometheus::Counter& pulled_bytes;
  prometheus::Counter& served_bytes;
  prometheus::Counter& pulls;
  prometheus::Counter& failed_pulls;
  prometheus::Gauge& connected;
  prometheus::Gauge& lease_remaining;
  prometheus::Gauge& capacity_cores;
  prometheus::Gauge& promised_cores;
  prometheus::Gauge& foreground_cores;
  prometheus::Gauge& held_checkpoints;
  prometheus::Gauge& kept_attempts;
  prometheus::Gauge& kept_bytes;

 private:
  std::vector<prometheus::Gauge*> phases_;  // By Phase.
  std::vector<prometheus::Counter*> ends_;  // By Phase; null where it is not terminal.
  std::map<std::string, prometheus::Counter*> refusals_;  // By reason; "" is any other.
  prometheus::Counter& starts_;
  prometheus::Counter& freezes_;
  prometheus::Counter& thaws_;
  prometheus::Counter& ordered_leaves_;
  prometheus::Counter& pressure_leaves_;
  prometheus::Counter& stops_;
  prometheus::Counter& periodic_checkpoints_;
  prometheus::Counter& sealed_;
  prometheus::Counter& seal_failures_;
  prometheus::Counter& ignored_orders_;
};

}  // namespace heliotrope::agent::daemon
