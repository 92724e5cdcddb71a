#include "scheduler/rpc/job_service.h"

#include <algorithm>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/rpc/convert_job.h"
#include "scheduler/rpc/page.h"
#include "scheduler/rpc/view.h"
#include "scheduler/wire/time.h"

namespace heliotrope::rpc {

namespace {

constexpr size_t kMadeUpIdCharacters = 8;
// Jobs that one ListJobs call looks at when it filters: the page may then be short, with a token.
constexpr int kMaxJobsScanned = 20'000;

uint64_t Seed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

absl::Status CheckRequestId(const std::string& id) {
  const bool printable =
      std::all_of(id.begin(), id.end(), [](unsigned char c) { return absl::ascii_isprint(c); });
  if (id.size() <= kMaxRequestIdBytes && printable) return absl::OkStatus();
  return InvalidField("request_id", absl::StrCat("at most ", kMaxRequestIdBytes,
                                                 " printable characters, such as a UUID"));
}

bool Matches(const v1::ListJobsRequest& request, const core::Job& job) {
  if (!request.account().empty() && job.spec->account.value() != request.account()) return false;
  if (request.states().empty()) return true;
  const int state = static_cast<int>(job.State()) + 1;  // The API's values begin at UNSPECIFIED.
  return std::any_of(request.states().begin(), request.states().end(),
                     [state](int wanted) { return wanted == state; });
}

// "jobs/x" or "jobs/x/tasks/3"; without a task, the first that has not ended.
absl::StatusOr<std::pair<const core::Job*, uint32_t>> FindTask(const core::Machine& machine,
                                                               const std::string& name) {
  if (const auto task = ParseTaskName(name); task.ok()) {
    const core::Job* job = machine.FindJob(task->job);
    if (job == nullptr || task->index >= job->tasks.size()) return NotFound("task", name);
    return std::make_pair(job, task->index);
  }
  HT_ASSIGN_OR_RETURN(const JobId id, ParseJobName(name));
  const core::Job* job = machine.FindJob(id);
  if (job == nullptr) return NotFound("job", name);
  for (uint32_t index = 0; index < job->tasks.size(); ++index) {
    if (!IsTerminal(job->tasks[index].state)) return std::make_pair(job, index);
  }
  return std::make_pair(job, uint32_t{0});
}

}  // namespace

JobServiceImpl::JobServiceImpl(CorePort& core, os::MetricsRegistry& metrics, JobWatchHub& watchers)
    : core_(core),
      watchers_(watchers),
      create_(metrics, "CreateJob"),
      batch_create_(metrics, "BatchCreateJobs"),
      get_(metrics, "GetJob"),
      list_(metrics, "ListJobs"),
      cancel_(metrics, "CancelJob"),
      list_tasks_(metrics, "ListTasks"),
      explain_(metrics, "ExplainJob"),
      random_(Seed()) {}

absl::StatusOr<core::SubmitJob> JobServiceImpl::ToCommand(const v1::CreateJobRequest& request) {
  core::SubmitJob command;
  if (!request.has_job()) return InvalidField("job", "missing: a job is needed");
  HT_RETURN_IF_ERROR(CheckRequestId(request.request_id()));
  if (request.job_id().empty()) {
    MutexLock lock(mutex_);
    command.id = JobId("job-" + random_.Base32(kMadeUpIdCharacters));
  } else {
    HT_RETURN_IF_ERROR(CheckId("job_id", request.job_id()));
    command.id = JobId(request.job_id());
  }
  HT_ASSIGN_OR_RETURN(command.spec, SpecFromProto(request.job()));
  command.request = RequestId(request.request_id());
  if (!command.request.empty()) command.fingerprint = Fingerprint(request);
  command.validate_only = request.validate_only();
  return command;
}

void JobServiceImpl::FinishWithJob(grpc::ServerUnaryReactor* reactor, MethodMetrics& metrics,
                                   JobUid uid, v1::Job* response) {
  auto found = std::make_shared<bool>(false);
  core_.Query(
      [uid, response, found](const core::Machine& machine) {
        const core::Job* job = machine.FindJob(uid);
        *found = job != nullptr;
        if (*found) FillJob(machine, *job, *response);
      },
      [reactor, &metrics, found, uid](const absl::Status& status) {
        if (status.ok() && !*found) {
          Finish(reactor, metrics, NotFound("job", absl::StrCat("number ", uid.value())));
        } else {
          Finish(reactor, metrics, status);
        }
      });
}

grpc::ServerUnaryReactor* JobServiceImpl::CreateJob(grpc::CallbackServerContext* context,
                                                    const v1::CreateJobRequest* request,
                                                    v1::Job* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto command = ToCommand(*request);
  if (!command.ok()) {
    Finish(reactor, create_, command.status());
    return reactor;
  }
  const JobId id = command->id;
  std::vector<core::Command> commands;
  commands.emplace_back(*std::move(command));
  core_.Post(std::move(commands), [this, reactor, request, response,
                                   id](const std::vector<core::Reply>& replies) {
    const core::Reply& reply = replies.front();
    if (!reply.status.ok()) {
      Finish(reactor, create_, reply.status);
    } else if (reply.replayed) {
      FinishWithJob(reactor, create_, reply.job, response);
    } else {
      // A fresh job needs no second look: it waits.
      response->set_name(JobName(id));
      SpecToProto(*reply.spec, *response);
      *response->mutable_create_time() = wire::ToProto(reply.create_time);
      response->set_state(v1::Job::STATE_PENDING);
      if (!request->validate_only()) {
        response->mutable_task_counts()->set_pending(static_cast<int32_t>(reply.spec->count));
        response->set_etag(absl::StrCat(reply.job.value(), "-1"));
      }
      Finish(reactor, create_, absl::OkStatus());
    }
  });
  return reactor;
}

grpc::ServerUnaryReactor* JobServiceImpl::BatchCreateJobs(grpc::CallbackServerContext* context,
                                                          const v1::BatchCreateJobsRequest* request,
                                                          v1::BatchCreateJobsResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (request->requests_size() > kMaxBatchJobs) {
    Finish(reactor, batch_create_,
           InvalidField("requests", absl::StrCat(request->requests_size(), " jobs: at most ",
                                                 kMaxBatchJobs, " in one call")));
    return reactor;
  }
  // Refused ones keep their place in the answer.
  struct Pending {
    std::vector<JobId> ids;
    std::vector<int> places;
  };
  auto pending = std::make_shared<Pending>();
  std::vector<core::Command> commands;
  const auto refuse = [response](int place, const absl::Status& status) {
    auto& refusal = *response->mutable_results(place)->mutable_refusal();
    refusal.set_code(static_cast<int32_t>(status.code()));
    refusal.set_message(std::string(status.message()));
  };
  for (int i = 0; i < request->requests_size(); ++i) {
    response->add_results();
    auto command = ToCommand(request->requests(i));
    if (!command.ok()) {
      refuse(i, command.status());
      continue;
    }
    pending->ids.push_back(command->id);
    pending->places.push_back(i);
    commands.emplace_back(*std::move(command));
  }
  if (commands.empty()) {
    Finish(reactor, batch_create_, absl::OkStatus());
    return reactor;
  }
  core_.Post(std::move(commands), [this, reactor, response, pending,
                                   refuse](const std::vector<core::Reply>& replies) {
    // A queue that is full or a daemon that stops refuses all of them alike: the call itself fails.
    // The core's own RESOURCE_EXHAUSTED is for single jobs.
    const absl::Status& first = replies.front().status;
    const bool alike = std::all_of(replies.begin(), replies.end(),
                                   [&first](const auto& reply) { return reply.status == first; });
    if (alike && (absl::IsUnavailable(first) || absl::IsResourceExhausted(first))) {
      response->Clear();
      Finish(reactor, batch_create_, first);
      return;
    }
    bool replayed = false;
    for (size_t i = 0; i < replies.size(); ++i) {
      const int place = pending->places[i];
      if (!replies[i].status.ok()) {
        refuse(place, replies[i].status);
      } else {
        response->mutable_results(place)->set_name(JobName(pending->ids[i]));
        replayed = replayed || replies[i].replayed;
      }
    }
    if (!replayed) {
      Finish(reactor, batch_create_, absl::OkStatus());
      return;
    }
    // A replay answers with the name of the first answer.
    core_.Query(
        [response, pending, replies](const core::Machine& machine) {
          for (size_t i = 0; i < replies.size(); ++i) {
            if (!replies[i].replayed || !replies[i].status.ok()) continue;
            const core::Job* job = machine.FindJob(replies[i].job);
            if (job == nullptr) continue;
            response->mutable_results(pending->places[i])->set_name(JobName(job->id));
          }
        },
        [this, reactor](const absl::Status& status) { Finish(reactor, batch_create_, status); });
  });
  return reactor;
}

grpc::ServerUnaryReactor* JobServiceImpl::GetJob(grpc::CallbackServerContext* context,
                                                 const v1::GetJobRequest* request,
                                                 v1::Job* response) {
  return Answer(context, core_, get_, [request, response](const core::Machine& machine) {
    auto id = ParseJobName(request->name());
    if (!id.ok()) return id.status();
    const core::Job* job = machine.FindJob(*id);
    if (job == nullptr) return NotFound("job", request->name());
    FillJob(machine, *job, *response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::ListJobs(grpc::CallbackServerContext* context,
                                                   const v1::ListJobsRequest* request,
                                                   v1::ListJobsResponse* response) {
  return Answer(context, core_, list_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    HT_ASSIGN_OR_RETURN(const uint64_t after, PageTokenNumber(request->page_token(), 0));
    int scanned = 0;
    size_t bytes = 0;
    JobUid last(after);
    for (auto it = machine.jobs().upper_bound(JobUid(after)); it != machine.jobs().end(); ++it) {
      if (response->jobs_size() == size || bytes >= kPageBytes || ++scanned > kMaxJobsScanned) {
        response->set_next_page_token(absl::StrCat(last.value()));
        break;
      }
      last = it->first;
      if (!Matches(*request, *it->second)) continue;
      v1::Job& job = *response->add_jobs();
      FillJob(machine, *it->second, job);
      bytes += job.ByteSizeLong();
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::CancelJob(grpc::CallbackServerContext* context,
                                                    const v1::CancelJobRequest* request,
                                                    v1::Job* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto id = ParseJobName(request->name());
  if (!id.ok()) {
    Finish(reactor, cancel_, id.status());
    return reactor;
  }
  std::vector<core::Command> commands;
  commands.emplace_back(core::CancelJob{*id});
  core_.Post(std::move(commands),
             [this, reactor, response](const std::vector<core::Reply>& replies) {
               if (!replies.front().status.ok()) {
                 Finish(reactor, cancel_, replies.front().status);
               } else {
                 FinishWithJob(reactor, cancel_, replies.front().job, response);
               }
             });
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchJobsResponse>* JobServiceImpl::WatchJobs(
    grpc::CallbackServerContext*, const v1::WatchJobsRequest* request) {
  return watchers_.Watch(*request);
}

grpc::ServerUnaryReactor* JobServiceImpl::ListTasks(grpc::CallbackServerContext* context,
                                                    const v1::ListTasksRequest* request,
                                                    v1::ListTasksResponse* response) {
  return Answer(context, core_, list_tasks_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const JobId id, ParseJobName(request->parent()));
    HT_ASSIGN_OR_RETURN(const int size, PageSize(request->page_size()));
    HT_ASSIGN_OR_RETURN(const uint64_t first, PageTokenNumber(request->page_token(), 0));
    const core::Job* job = machine.FindJob(id);
    if (job == nullptr) return NotFound("job", request->parent());
    uint64_t index = first;
    size_t bytes = 0;
    for (; index < job->tasks.size() && response->tasks_size() < size && bytes < kPageBytes;
         ++index) {
      v1::Task& task = *response->add_tasks();
      FillTask(machine, *job, static_cast<uint32_t>(index), task);
      bytes += task.ByteSizeLong();
    }
    if (index < job->tasks.size()) response->set_next_page_token(absl::StrCat(index));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::ExplainJob(grpc::CallbackServerContext* context,
                                                     const v1::ExplainJobRequest* request,
                                                     v1::ExplainJobResponse* response) {
  if (request->has_create()) {
    if (request->name().empty()) return ExplainNew(context, request->create(), response);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    Finish(reactor, explain_, InvalidField("create", "instead of name, not beside it"));
    return reactor;
  }
  return Answer(context, core_, explain_, [request, response](const core::Machine& machine) {
    HT_ASSIGN_OR_RETURN(const auto found, FindTask(machine, request->name()));
    FillExplanation(machine, *found.first, found.second, *response);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* JobServiceImpl::ExplainNew(grpc::CallbackServerContext* context,
                                                     const v1::CreateJobRequest& request,
                                                     v1::ExplainJobResponse* response) {
  // As it would be submitted.
  v1::CreateJobRequest submitted = request;
  submitted.clear_validate_only();
  auto command = ToCommand(submitted);
  if (!command.ok()) {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    Finish(reactor, explain_, command.status());
    return reactor;
  }
  const bool named = !request.job_id().empty();
  return Answer(context, core_, explain_,
                [command = *std::move(command), named, response](const core::Machine& machine) {
                  const core::Reply reply = machine.CheckSubmit(command);
                  if (!reply.status.ok()) return reply.status;
                  if (reply.replayed) {
                    FillExplanation(machine, *machine.FindJob(reply.job), 0, *response);
                    return absl::OkStatus();
                  }
                  FillPreview(machine, machine.PreviewOf(command.id, reply.spec), *response);
                  // An id that is made up is not the one that it would get.
                  if (!named) response->mutable_task()->clear_name();
                  return absl::OkStatus();
                });
}

}  // namespace heliotrope::rpc
