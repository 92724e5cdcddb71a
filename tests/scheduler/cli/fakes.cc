#include "tests/scheduler/cli/fakes.h"

#include <algorithm>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/cli/run.h"
#include "scheduler/wire/credentials.h"
#include "scheduler/wire/status.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

using Lock = std::lock_guard<std::mutex>;

grpc::Status Unavailable() { return {grpc::StatusCode::UNAVAILABLE, "leader lost"}; }

grpc::Status Missing(absl::string_view kind, const std::string& name) {
  return wire::ToGrpc(NotFound(kind, name));
}

// A page of `items` from the offset that the token holds. Pages of the fake are small, to be many.
template <class Item, class Add>
std::string Page(const std::vector<Item>& items, int page_size, const std::string& token, Add add) {
  int from = 0;
  EXPECT_TRUE(token.empty() || absl::SimpleAtoi(token, &from)) << token;
  const int end = std::min({static_cast<int>(items.size()), from + 2, from + page_size});
  for (int i = from; i < end; ++i) add(items[static_cast<size_t>(i)]);
  return end < static_cast<int>(items.size()) ? absl::StrCat(end) : "";
}

class FakeJobs : public v1::JobService::Service {
 public:
  explicit FakeJobs(World& world) : world_(world) {}

  grpc::Status CreateJob(grpc::ServerContext*, const v1::CreateJobRequest* request,
                         v1::Job* response) override {
    const Lock lock(world_.mutex);
    world_.creates.push_back(*request);
    if (world_.create_failures > 0) {
      --world_.create_failures;
      return Unavailable();
    }
    if (!world_.refusal.ok()) return wire::ToGrpc(world_.refusal);
    *response = request->job();
    response->set_name(
        absl::StrCat("jobs/", request->job_id().empty() ? "job-abcd2345" : request->job_id()));
    response->set_state(v1::Job::STATE_PENDING);
    return grpc::Status::OK;
  }

  grpc::Status GetJob(grpc::ServerContext*, const v1::GetJobRequest* request,
                      v1::Job* response) override {
    const Lock lock(world_.mutex);
    for (const v1::Job& job : world_.jobs) {
      if (job.name() == request->name()) {
        *response = job;
        return grpc::Status::OK;
      }
    }
    return Missing("job", request->name());
  }

  grpc::Status ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    const Lock lock(world_.mutex);
    world_.job_lists.push_back(*request);
    response->set_next_page_token(Page(world_.jobs, request->page_size(), request->page_token(),
                                       [&](const v1::Job& job) { *response->add_jobs() = job; }));
    return grpc::Status::OK;
  }

  grpc::Status CancelJob(grpc::ServerContext*, const v1::CancelJobRequest* request,
                         v1::Job* response) override {
    const Lock lock(world_.mutex);
    world_.cancels.push_back(*request);
    response->set_name(request->name());
    response->set_state(v1::Job::STATE_RUNNING);
    response->set_cancel_requested(true);
    return grpc::Status::OK;
  }

  grpc::Status WatchJobs(grpc::ServerContext*, const v1::WatchJobsRequest* request,
                         grpc::ServerWriter<v1::WatchJobsResponse>* writer) override {
    const Lock lock(world_.mutex);
    world_.watched.push_back(*request);
    if (world_.watches.empty()) return grpc::Status::OK;
    const World::Watch watch = world_.watches.front();
    world_.watches.pop_front();
    for (const v1::WatchJobsResponse& message : watch.messages) writer->Write(message);
    return watch.end;
  }

  grpc::Status ListTasks(grpc::ServerContext*, const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override {
    const Lock lock(world_.mutex);
    response->set_next_page_token(
        Page(world_.tasks[request->parent()], request->page_size(), request->page_token(),
             [&](const v1::Task& task) { *response->add_tasks() = task; }));
    return grpc::Status::OK;
  }

  grpc::Status ExplainJob(grpc::ServerContext*, const v1::ExplainJobRequest* request,
                          v1::ExplainJobResponse* response) override {
    const Lock lock(world_.mutex);
    if (request->has_create()) world_.previews.push_back(request->create());
    if (request->has_create() && !world_.refusal.ok()) return wire::ToGrpc(world_.refusal);
    *response = world_.explanation;
    response->mutable_task()->set_name(request->name());
    return grpc::Status::OK;
  }

 private:
  World& world_;
};

class FakeFleet : public v1::FleetService::Service {
 public:
  explicit FakeFleet(World& world) : world_(world) {}

  grpc::Status ListDataCenters(grpc::ServerContext*, const v1::ListDataCentersRequest* request,
                               v1::ListDataCentersResponse* response) override {
    const Lock lock(world_.mutex);
    response->set_next_page_token(
        Page(world_.data_centers, request->page_size(), request->page_token(),
             [&](const v1::DataCenter& dc) { *response->add_data_centers() = dc; }));
    return grpc::Status::OK;
  }

  grpc::Status ListNodes(grpc::ServerContext*, const v1::ListNodesRequest* request,
                         v1::ListNodesResponse* response) override {
    const Lock lock(world_.mutex);
    response->set_next_page_token(
        Page(world_.nodes, request->page_size(), request->page_token(),
             [&](const v1::Node& node) { *response->add_nodes() = node; }));
    return grpc::Status::OK;
  }

  grpc::Status DrainNode(grpc::ServerContext*, const v1::DrainNodeRequest* request,
                         v1::Node* response) override {
    response->set_name(request->name());
    response->set_drained(true);
    response->set_task_count(3);
    return grpc::Status::OK;
  }

  grpc::Status DeclareNodeLost(grpc::ServerContext*, const v1::DeclareNodeLostRequest* request,
                               v1::Node* response) override {
    response->set_name(request->name());
    return grpc::Status::OK;
  }

  grpc::Status GetScheduler(grpc::ServerContext*, const v1::GetSchedulerRequest*,
                            v1::Scheduler* response) override {
    const Lock lock(world_.mutex);
    *response = world_.scheduler;
    return grpc::Status::OK;
  }

 private:
  World& world_;
};

class FakeCurves : public v1::CurveService::Service {
 public:
  explicit FakeCurves(World& world) : world_(world) {}

  grpc::Status GetCurve(grpc::ServerContext*, const v1::GetCurveRequest* request,
                        v1::Curve* response) override {
    const Lock lock(world_.mutex);
    *response = world_.curve;
    response->set_name(request->name());
    return grpc::Status::OK;
  }

  grpc::Status ImportCurve(grpc::ServerContext*, const v1::ImportCurveRequest* request,
                           v1::ImportCurveResponse* response) override {
    const Lock lock(world_.mutex);
    // As the real one: what is not newer than all before is skipped.
    const bool repeats = !world_.imports.empty();
    response->set_bins_learned(request->samples_size() - (repeats ? 1 : 0));
    response->set_bins_skipped(repeats ? 1 : 0);
    world_.imports.push_back(*request);
    return grpc::Status::OK;
  }

 private:
  World& world_;
};

class FakePlans : public v1::PlanService::Service {
 public:
  explicit FakePlans(World& world) : world_(world) {}

  grpc::Status GetPlan(grpc::ServerContext*, const v1::GetPlanRequest*,
                       v1::Plan* response) override {
    const Lock lock(world_.mutex);
    *response = world_.plan;
    return grpc::Status::OK;
  }

  grpc::Status ListDecisions(grpc::ServerContext*, const v1::ListDecisionsRequest* request,
                             v1::ListDecisionsResponse* response) override {
    const Lock lock(world_.mutex);
    response->set_next_page_token(
        Page(world_.decisions, request->page_size(), request->page_token(),
             [&](const v1::Decision& decision) { *response->add_decisions() = decision; }));
    return grpc::Status::OK;
  }

  grpc::Status WatchDecisions(grpc::ServerContext*, const v1::WatchDecisionsRequest*,
                              grpc::ServerWriter<v1::WatchDecisionsResponse>* writer) override {
    const Lock lock(world_.mutex);
    for (const v1::Decision& decision : world_.decisions) {
      v1::WatchDecisionsResponse message;
      *message.mutable_decision() = decision;
      writer->Write(message);
    }
    return grpc::Status::OK;
  }

 private:
  World& world_;
};

class FakeAgent : public v1::AgentService::Service {
 public:
  explicit FakeAgent(World& world) : world_(world) {}

  grpc::Status ReadLog(grpc::ServerContext*, const v1::ReadLogRequest* request,
                       grpc::ServerWriter<v1::ReadLogResponse>* writer) override {
    const Lock lock(world_.mutex);
    world_.log_reads.push_back(*request);
    if (const grpc::Status refused = Check(request->attempt()); !refused.ok()) return refused;
    const std::string& log = world_.logs[KeyOf(request->attempt())];
    const auto size = static_cast<int64_t>(log.size());
    int64_t offset = request->offset_bytes();
    if (offset < 0) offset = std::max<int64_t>(0, size + offset);
    const int64_t end =
        world_.break_log_after > 0 ? std::min(size, offset + world_.break_log_after) : size;
    v1::ReadLogResponse message;
    message.set_data(log.substr(static_cast<size_t>(offset), static_cast<size_t>(end - offset)));
    message.set_offset_bytes(offset);
    writer->Write(message);
    if (end < size) return Unavailable();
    if (world_.after_log) std::exchange(world_.after_log, nullptr)(world_);
    return grpc::Status::OK;
  }

  grpc::Status ListOutputs(grpc::ServerContext*, const v1::ListOutputsRequest* request,
                           v1::ListOutputsResponse* response) override {
    const Lock lock(world_.mutex);
    if (const grpc::Status refused = Check(request->attempt()); !refused.ok()) return refused;
    for (const auto& [path, bytes] : world_.outputs[KeyOf(request->attempt())]) {
      auto* file = response->add_files();
      file->set_path(path);
      file->set_size_bytes(static_cast<int64_t>(bytes.size()));
    }
    return grpc::Status::OK;
  }

  grpc::Status ReadOutput(grpc::ServerContext*, const v1::ReadOutputRequest* request,
                          grpc::ServerWriter<v1::ReadOutputResponse>* writer) override {
    const Lock lock(world_.mutex);
    const auto& files = world_.outputs[KeyOf(request->attempt())];
    const auto file = files.find(request->path());
    if (file == files.end()) return Missing("output", request->path());
    v1::ReadOutputResponse message;
    message.set_data(file->second.substr(static_cast<size_t>(request->offset_bytes())));
    writer->Write(message);
    return grpc::Status::OK;
  }

 private:
  static std::string KeyOf(const v1::AttemptSelector& attempt) {
    return absl::StrCat(attempt.task(), "@", attempt.attempt());
  }

  grpc::Status Check(const v1::AttemptSelector& attempt) const {
    if (world_.jurisdiction.empty() || attempt.reader_jurisdiction() == world_.jurisdiction) {
      return grpc::Status::OK;
    }
    return wire::ToGrpc(PermissionDenied("RESIDENCY", "the reader is outside the job's residency"));
  }

  World& world_;
};

Result RunLine(const std::vector<std::string>& args, const Fakes::RunOptions& options) {
  std::istringstream in(options.stdin_text);
  std::ostringstream out;
  std::ostringstream err;
  Console console{.in = in, .out = out, .err = err};
  console.in_is_terminal = console.err_is_terminal = options.terminal;
  Result result;
  result.exit_code = cli::Run(args, console);
  result.out = out.str();
  result.err = err.str();
  return result;
}

}  // namespace

Fakes::Fakes() {
  *world_.scheduler.mutable_now() = wire::ToProto(absl::FromUnixSeconds(1772409600));
  world_.scheduler.set_version("0.1.0");
  world_.scheduler.set_clock_speed(1);
  services_.push_back(std::make_unique<FakeJobs>(world_));
  services_.push_back(std::make_unique<FakeFleet>(world_));
  services_.push_back(std::make_unique<FakeCurves>(world_));
  services_.push_back(std::make_unique<FakePlans>(world_));
  services_.push_back(std::make_unique<FakeAgent>(world_));
  std::vector<grpc::Service*> services;
  for (const auto& service : services_) services.push_back(service.get());
  auto server = wire::StartServer("127.0.0.1:0", *wire::MakeCredentials({}), services);
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
}

Fakes::~Fakes() { server_.server->Shutdown(); }

Result RunAlone(const std::vector<std::string>& args) { return RunLine(args, {}); }

Result Fakes::Run(std::vector<std::string> args, const RunOptions& options) {
  // After the verb, before a job's own command.
  args.insert(std::find(args.begin(), args.end(), "--"), {"--address", address()});
  return RunLine(args, options);
}

v1::Job& Fakes::AddRunningJob(const std::string& id, int count) {
  v1::Job job;
  job.set_name(absl::StrCat("jobs/", id));
  job.set_state(v1::Job::STATE_RUNNING);
  job.set_count(count);
  job.mutable_task()->add_command("work");
  for (int i = 0; i < count; ++i) {
    v1::Task task;
    task.set_name(absl::StrCat(job.name(), "/tasks/", i));
    task.set_state(v1::Task::STATE_RUNNING);
    task.set_attempt(1);
    v1::Attempt* attempt = task.add_attempts();
    attempt->set_number(1);
    attempt->set_node("nodes/fra1-a");
    attempt->set_data_center("dataCenters/frankfurt-1");
    attempt->set_agent_address(address());
    *attempt->mutable_start_time() = world_.scheduler.now();
    world_.tasks[job.name()].push_back(task);
  }
  world_.jobs.push_back(job);
  return world_.jobs.back();
}

v1::WatchJobsResponse Now(const std::string& id, v1::Job::State state) {
  v1::WatchJobsResponse message;
  message.mutable_job()->set_name(absl::StrCat("jobs/", id));
  message.mutable_job()->set_state(state);
  return message;
}

}  // namespace heliotrope::cli
