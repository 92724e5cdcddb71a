// The scheduler's own metrics: what the core thread and the commit thread count as they go. Gauges
// of the fleet and its jobs are in gauges.h.
#pragma once

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/core/command.h"
#include "scheduler/core/effect.h"
#include "scheduler/os/metrics.h"

namespace heliotrope::daemon {

// The two lanes of the core's queue.
enum class Lane : unsigned char { kClients, kAgents };

// Thread-safe.
class Metrics {
 public:
  // `registry` must outlive it. Makes every label set at 0.
  explicit Metrics(os::MetricsRegistry& registry);

  os::MetricsRegistry& registry() { return registry_; }

  void OnApplied(const core::Command& command, const core::Reply& reply);
  void OnDecision(const core::Decision& decision);
  void OnBatch(size_t commands);
  void OnCommit(absl::Duration took, const absl::Status& status);
  void OnRefused(Lane lane);
  void OnLeasesRefreshed();
  void OnPlan(absl::Duration took);
  void OnReload(bool accepted);
  void SetQueued(Lane lane, size_t commands);
  void SetStoreWritable(bool writable);
  void SetStarted(Term term, absl::Duration recovery);

 private:
  void AddDecisions();
  void AddCommits();

  os::MetricsRegistry& registry_;
  prometheus::Counter* accepted_;
  prometheus::Counter* replayed_;
  prometheus::Counter* refused_;
  std::map<std::pair<core::DecisionKind, model::Reason>, prometheus::Counter*> decisions_;
  prometheus::Counter* other_decisions_ = nullptr;
  prometheus::Counter* lease_expiries_;
  prometheus::Counter* lease_refreshes_;
  prometheus::Counter* commits_ = nullptr;
  prometheus::Counter* commit_failures_ = nullptr;
  prometheus::Histogram* commit_seconds_ = nullptr;
  prometheus::Histogram* batch_commands_ = nullptr;
  prometheus::Gauge* writable_ = nullptr;
  std::map<Lane, prometheus::Gauge*> queued_;
  std::map<Lane, prometheus::Counter*> queue_refusals_;
  prometheus::Counter* plans_;
  prometheus::Histogram* plan_seconds_;
  prometheus::Counter* reloads_accepted_;
  prometheus::Counter* reloads_refused_;
  prometheus::Gauge* term_;
  prometheus::Gauge* recovery_seconds_;
};

}  // namespace heliotrope::daemon
