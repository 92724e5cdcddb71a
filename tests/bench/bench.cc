// Benchmarks against a running scheduler, through its public API. `tests/bench/run` starts the
// daemons and runs all of them; figures are only comparable within one run.
//
//   heliotrope-bench submit ADDRESS [JOBS] [CALLERS]   durable submissions, one job a call
//   heliotrope-bench bulk ADDRESS [JOBS] [PER_CALL]    durable submissions in bulk
//   heliotrope-bench trivial ADDRESS [JOBS]            /bin/true jobs from submit to the last end
//   heliotrope-bench latency ADDRESS [JOBS]            submit to process start on an idle fleet
//   heliotrope-bench spawn [PROCESSES] [THREADS]       this machine's own spawn and wait of
//   /bin/true heliotrope-bench stamp                             prints the real time in ns; what
//   latency runs
#include <grpcpp/grpcpp.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "heliotrope/v1/jobs.grpc.pb.h"

extern char** environ;

namespace heliotrope::bench {
namespace {

int64_t RealNanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "heliotrope-bench: %s\n", what.c_str());
  std::exit(1);
}

void Check(const grpc::Status& status) {
  if (!status.ok()) Fail(status.error_message());
}

std::unique_ptr<v1::JobService::Stub> Connect(const std::string& address, int index = 0) {
  grpc::ChannelArguments arguments;
  arguments.SetInt("bench.channel", index);  // A connection of its own.
  return v1::JobService::NewStub(
      grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
}

v1::Job JobOf(const std::vector<std::string>& command, int64_t milli_cores) {
  v1::Job job;
  for (const std::string& argument : command) job.mutable_task()->add_command(argument);
  job.mutable_task()->set_milli_cores(milli_cores);
  job.mutable_task()->set_memory_bytes(1 << 20);
  job.mutable_task()->mutable_expected_duration()->set_seconds(60);
  job.add_residency("any");
  return job;
}

void Report(const char* name, double value, const char* unit) {
  std::printf("%-28s %12.1f %s\n", name, value, unit);
}

double SecondsSince(int64_t start) { return static_cast<double>(RealNanoseconds() - start) / 1e9; }

// Jobs that no node can take now, so that only the submission is measured.
v1::Job ParkedJob() {
  v1::Job job = JobOf({"/bin/true"}, 1000);
  return job;
}

void Submit(const std::string& address, int jobs, int callers) {
  std::atomic<int> next{0};
  std::vector<std::thread> threads;
  const int64_t start = RealNanoseconds();
  for (int t = 0; t < callers; ++t) {
    threads.emplace_back([&, t] {
      const auto stub = Connect(address, t % 8);
      while (next.fetch_add(1) < jobs) {
        grpc::ClientContext context;
        v1::CreateJobRequest request;
        *request.mutable_job() = ParkedJob();
        v1::Job job;
        Check(stub->CreateJob(&context, request, &job));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Report("submissions, one a call", jobs / SecondsSince(start), "jobs/s");
}

void Bulk(const std::string& address, int jobs, int per_call) {
  std::atomic<int> next{0};
  std::vector<std::thread> threads;
  const int64_t start = RealNanoseconds();
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const auto stub = Connect(address, t);
      v1::BatchCreateJobsRequest request;
      for (int i = 0; i < per_call; ++i) *request.add_requests()->mutable_job() = ParkedJob();
      while (next.fetch_add(per_call) < jobs) {
        grpc::ClientContext context;
        v1::BatchCreateJobsResponse response;
        Check(stub->BatchCreateJobs(&context, request, &response));
        for (const auto& result : response.results()) {
          if (!result.has_name()) Fail(result.refusal().message());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Report("submissions in bulk", jobs / SecondsSince(start), "jobs/s");
}

void WaitForEnd(v1::JobService::Stub& stub, const std::vector<std::string>& names) {
  grpc::ClientContext context;
  v1::WatchJobsRequest request;
  for (const std::string& name : names) request.add_names(name);
  const auto reader = stub.WatchJobs(&context, request);
  v1::WatchJobsResponse message;
  while (reader->Read(&message)) {
    if (message.job().state() == v1::Job::STATE_FAILED) Fail(message.job().name() + " failed");
  }
  Check(reader->Finish());
}

// One array of so many tasks: submit, run all on the one node, until the last has ended.
void Trivial(const std::string& address, int jobs) {
  const auto stub = Connect(address);
  v1::CreateJobRequest request;
  *request.mutable_job() = JobOf({"/bin/true"}, 1000);
  request.mutable_job()->set_count(jobs);
  v1::Job job;
  const int64_t start = RealNanoseconds();
  grpc::ClientContext context;
  Check(stub->CreateJob(&context, request, &job));
  WaitForEnd(*stub, {job.name()});
  Report("trivial tasks end to end", jobs / SecondsSince(start), "tasks/s");
}

void Latency(const std::string& address, int jobs) {
  const auto stub = Connect(address);
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  char directory[] = "/tmp/heliotrope-bench-XXXXXX";
  if (mkdtemp(directory) == nullptr) Fail("no directory in /tmp");
  std::filesystem::permissions(directory, std::filesystem::perms::all);
  std::vector<double> milliseconds;
  for (int i = 0; i < jobs; ++i) {
    const std::string stamp = std::string(directory) + "/" + std::to_string(i);
    v1::CreateJobRequest request;
    *request.mutable_job() = JobOf({self, "stamp", stamp}, 1000);
    v1::Job job;
    const int64_t start = RealNanoseconds();
    grpc::ClientContext context;
    Check(stub->CreateJob(&context, request, &job));
    WaitForEnd(*stub, {job.name()});
    std::ifstream file(stamp);
    int64_t started = 0;
    if (!(file >> started)) Fail("the job left no stamp");
    milliseconds.push_back(static_cast<double>(started - start) / 1e6);
  }
  std::filesystem::remove_all(directory);
  std::sort(milliseconds.begin(), milliseconds.end());
  Report("dispatch latency p50", milliseconds[milliseconds.size() / 2], "ms");
  Report("dispatch latency p99", milliseconds[milliseconds.size() * 99 / 100], "ms");
}

void Spawn(int processes, int threads) {
  std::atomic<int> next{0};
  std::vector<std::thread> workers;
  const int64_t start = RealNanoseconds();
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&] {
      char name[] = "/bin/true";
      char* arguments[] = {name, nullptr};
      while (next.fetch_add(1) < processes) {
        pid_t child = 0;
        if (posix_spawn(&child, name, nullptr, nullptr, arguments, environ) != 0) Fail("spawn");
        waitpid(child, nullptr, 0);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  Report(threads == 1 ? "fork+exec+wait, one thread" : "fork+exec+wait, two threads",
         processes / SecondsSince(start), "processes/s");
}

int Number(int argc, char** argv, int index, int standard) {
  return argc > index ? std::atoi(argv[index]) : standard;
}

int Main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  const std::string address = argc > 2 ? argv[2] : "";
  if (verb == "submit") {
    Submit(address, Number(argc, argv, 3, 20'000), Number(argc, argv, 4, 64));
  } else if (verb == "bulk") {
    Bulk(address, Number(argc, argv, 3, 200'000), Number(argc, argv, 4, 1000));
  } else if (verb == "trivial") {
    Trivial(address, Number(argc, argv, 3, 5000));
  } else if (verb == "latency") {
    Latency(address, Number(argc, argv, 3, 300));
  } else if (verb == "spawn") {
    Spawn(Number(argc, argv, 2, 5000), Number(argc, argv, 3, 1));
  } else if (verb == "stamp" && argc == 3) {
    std::ofstream(argv[2]) << RealNanoseconds() << std::endl;
  } else {
    std::fprintf(stderr,
                 "usage: heliotrope-bench submit|bulk|trivial|latency ADDRESS [COUNT] [N]\n"
                 "       heliotrope-bench spawn [PROCESSES] [THREADS]\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace heliotrope::bench

int main(int argc, char** argv) { return heliotrope::bench::Main(argc, argv); }
