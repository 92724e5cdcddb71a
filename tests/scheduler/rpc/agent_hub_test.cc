// Agents' streams over an in-process channel, with a core that answers when the test says so.
#include "scheduler/rpc/agent_hub.h"

#include <grpcpp/client_context.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/scheduler/rpc/fake_core.h"

namespace heliotrope::rpc {
namespace {

// One agent's end of a stream.
class Agent {
 public:
  explicit Agent(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::AgentStreamService::NewStub(channel)) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    stream_ = stub_->Connect(&context_);
  }

  void Hello() {
    v1::ConnectRequest request;
    v1::Hello& hello = *request.mutable_hello();
    hello.set_node_id("n1");
    hello.set_instance_id("i");
    hello.set_version("0.1.0");
    hello.set_data_center("dubai");
    hello.set_jurisdiction("AE");
    hello.set_capacity_milli_cores(8000);
    hello.set_capacity_memory_bytes(1 << 30);
    hello.set_address("127.0.0.1:7410");
    EXPECT_TRUE(stream_->Write(request));
  }
  void Heartbeat(int64_t sequence) {
    v1::ConnectRequest request;
    request.mutable_heartbeat()->set_sequence(sequence);
    EXPECT_TRUE(stream_->Write(request));
  }
  v1::ConnectResponse Read() {
    v1::ConnectResponse response;
    EXPECT_TRUE(stream_->Read(&response));
    return response;
  }
  void Cancel() { context_.TryCancel(); }
  grpc::StatusCode Finish() { return stream_->Finish().error_code(); }

 private:
  std::unique_ptr<v1::AgentStreamService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ConnectRequest, v1::ConnectResponse>> stream_;
};

class AgentHubTest : public testing::Test {
 protected:
  AgentHubTest() : hub_(core_) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&hub_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
  }
  ~AgentHubTest() override {
    hub_.Stop();
    server_->Shutdown();
  }

  // The session that the core is told; the agent has read its welcome.
  uint64_t Join(Agent& agent) {
    agent.Hello();
    const FakeCore::Asked asked = core_.Next();
    asked.done(core::Reply{});
    EXPECT_TRUE(agent.Read().has_welcome());
    return std::get<core::NodeHello>(asked.command).session;
  }
  static core::OrderAttempt Stop(uint64_t session, uint32_t attempt) {
    core::OrderAttempt order;
    order.node = NodeId("n1");
    order.session = session;
    order.key = {TaskId{JobUid(1), 0}, AttemptNumber(attempt)};
    order.action = core::AttemptAction::kStop;
    return order;
  }

  FakeCore core_;
  AgentHub hub_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// Promise 3: an order may have waited for its commit while its node was given up and came back.
TEST_F(AgentHubTest, OrdersOfAnOlderSessionAreDropped) {
  Agent before(channel_);
  const uint64_t older = Join(before);
  Agent agent(channel_);
  const uint64_t session = Join(agent);
  EXPECT_EQ(before.Finish(), grpc::ABORTED);
  hub_.Send({Stop(older, 1), Stop(session, 2)});
  const v1::ConnectResponse response = agent.Read();
  ASSERT_EQ(response.orders().attempts_size(), 1);
  EXPECT_EQ(response.orders().attempts(0).key().attempt(), 2u);
}

TEST_F(AgentHubTest, AStreamThatEndsBeforeHelloIsAnsweredIsStillReportedGone) {
  Agent agent(channel_);
  agent.Hello();
  const FakeCore::Asked asked = core_.Next();
  hub_.Stop();
  asked.done(core::Reply{});
  EXPECT_EQ(agent.Finish(), grpc::UNAVAILABLE);
  const auto gone = std::get<core::NodeGone>(core_.Next().command);
  EXPECT_EQ(gone.session, std::get<core::NodeHello>(asked.command).session);
}

// The call must outlive the core's answer, which reads and writes on it.
TEST_F(AgentHubTest, AnAgentMayDieWhileTheCoreThinks) {
  for (int64_t i = 0; i < 20; ++i) {
    Agent agent(channel_);
    const uint64_t session = Join(agent);
    agent.Heartbeat(i);
    const FakeCore::Asked asked = core_.Next();
    agent.Cancel();
    EXPECT_EQ(agent.Finish(), grpc::CANCELLED);
    asked.done(core::Reply{});
    EXPECT_EQ(std::get<core::NodeGone>(core_.Next().command).session, session);
  }
}

}  // namespace
}  // namespace heliotrope::rpc
