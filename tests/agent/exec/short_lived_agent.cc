// An agent that starts one attempt and then waits to be killed, for tests of what comes after.
// Usage: STATE SHIM CGROUP_AGENT_OR_- LEASE_OR_- GRACE_MS ATTEMPT SCRIPT
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "agent/exec/shim_runner.h"

namespace heliotrope::agent::exec {
namespace {

int Main(char** argv) {
  ShimRunner::Options options;
  options.state_directory = argv[1];
  options.shim = argv[2];
  std::unique_ptr<CgroupTree> cgroups;
  if (argv[3][0] != '-') {
    auto tree = CgroupTree::Open({.agent = argv[3]});
    if (!tree.ok()) return 1;
    cgroups = *std::move(tree);
    options.cgroups = cgroups.get();
  }
  if (argv[4][0] != '-') options.lease = argv[4];
  options.nice = 0;
  options.idle_scheduling = false;
  AttemptLaunch launch;
  launch.grace = absl::Milliseconds(atoi(argv[5]));
  launch.key = {.task = {.job = JobUid(1), .index = 0},
                .attempt = AttemptNumber(static_cast<uint32_t>(atoi(argv[6])))};
  launch.command = {"sh", "-c", argv[7]};
  auto runner = ShimRunner::Create(options, [](const AttemptKey&, const AttemptEnd&) {});
  if (!runner.ok()) return 1;
  const absl::Status prepared = (*runner)->Prepare(launch);
  const absl::Status started = prepared.ok() ? (*runner)->Start(launch) : prepared;
  if (!started.ok()) {
    fprintf(stderr, "%s\n", started.ToString().c_str());
    return 1;
  }
  printf("started\n");
  fflush(stdout);
  while (true) pause();
}

}  // namespace
}  // namespace heliotrope::agent::exec

int main(int argc, char** argv) { return argc == 8 ? heliotrope::agent::exec::Main(argv) : 2; }
