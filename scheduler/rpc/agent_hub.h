// The agents' streams: who is connected, what each says, what each is told.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "heliotrope/v1/agent_stream.grpc.pb.h"
#include "scheduler/base/mutex.h"
#include "scheduler/rpc/core_port.h"

namespace heliotrope::rpc {

class AgentStream;

// Thread-safe.
class AgentHub final : public v1::AgentStreamService::CallbackService {
 public:
  explicit AgentHub(CorePort& core) : core_(core) {}
  ~AgentHub() override;

  grpc::ServerBidiReactor<v1::ConnectRequest, v1::ConnectResponse>* Connect(
      grpc::CallbackServerContext* context) override;

  // Orders for a session that is not the node's open stream are dropped: they are made up for when
  // the node says hello, and may have become wrong since (Promise 3). Consecutive ones for a node
  // become one message.
  void Send(const std::vector<core::Effect>& effects);
  void Stop();

 private:
  friend class AgentStream;
  void Remove(AgentStream* stream);
  // The stream speaks for the node from now on, instead of an older one.
  void Adopt(const NodeId& node, uint64_t session, const std::shared_ptr<AgentStream>& stream);
  std::shared_ptr<AgentStream> StreamOf(const NodeId& node, uint64_t session);

  CorePort& core_;
  Mutex mutex_;
  std::set<std::shared_ptr<AgentStream>> streams_ ABSL_GUARDED_BY(mutex_);
  std::map<NodeId, std::shared_ptr<AgentStream>> by_node_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_session_ ABSL_GUARDED_BY(mutex_) = 1;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace heliotrope::rpc
