// The gRPC services of the scheduler as its daemon sees them.
#pragma once

#include <grpcpp/impl/codegen/service_type.h>

#include <memory>
#include <vector>

#include "scheduler/os/metrics.h"
#include "scheduler/rpc/core_port.h"

namespace heliotrope::rpc {

// Thread-safe.
class Services : public EffectSink {
 public:
  // To be registered with the server. They live as long as this.
  virtual std::vector<grpc::Service*> All() = 0;

  // Ends every stream (agents', watchers') with UNAVAILABLE and refuses new ones, so that the
  // server's shutdown need not wait for them. OnEffects may still be called after.
  virtual void Stop() = 0;
};

// `core` and `metrics` must outlive the services.
std::unique_ptr<Services> MakeServices(CorePort& core, os::MetricsRegistry& metrics);

}  // namespace heliotrope::rpc
