// Real heliotrope-agent processes around a FakeScheduler, in a scratch directory; nothing is left.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "heliotrope/v1/agent.grpc.pb.h"
#include "tests/agent/daemon/fake_scheduler.h"

namespace heliotrope::agent::daemon {

struct AgentOptions {
  std::string jurisdiction = "DE";
  // Further lines of its configuration.
  std::string extra = {};
  bool wait_connected = true;
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest();
  ~AgentTest() override;

  // Starts the agent of a node, also again after it was ended. Waits until it serves and, unless
  // told otherwise, has said hello.
  void StartAgent(const std::string& node, const AgentOptions& options = {});
  // Sends it a signal and waits for its end; the wait status.
  int EndAgent(const std::string& node, int signal);
  bool IsRunning(const std::string& node);
  std::string Log(const std::string& node);
  std::string Metrics(const std::string& node);
  std::string Address(const std::string& node) { return agents_[node].address; }
  std::unique_ptr<v1::AgentService::Stub> Stub(const std::string& node);
  std::string AttemptDirectory(const std::string& node, const std::string& name) {
    return agents_[node].state + "/attempts/" + name;
  }

  // A START of `sh -c script` as attempt `number` of task 0 of a job.
  static v1::AttemptOrder Start(uint64_t job, uint32_t number, const std::string& script);
  // The same for a job that counts to `count`, saves its count when told, and goes on from there.
  // It writes "from N" when it starts, "begun" when it has counted on and "counted N" at the end.
  static v1::AttemptOrder Counting(uint64_t job, uint32_t number, int count);
  static v1::AttemptOrder Order(const v1::AttemptOrder& of, v1::AttemptOrder::Action action,
                                const std::string& reason = "");
  // Waits until the attempt is reported so.
  bool Reaches(const v1::AttemptOrder& of, v1::AttemptStatus::Phase phase);
  v1::AttemptStatus Status(const v1::AttemptOrder& of);
  // Its standard output, as the agent serves it.
  std::string Output(const std::string& node, const v1::AttemptOrder& of, bool follow = false);

  std::string directory_;
  FakeScheduler scheduler_;

 private:
  struct Agent {
    pid_t pid = -1;
    std::string state;
    std::string address;
    int http_port = 0;
  };
  void KillLeftovers(const std::string& state);

  std::map<std::string, Agent> agents_;
};

}  // namespace heliotrope::agent::daemon
