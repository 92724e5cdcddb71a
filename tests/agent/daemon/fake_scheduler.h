// A scheduler that does as the test says: welcomes or refuses agents, grants leases or does not,
// sends orders, and remembers what it was told.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "heliotrope/v1/agent_stream.grpc.pb.h"
#include "scheduler/wire/server.h"

namespace heliotrope::agent::daemon {

// "1/0#1".
std::string KeyText(const v1::AttemptKey& key);
std::string KeyText(const v1::CheckpointKey& key);

// Thread-safe.
class FakeScheduler final : public v1::AgentStreamService::Service {
 public:
  FakeScheduler();
  ~FakeScheduler() override;

  const std::string& address() const { return server_.address; }

  // Change before agents connect, or between connections.
  absl::Duration lease = absl::Seconds(20);
  double speed = 1;
  absl::Time start = absl::FromUnixSeconds(1'700'000'000);
  int64_t term = 1;
  absl::Status refuse;
  std::set<std::string> refused_nodes;

  // Heartbeats are answered only while this holds.
  void SetGranting(bool granting);

  // To a node that is connected. False when it is not.
  bool Send(const std::string& node, const v1::AttemptOrder& order);
  bool Send(const std::string& node, const v1::CheckpointOrder& order);
  bool SendOrders(const std::string& node, const v1::Orders& orders);
  // Ends its stream.
  void HangUp(const std::string& node);

  // The latest that is known of an attempt; phase UNSPECIFIED when nothing is.
  v1::AttemptStatus Status(const std::string& key);
  v1::CheckpointStatus Checkpoint(const std::string& node, const std::string& key);
  std::vector<v1::Hello> hellos();
  int refusals();
  std::vector<v1::LoadReport::Sample> samples();
  // How many attempts have had a terminal status.
  size_t ended();
  // Answers every terminal status with FORGET.
  void SetForgetting(bool forgetting);

  // Waits until `condition` holds; false after a minute.
  bool Until(const std::function<bool()>& condition);

 private:
  using Stream = grpc::ServerReaderWriter<v1::ConnectResponse, v1::ConnectRequest>;
  grpc::Status Connect(grpc::ServerContext* context, Stream* stream) override;
  void Take(const std::string& node, const v1::ConnectRequest& request, Stream& stream);
  void TakeStatuses(const std::string& node,
                    const google::protobuf::RepeatedPtrField<v1::AttemptStatus>& attempts,
                    Stream& stream);
  v1::ConnectResponse Welcome();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool granting_ = true;
  bool forgetting_ = false;
  int refusals_ = 0;
  std::map<std::string, Stream*> streams_;
  std::map<std::string, grpc::ServerContext*> contexts_;
  std::map<std::string, v1::AttemptStatus> statuses_;
  std::set<std::string> ended_;
  std::map<std::string, std::map<std::string, v1::CheckpointStatus>> checkpoints_;
  std::vector<v1::Hello> hellos_;
  std::vector<v1::LoadReport::Sample> samples_;
  wire::Server server_;
};

}  // namespace heliotrope::agent::daemon
