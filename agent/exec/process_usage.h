// The processes of attempts that have no cgroup, found through /proc: what they use, and what is
// left of them when their shim is dead.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "agent/exec/attempt.h"

namespace heliotrope::agent::exec {

// What the descendants of each of `roots` use, without the roots themselves: memory of those alive,
// CPU also of those that have ended and were waited for, in the tree or by its root. Looks once at
// every process of the host.
std::vector<Usage> UsageOfTrees(const std::vector<pid_t>& roots);

// Resident memory of these processes; pages that they share count for each.
Bytes ResidentMemory(const std::vector<pid_t>& pids);

// Memory of a cgroup: as the controller counts it, else the resident memory of its processes.
Bytes MemoryOfCgroup(const std::string& path);

// SIGKILL to every process whose environment carries this mark: nothing else can have it. Returns
// how many there were. One that has wiped its environment is not found.
int KillMarked(const std::string& mark);

}  // namespace heliotrope::agent::exec
