// A scheduler and an agent that answer from memory, on a port of the kernel's choice, and a way to
// run one command line against them.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "heliotrope/v1/agent.grpc.pb.h"
#include "heliotrope/v1/curves.grpc.pb.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "heliotrope/v1/plan.grpc.pb.h"
#include "scheduler/wire/server.h"

namespace heliotrope::cli {

// What the fakes share. Everything is set before a command runs and read after it.
struct World {
  std::mutex mutex;

  // In order of their creation.
  std::vector<v1::Job> jobs;
  // By job name.
  std::map<std::string, std::vector<v1::Task>> tasks;
  std::vector<v1::DataCenter> data_centers;
  std::vector<v1::Node> nodes;
  v1::Scheduler scheduler;
  v1::Curve curve;
  v1::Plan plan;
  std::vector<v1::Decision> decisions;
  v1::ExplainJobResponse explanation;

  // Answers of CreateJob before it accepts: UNAVAILABLE, and whether the job was taken all the
  // same.
  int create_failures = 0;
  // Refuses every job with this.
  absl::Status refusal;
  // Each WatchJobs call plays the next of these, then ends with its status.
  struct Watch {
    std::vector<v1::WatchJobsResponse> messages;
    grpc::Status end;
  };
  std::deque<Watch> watches;

  // What was asked.
  std::vector<v1::CreateJobRequest> creates;
  std::vector<v1::CreateJobRequest> previews;
  std::vector<v1::WatchJobsRequest> watched;
  std::vector<v1::ListJobsRequest> job_lists;
  std::vector<v1::CancelJobRequest> cancels;
  std::vector<v1::ImportCurveRequest> imports;
  std::vector<v1::ReadLogRequest> log_reads;

  // The agent: a log and output files by "TASK@ATTEMPT".
  std::map<std::string, std::string> logs;
  std::map<std::string, std::map<std::string, std::string>> outputs;
  // Readers that the agent lets read; empty means everybody.
  std::string jurisdiction;
  // ReadLog breaks with UNAVAILABLE after each this many bytes; 0 never does.
  int64_t break_log_after = 0;
  // Done once, when an agent has sent a whole log.
  std::function<void(World&)> after_log;
};

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// Runs `heliotrope args...` with nobody to talk to.
Result RunAlone(const std::vector<std::string>& args);

// A scheduler and an agent in one server.
class Fakes {
 public:
  Fakes();
  ~Fakes();

  World& world() { return world_; }
  const std::string& address() const { return server_.address; }

  struct RunOptions {
    std::string stdin_text = {};
    bool terminal = false;
  };
  // Runs `heliotrope args...` with --address of this server.
  Result Run(std::vector<std::string> args, const RunOptions& options);
  Result Run(std::vector<std::string> args) { return Run(std::move(args), RunOptions()); }

  // A running job of `count` tasks, each with one attempt on this agent.
  v1::Job& AddRunningJob(const std::string& id, int count);

 private:
  World world_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  wire::Server server_;
};

// A message that says that the job is in this state now.
v1::WatchJobsResponse Now(const std::string& id, v1::Job::State state);

}  // namespace heliotrope::cli
