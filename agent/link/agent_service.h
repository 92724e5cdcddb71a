// What an agent serves itself: logs and outputs to readers, checkpoints to other agents.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>

#include "agent/checkpoint/store.h"
#include "agent/link/attempt_index.h"
#include "agent/link/workers.h"
#include "heliotrope/v1/agent.grpc.pb.h"

namespace heliotrope::agent::link {

// Thread-safe. Everything given must outlive the server that it is registered with.
class AgentService final : public v1::AgentService::CallbackService {
 public:
  struct Options {
    // Our own jurisdiction is not asked: what is here may be here. Calls at once; more are refused.
    int max_calls = 64;
    // Told how many bytes of checkpoints were sent, for metrics. May be empty.
    std::function<void(int64_t)> on_checkpoint_bytes = {};
    // Told, on a worker, that the checkpoint of this key and digest is not here as it was sealed. May
    // be empty.
    std::function<void(const CheckpointKey&, const std::string& digest, const absl::Status& why)>
        on_damaged = {};
  };

  AgentService(const AttemptIndex& index, const checkpoint::Store& store, Workers& workers,
               Options options)
      : index_(index), store_(store), workers_(workers), options_(std::move(options)) {}

  grpc::ServerWriteReactor<v1::ReadLogResponse>* ReadLog(
      grpc::CallbackServerContext* context, const v1::ReadLogRequest* request) override;
  grpc::ServerUnaryReactor* ListOutputs(grpc::CallbackServerContext* context,
                                        const v1::ListOutputsRequest* request,
                                        v1::ListOutputsResponse* response) override;
  grpc::ServerWriteReactor<v1::ReadOutputResponse>* ReadOutput(
      grpc::CallbackServerContext* context, const v1::ReadOutputRequest* request) override;
  grpc::ServerWriteReactor<v1::PullCheckpointResponse>* PullCheckpoint(
      grpc::CallbackServerContext* context, const v1::PullCheckpointRequest* request) override;

 private:
  template <class Response, class Make>
  grpc::ServerWriteReactor<Response>* Stream(Make make);

  const AttemptIndex& index_;
  const checkpoint::Store& store_;
  Workers& workers_;
  const Options options_;
  std::atomic<int> calls_{0};
};

}  // namespace heliotrope::agent::link
