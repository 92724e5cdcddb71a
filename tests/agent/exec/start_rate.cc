// How many attempts of /bin/true a second this room starts, ends and reports, beside what this
// machine can posix_spawn and reap. Both in the same minute: the ratio is the figure. CPU time is
// what it costs on a machine that others use too. "plain" leaves out the low priority, which waits
// for an idle CPU. Usage: agent_exec_start_rate SHIM STATE_DIRECTORY [COUNT] [cgroup|tree]
// [IN_FLIGHT] [low|plain]
//        [sync|nosync]
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "agent/exec/shim_runner.h"
#include "scheduler/base/mutex.h"
#include "scheduler/os/clock.h"

namespace heliotrope::agent::exec {
namespace {

// CPU time of this process and of those that it has reaped.
absl::Duration CpuUsed() {
  absl::Duration total;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    total += absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
  }
  return total;
}

struct Rate {
  double per_second;
  double cpu_us;  // Each.
};

class Stopwatch {
 public:
  Rate Lap(int count) const {
    return {.per_second = count / absl::ToDoubleSeconds(os::Boottime() - begin_),
            .cpu_us = absl::ToDoubleMicroseconds(CpuUsed() - cpu_) / count};
  }

 private:
  const absl::Duration begin_ = os::Boottime();
  const absl::Duration cpu_ = CpuUsed();
};

Rate SpawnRate(int count, int in_flight) {
  const Stopwatch watch;
  char* argv[] = {const_cast<char*>("/bin/true"), nullptr};
  char* environment[] = {nullptr};
  int running = 0;
  for (int started = 0; started < count || running > 0;) {
    if (started < count && running < in_flight) {
      pid_t pid = -1;
      if (posix_spawn(&pid, argv[0], nullptr, nullptr, argv, environment) != 0) abort();
      ++started;
      ++running;
      continue;
    }
    wait(nullptr);
    --running;
  }
  return watch.Lap(count);
}

Rate AttemptRate(const ShimRunner::Options& options, int count, uint32_t in_flight) {
  Mutex mutex;
  CondVar changed;
  uint32_t ended = 0;
  auto runner = ShimRunner::Create(options, [&](const AttemptKey&, const AttemptEnd& end) {
    if (end.kind != AttemptEnd::Kind::kExited || end.exit_code != 0) {
      fprintf(stderr, "%s\n", Describe(end).c_str());
      abort();
    }
    const MutexLock lock(mutex);
    ++ended;
    changed.NotifyOne();
  });
  if (!runner.ok()) abort();
  const Stopwatch watch;
  for (uint32_t i = 0; i < static_cast<uint32_t>(count); ++i) {
    {
      const MutexLock lock(mutex);
      while (i - ended >= in_flight) changed.Wait(mutex);
    }
    AttemptLaunch launch;
    launch.key = {.task = {.job = JobUid(1), .index = i}, .attempt = AttemptNumber(1)};
    launch.command = {"/bin/true"};
    if (!(*runner)->Prepare(launch).ok() || !(*runner)->Start(launch).ok()) abort();
  }
  {
    const MutexLock lock(mutex);
    while (ended < static_cast<uint32_t>(count)) changed.Wait(mutex);
  }
  const Rate rate = watch.Lap(count);
  const auto keys = (*runner)->List();
  for (const AttemptKey& key : *keys) (*runner)->Remove(key).IgnoreError();
  return rate;
}

int Main(int argc, char** argv) {
  ShimRunner::Options options;
  options.shim = argv[1];
  options.state_directory = argv[2];
  const int count = argc > 3 ? atoi(argv[3]) : 2000;
  const bool in_cgroups = argc > 4 && strcmp(argv[4], "cgroup") == 0;
  const int in_flight = argc > 5 ? atoi(argv[5]) : 16;
  std::unique_ptr<CgroupTree> cgroups;
  if (in_cgroups) {
    auto tree = CgroupTree::Open({.agent = "start-rate"});
    if (!tree.ok()) {
      fprintf(stderr, "%s\n", tree.status().ToString().c_str());
      return 1;
    }
    cgroups = *std::move(tree);
    options.cgroups = cgroups.get();
  }
  if (argc > 6 && strcmp(argv[6], "plain") == 0) {
    options.nice = 0;
    options.idle_scheduling = false;
  }
  options.durable_exit = argc <= 7 || strcmp(argv[7], "nosync") != 0;
  const Rate spawn = SpawnRate(count, in_flight);
  const Rate attempts = AttemptRate(options, count, static_cast<uint32_t>(in_flight));
  printf(
      "posix_spawn+wait %.0f/s %.0f us CPU, attempts %.0f/s %.0f us CPU (%s, %d in flight), "
      "ratio %.2f, of CPU %.2f\n",
      spawn.per_second, spawn.cpu_us, attempts.per_second, attempts.cpu_us,
      in_cgroups ? "cgroup" : "tree", in_flight, attempts.per_second / spawn.per_second,
      spawn.cpu_us / attempts.cpu_us);
  return 0;
}

}  // namespace
}  // namespace heliotrope::agent::exec

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr,
            "usage: %s SHIM STATE_DIRECTORY [COUNT] [cgroup|tree] [IN_FLIGHT] [low|plain] "
            "[sync|nosync]\n",
            argv[0]);
    return 2;
  }
  return heliotrope::agent::exec::Main(argc, argv);
}
