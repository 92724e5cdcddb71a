// The scheduler daemon: store, core, planner, gRPC and HTTP wired together, and its life from
// loading to the last flush.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/base/mutex.h"
#include "scheduler/core/machine.h"
#include "scheduler/daemon/config.h"
#include "scheduler/daemon/core_loop.h"
#include "scheduler/daemon/gauges.h"
#include "scheduler/daemon/metrics.h"
#include "scheduler/daemon/planner.h"
#include "scheduler/os/clock.h"
#include "scheduler/os/http_server.h"
#include "scheduler/os/metrics.h"
#include "scheduler/rpc/services.h"
#include "scheduler/store/store.h"
#include "scheduler/wire/server.h"

namespace heliotrope::daemon {

// One thread, that of main. Order of life: Start, any number of Reloads, Stop.
class Daemon {
 public:
  explicit Daemon(Config config);
  ~Daemon();

  // Opens the store, loads the state, and serves. The error says what to do.
  absl::Status Start();

  // Takes up what a reload may change. A file with any problem is refused whole: the daemon goes on
  // as it was and the log says why. Returns before the new fleet is durable.
  void Reload(const std::string& path);

  // Takes nothing more, answers and commits what it has, ends. An error when what it had could not
  // be written.
  absl::Status Stop();

  int grpc_port() const { return grpc_port_; }
  int http_port() const;

 private:
  absl::Status LoadState();
  rpc::CoreFacts MakeFacts() const;
  core::MachineOptions MakeMachineOptions() const;
  absl::Status Serve();
  // Whether the core thread goes round.
  absl::Status Healthy() const;
  // Whether it serves and can acknowledge.
  absl::Status Ready() const;
  void OnStoreHealth(const absl::Status& status);

  const Config config_;  // As started with; what a reload has changed is in the core.
  os::SchedulingClock clock_;
  os::MetricsRegistry registry_;
  Metrics metrics_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<core::Machine> machine_;
  std::unique_ptr<CoreLoop> core_;
  std::unique_ptr<Planner> planner_;
  std::unique_ptr<Gauges> gauges_;
  std::unique_ptr<rpc::Services> services_;
  std::unique_ptr<os::HttpServer> http_;
  int grpc_port_ = 0;
  mutable Mutex mutex_;
  wire::Server server_ ABSL_GUARDED_BY(mutex_);
  absl::Status ready_ ABSL_GUARDED_BY(mutex_);
  absl::Status store_health_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heliotrope::daemon
