// JobService: thin handlers. Convert, post, convert back.
#pragma once

#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "heliotrope/v1/jobs.grpc.pb.h"
#include "scheduler/base/mutex.h"
#include "scheduler/base/random.h"
#include "scheduler/rpc/core_port.h"
#include "scheduler/rpc/unary.h"
#include "scheduler/rpc/watch_hub.h"

namespace heliotrope::rpc {

// Thread-safe.
class JobServiceImpl final : public v1::JobService::CallbackService {
 public:
  JobServiceImpl(CorePort& core, os::MetricsRegistry& metrics, JobWatchHub& watchers);

  grpc::ServerUnaryReactor* CreateJob(grpc::CallbackServerContext* context,
                                      const v1::CreateJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerUnaryReactor* BatchCreateJobs(grpc::CallbackServerContext* context,
                                            const v1::BatchCreateJobsRequest* request,
                                            v1::BatchCreateJobsResponse* response) override;
  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context,
                                   const v1::GetJobRequest* request, v1::Job* response) override;
  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context,
                                     const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) override;
  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context,
                                      const v1::CancelJobRequest* request,
                                      v1::Job* response) override;
  grpc::ServerWriteReactor<v1::WatchJobsResponse>* WatchJobs(
      grpc::CallbackServerContext* context, const v1::WatchJobsRequest* request) override;
  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context,
                                      const v1::ListTasksRequest* request,
                                      v1::ListTasksResponse* response) override;
  grpc::ServerUnaryReactor* ExplainJob(grpc::CallbackServerContext* context,
                                       const v1::ExplainJobRequest* request,
                                       v1::ExplainJobResponse* response) override;

 private:
  // INVALID_ARGUMENT names the field; makes up an id where none is given.
  absl::StatusOr<core::SubmitJob> ToCommand(const v1::CreateJobRequest& request);
  grpc::ServerUnaryReactor* ExplainNew(grpc::CallbackServerContext* context,
                                       const v1::CreateJobRequest& request,
                                       v1::ExplainJobResponse* response);
  // Answers a create or cancel with the job as it is now.
  void FinishWithJob(grpc::ServerUnaryReactor* reactor, MethodMetrics& metrics, JobUid uid,
                     v1::Job* response);

  CorePort& core_;
  JobWatchHub& watchers_;
  MethodMetrics create_;
  MethodMetrics batch_create_;
  MethodMetrics get_;
  MethodMetrics list_;
  MethodMetrics cancel_;
  MethodMetrics list_tasks_;
  MethodMetrics explain_;
  Mutex mutex_;
  Random random_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heliotrope::rpc
