// One stream between an agent and the scheduler, with its two ends: each learns of the other's end
// when the network lets it, or by the silence.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "scheduler/base/ids.h"
#include "tests/sim/messages.h"
#include "tests/sim/network.h"

namespace heliotrope::faultsim {

struct World;
class AgentHost;

class AgentStream : public std::enable_shared_from_this<AgentStream> {
 public:
  // Dials, and says hello once the scheduler has accepted.
  static std::shared_ptr<AgentStream> Open(World& world, AgentHost& agent, uint64_t agent_session,
                                           core::NodeHello hello);

  AgentStream(World& world, AgentHost& agent, uint64_t agent_session);

  // --- The agent's end ---
  void SendUp(ToScheduler message);
  void CloseByAgent(const absl::Status& why);
  void AgentGone();

  // --- The scheduler's end ---
  void SendDown(ToAgent message);
  void EndByScheduler(const absl::Status& status);
  void SchedulerGone();
  bool ended() const { return scheduler_ended_; }
  uint64_t session() const { return session_; }
  void set_session(uint64_t session) { session_ = session; }
  const NodeId& node() const { return node_; }
  void set_node(NodeId node) { node_ = std::move(node); }

  // The connection breaks.
  void Break();

 private:
  void Dial(core::NodeHello hello);
  void Connected(core::NodeHello hello);
  void Watch();
  void TellAgent(const absl::Status& why);
  void TellScheduler();
  bool Silent() const;

  World& world_;
  AgentHost& agent_;
  const uint64_t agent_session_;
  const HostIndex host_;
  const std::shared_ptr<Channel> up_;
  const std::shared_ptr<Channel> down_;
  uint64_t session_ = 0;  // The scheduler's number; 0: not accepted.
  NodeId node_;           // Once its hello was taken.
  bool agent_ended_ = false;
  bool agent_told_ = false;
  bool scheduler_ended_ = false;
  bool silent_ = false;  // At the last look.
};

}  // namespace heliotrope::faultsim
