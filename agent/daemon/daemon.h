// The agent daemon, wired: one thread of decisions, workers for what blocks, the stream, the server
// for readers and other agents, metrics.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/checkpoint/store.h"
#include "agent/core/machine.h"
#include "agent/daemon/attempts.h"
#include "agent/daemon/config.h"
#include "agent/daemon/core_clock.h"
#include "agent/daemon/event_loop.h"
#include "agent/daemon/load_sampler.h"
#include "agent/daemon/metrics.h"
#include "agent/daemon/retention.h"
#include "agent/daemon/session.h"
#include "agent/exec/cgroup_tree.h"
#include "agent/exec/lease.h"
#include "agent/exec/shim_runner.h"
#include "agent/link/agent_service.h"
#include "agent/link/attempt_index.h"
#include "agent/link/scheduler_stream.h"
#include "agent/link/workers.h"
#include "scheduler/os/files.h"
#include "scheduler/os/http_server.h"
#include "scheduler/os/metrics.h"
#include "scheduler/wire/server.h"

namespace heliotrope::agent::daemon {

class Daemon {
 public:
  explicit Daemon(Config config);
  // Stops.
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Recovers what is on the disk, serves, and dials. Call once. FAILED_PRECONDITION when another
  // agent runs with the same state directory.
  absl::Status Start();
  // Leaves the attempts running. Twice does no harm.
  void Stop();

  int grpc_port() const { return grpc_port_; }
  int http_port() const;

 private:
  absl::Status OpenState();
  absl::Status OpenRunner();
  absl::Status Serve();
  absl::Status Dial();
  v1::Hello MakeHello() const;

  // Loop thread.
  void Apply(const Event& event);
  void TakeOrders(const v1::Orders& orders, Term term);
  void AfterBatch();
  absl::Duration Deadline() const;
  void MeasureLoad(absl::Duration now);
  absl::Duration LoadInterval() const;
  void SetGauges();

  const Config config_;
  os::MetricsRegistry registry_;
  Metrics metrics_;
  wire::Credentials credentials_;
  os::UniqueFd lock_;
  std::string instance_;
  std::unique_ptr<exec::LeaseFile> lease_;
  std::unique_ptr<exec::CgroupTree> cgroups_;
  std::optional<checkpoint::Store> store_;

  // Loop thread, once it runs.
  Machine machine_;
  CoreClock clock_;
  Retention retention_;
  absl::Duration next_load_ = absl::ZeroDuration();
  absl::Duration next_watchdog_ = absl::ZeroDuration();
  absl::Duration next_sweep_ = absl::ZeroDuration();
  std::optional<absl::Duration> watchdog_interval_;

  link::AttemptIndex index_;
  EventLoop loop_;
  std::unique_ptr<link::Workers> hands_;
  std::unique_ptr<link::Workers> carriers_;
  std::unique_ptr<exec::ShimRunner> runner_;
  std::unique_ptr<LoadSampler> load_;
  std::unique_ptr<Attempts> attempts_;
  std::unique_ptr<Line> line_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<link::AgentService> service_;
  wire::Server server_;
  std::string address_;
  int grpc_port_ = 0;
  std::unique_ptr<os::HttpServer> http_;
  bool started_ = false;
};

}  // namespace heliotrope::agent::daemon
