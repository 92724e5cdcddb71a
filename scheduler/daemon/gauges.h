// Gauges of the fleet and its jobs, refreshed every few seconds from what the core thread shows.
#pragma once

#include <array>
#include <map>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/mutex.h"
#include "scheduler/core/machine.h"
#include "scheduler/daemon/core_loop.h"
#include "scheduler/model/reason.h"
#include "scheduler/os/metrics.h"

namespace heliotrope::daemon {

// Thread-safe.
class Gauges {
 public:
  // Both must outlive it. Makes every label set that does not depend on the fleet at 0.
  Gauges(CoreLoop& core, os::MetricsRegistry& registry);
  ~Gauges() { Stop(); }

  void Start();
  // Before the core loop stops.
  void Stop();

  // Once, now. UNAVAILABLE when the core is stopping.
  absl::Status Refresh();

 private:
  static constexpr size_t kJobStates = 5;
  static constexpr size_t kTaskStates = 7;
  static constexpr size_t kPlanningReasons = 6;

  struct OfDataCenter {
    prometheus::Gauge* capacity = nullptr;
    prometheus::Gauge* foreground = nullptr;
    prometheus::Gauge* batch = nullptr;
    prometheus::Gauge* headroom = nullptr;
    prometheus::Gauge* reactive = nullptr;
    std::array<prometheus::Gauge*, kPlanningReasons> planning{};
    prometheus::Gauge* error_hour = nullptr;
    prometheus::Gauge* error_day = nullptr;
    std::array<prometheus::Gauge*, curve::kQuantiles> coverage{};
  };

  struct OfAccount {
    prometheus::Gauge* used = nullptr;
    prometheus::Gauge* limit = nullptr;
    prometheus::Gauge* pending = nullptr;
  };

  // What one look at the fleet yields; plain values, so that the look is short.
  struct Site {
    DataCenterId id;
    double capacity = 0;
    double foreground = 0;
    double batch = 0;
    double headroom = 0;
    bool reactive = true;
    model::Reason mode = model::Reason::kNoHistory;
    curve::CurveStatus curve;
    std::array<double, curve::kQuantiles> coverage = curve::kQuantileLevels;
  };
  struct Account {
    double used = 0;
    double limit = 0;
    double pending = 0;
  };
  struct FleetView {
    std::vector<Site> sites;
    std::map<std::string, Account> accounts;  // Those that are configured, and "other".
    std::array<int64_t, 3> nodes{};           // Ready, silent, lost.
    int64_t drained = 0;
    core::Machine::LateCounts late;
  };
  struct JobCounts {
    std::array<int64_t, kJobStates> jobs{};
    std::array<int64_t, kTaskStates> tasks{};
  };

  static FleetView LookAtFleet(const core::Machine& machine);
  static std::map<std::string, Account> LookAtAccounts(const core::Machine& machine);
  // Counts some jobs from `next` on, and sets it to where to go on; 0 when all are counted.
  static void CountSome(const core::Machine& machine, JobUid& next, JobCounts& counts);
  void Show(const FleetView& view) ABSL_EXCLUSIVE_LOCKS_REQUIRED(refresh_);
  void Show(const std::map<std::string, Account>& accounts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(refresh_);
  void Show(const JobCounts& counts);
  OfDataCenter MakeDataCenter(const DataCenterId& id);
  OfAccount MakeAccount(const std::string& account);
  void Remove(const OfDataCenter& gauges);
  void Run();

  CoreLoop& core_;
  os::MetricsRegistry& registry_;
  std::array<prometheus::Gauge*, kJobStates> jobs_{};
  std::array<prometheus::Gauge*, kTaskStates> tasks_{};
  std::array<prometheus::Gauge*, 3> nodes_{};
  prometheus::Gauge* drained_ = nullptr;
  prometheus::Gauge* late_ahead_ = nullptr;
  prometheus::Gauge* late_passed_ = nullptr;
  Mutex refresh_;  // One refresh at a time.
  std::map<DataCenterId, OfDataCenter> data_centers_ ABSL_GUARDED_BY(refresh_);
  std::map<std::string, OfAccount> accounts_ ABSL_GUARDED_BY(refresh_);
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace heliotrope::daemon
