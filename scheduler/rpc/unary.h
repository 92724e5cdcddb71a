// What every unary call does: a call that the caller has given up is not begun, its end is counted.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "scheduler/os/metrics.h"
#include "scheduler/rpc/core_port.h"
#include "scheduler/wire/status.h"

namespace heliotrope::rpc {

// Counts the calls of one method. Thread-safe.
class MethodMetrics {
 public:
  MethodMetrics(os::MetricsRegistry& metrics, const std::string& method)
      : calls_(metrics.AddCounter("heliotrope_scheduler_rpc_calls_total", "Calls that ended.",
                                  {{"method", method}})),
        failures_(metrics.AddCounter("heliotrope_scheduler_rpc_failures_total",
                                     "Calls that ended with an error.", {{"method", method}})) {}

  void Ended(const absl::Status& status) {
    calls_.Increment();
    if (!status.ok()) failures_.Increment();
  }

 private:
  prometheus::Counter& calls_;
  prometheus::Counter& failures_;
};

// Ends the call. The response must be filled already.
inline void Finish(grpc::ServerUnaryReactor* reactor, MethodMetrics& metrics,
                   const absl::Status& status) {
  metrics.Ended(status);
  reactor->Finish(wire::ToGrpc(status));
}

// A read: `fill` runs on the core thread and fills the response or says why not.
inline grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, CorePort& core,
                                        MethodMetrics& metrics,
                                        std::function<absl::Status(const core::Machine&)> fill) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto outcome = std::make_shared<absl::Status>();
  core.Query(
      [outcome, fill = std::move(fill)](const core::Machine& machine) { *outcome = fill(machine); },
      [reactor, outcome, &metrics](const absl::Status& status) {
        Finish(reactor, metrics, status.ok() ? *outcome : status);
      });
  return reactor;
}

}  // namespace heliotrope::rpc
