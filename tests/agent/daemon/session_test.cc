#include "agent/daemon/session.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/exec/directory_tree.h"
#include "agent/exec/shim_runner.h"
#include "scheduler/os/metrics.h"
#include "scheduler/wire/time.h"

namespace heliotrope::agent::daemon {
namespace {

// Writes down what the session says.
class FakeLine final : public Line {
 public:
  void Open(uint64_t session, v1::ConnectRequest hello) override {
    said = absl::StrCat(said, "open ", session, " ", hello.hello().node_id(), "; ");
  }
  void Send(v1::ConnectRequest message) override {
    if (message.has_heartbeat()) {
      last_sequence = message.heartbeat().sequence();
      said += "heartbeat; ";
    } else {
      said += message.has_report() ? "report; " : "load; ";
    }
  }
  void Resume() override {}
  void Close() override { said += "close; "; }

  std::string Take() { return std::exchange(said, {}); }

  std::string said;
  int64_t last_sequence = 0;
};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    char pattern[] = "/tmp/session_test.XXXXXX";
    directory_ = mkdtemp(pattern);
    lease_ = *exec::LeaseFile::Open(directory_);
    runner_ = *exec::ShimRunner::Create({.state_directory = directory_,
                                         .shim = absl::StrCat(HT_BIN_DIR, "/heliotrope-shim"),
                                         .lease = {}},
                                        [](const exec::AttemptKey&, const exec::AttemptEnd&) {});
    config_.spec = machine_spec_;
    config_.load_interval = absl::Seconds(5);
    load_ = *LoadSampler::Create(config_, *runner_);
    v1::Hello hello;
    hello.set_node_id("node-a");
    session_ = std::make_unique<Session>(
        Session::World{
            .line = line_,
            .machine = machine_,
            .clock = clock_,
            .lease = *lease_,
            .load = *load_,
            .metrics = metrics_,
            .on_orders = [this](const v1::Orders&, Term) { ++orders_; },
            .apply = [this](const Event& event) { machine_.Apply(event, clock_.Read()); }},
        hello, 1);
  }
  ~SessionTest() override {
    runner_.reset();
    EXPECT_TRUE(exec::RemoveTree(directory_).ok());
  }

  v1::ConnectResponse Welcome(int64_t term = 1) {
    v1::ConnectResponse response;
    response.set_term(term);
    *response.mutable_welcome()->mutable_lease_duration() = wire::ToProto(absl::Seconds(60));
    *response.mutable_welcome()->mutable_heartbeat_interval() = wire::ToProto(absl::Seconds(10));
    return response;
  }
  v1::ConnectResponse Grant(int64_t term = 1) {
    v1::ConnectResponse response;
    response.set_term(term);
    response.mutable_lease()->set_sequence(line_.last_sequence);
    *response.mutable_lease()->mutable_duration() = wire::ToProto(absl::Seconds(60));
    return response;
  }

  // Connected at second 100, its first heartbeat sent.
  void Connect() {
    session_->Tick(absl::Seconds(100));
    session_->OnSent(1);
    session_->OnMessage(1, Welcome(), absl::Seconds(100));
    session_->Tick(absl::Seconds(100));
    session_->OnSent(1);
    line_.Take();
  }

  std::string directory_;
  NodeSpec machine_spec_{
      .cores = MilliCores::FromMilli(1000), .memory = Bytes::FromGiB(1), .jurisdiction = "DE"};
  Config config_;
  FakeLine line_;
  Machine machine_{machine_spec_};
  CoreClock clock_;
  std::unique_ptr<exec::LeaseFile> lease_;
  std::unique_ptr<exec::ShimRunner> runner_;
  std::unique_ptr<LoadSampler> load_;
  os::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  int orders_ = 0;
  std::unique_ptr<Session> session_;
};

TEST_F(SessionTest, HelloWelcomeHeartbeatLease) {
  session_->Tick(absl::Seconds(100));
  EXPECT_EQ(line_.Take(), "open 1 node-a; ");
  session_->OnSent(1);
  session_->OnMessage(1, Welcome(), absl::Seconds(101));
  EXPECT_TRUE(session_->connected());
  session_->Tick(absl::Seconds(101));
  EXPECT_EQ(line_.Take(), "heartbeat; ") << "the lease begins with it";
  session_->OnSent(1);
  session_->OnMessage(1, Grant(), absl::Seconds(105));
  EXPECT_EQ(lease_->deadline(), absl::Seconds(161)) << "from sending, not from the answer";
  EXPECT_EQ(session_->Deadline(), absl::Seconds(111));
  session_->Tick(absl::Seconds(110));
  EXPECT_EQ(line_.Take(), "");
  session_->Tick(absl::Seconds(111));
  EXPECT_EQ(line_.Take(), "heartbeat; ");
}

TEST_F(SessionTest, OneMessageIsUnderWayAtATime) {
  session_->Tick(absl::Seconds(100));
  session_->OnSent(1);
  session_->OnMessage(1, Welcome(), absl::Seconds(100));
  session_->Tick(absl::Seconds(100));
  line_.Take();
  session_->Tick(absl::Seconds(115));
  EXPECT_EQ(line_.Take(), "");
  session_->OnSent(1);
  session_->Tick(absl::Seconds(115));
  EXPECT_EQ(line_.Take(), "heartbeat; ");
}

TEST_F(SessionTest, ChangesAreReportedAtOnce) {
  Connect();
  machine_.Apply(OrdersReceived{.term = Term(1),
                                .orders = {StopOrder{.key = {.task = {.job = JobUid(1), .index = 0},
                                                             .attempt = AttemptNumber(1)},
                                                     .reason = "CANCELLED"}}},
                 clock_.Read());
  session_->Tick(absl::Seconds(101));
  EXPECT_EQ(line_.Take(), "report; ");
}

TEST_F(SessionTest, ASchedulerThatDoesNotAnswerIsGivenUp) {
  Connect();
  EXPECT_EQ(session_->Deadline(), absl::Seconds(110));
  for (const int second : {110, 120}) {
    session_->Tick(absl::Seconds(second));
    session_->OnSent(1);
  }
  line_.Take();
  session_->Tick(absl::Seconds(130));
  EXPECT_EQ(line_.Take(), "close; ") << "half a lease without an answer";
  session_->OnClosed(1, absl::CancelledError("closed"), absl::Seconds(130));
  EXPECT_LE(session_->Deadline(), absl::Seconds(131));
  session_->Tick(session_->Deadline());
  EXPECT_EQ(line_.Take(), "open 2 node-a; ");
}

TEST_F(SessionTest, AWelcomeThatDoesNotComeIsNotWaitedForForEver) {
  session_->Tick(absl::Seconds(100));
  line_.Take();
  session_->Tick(absl::Seconds(115));
  EXPECT_EQ(line_.Take(), "close; ");
}

TEST_F(SessionTest, ARefusalIsRetriedSlowly) {
  session_->Tick(absl::Seconds(100));
  session_->OnClosed(1, absl::AlreadyExistsError("another agent holds this node id"),
                     absl::Seconds(100));
  EXPECT_GE(session_->Deadline(), absl::Seconds(105));
  EXPECT_LE(session_->Deadline(), absl::Seconds(130));
  line_.Take();
  session_->Tick(session_->Deadline());
  EXPECT_EQ(line_.Take(), "open 2 node-a; ");
}

TEST_F(SessionTest, NobodyThereIsRetriedSoon) {
  session_->Tick(absl::Seconds(100));
  session_->OnClosed(1, absl::UnavailableError("connection refused"), absl::Seconds(100));
  EXPECT_LE(session_->Deadline(), absl::Seconds(101));
}

TEST_F(SessionTest, WhatComesLateOfAnEarlierStreamIsIgnored) {
  Connect();
  session_->OnClosed(1, absl::UnavailableError("broken"), absl::Seconds(101));
  session_->Tick(session_->Deadline());
  line_.Take();
  session_->OnMessage(1, Welcome(), absl::Seconds(102));
  EXPECT_FALSE(session_->connected());
  session_->OnClosed(1, absl::UnavailableError("broken"), absl::Seconds(102));
  session_->OnMessage(2, Welcome(), absl::Seconds(103));
  EXPECT_TRUE(session_->connected());
}

TEST_F(SessionTest, ALowerTermIsNotObeyed) {
  session_->Tick(absl::Seconds(100));
  session_->OnMessage(1, Welcome(/*term=*/5), absl::Seconds(100));
  line_.Take();
  v1::ConnectResponse stale;
  stale.set_term(4);
  stale.mutable_orders();
  session_->OnMessage(1, stale, absl::Seconds(101));
  EXPECT_EQ(orders_, 0);
  EXPECT_EQ(line_.Take(), "close; ");
}

TEST_F(SessionTest, ATermBelowZeroIsNotTheHighestOfAll) {
  session_->Tick(absl::Seconds(100));
  line_.Take();
  session_->OnMessage(1, Welcome(/*term=*/-1), absl::Seconds(100));
  EXPECT_FALSE(session_->connected());
  EXPECT_EQ(line_.Take(), "close; ");
  EXPECT_EQ(machine_.term(), Term(0));
}

TEST_F(SessionTest, OrdersBeforeWelcomeAreNotTaken) {
  session_->Tick(absl::Seconds(100));
  line_.Take();
  v1::ConnectResponse early;
  early.set_term(1);
  early.mutable_orders();
  session_->OnMessage(1, early, absl::Seconds(101));
  EXPECT_EQ(orders_, 0);
  EXPECT_EQ(line_.Take(), "close; ");
}

}  // namespace
}  // namespace heliotrope::agent::daemon
