// Signals to everything that descends from a process, found through /proc. Since the shim is its
// descendants' subreaper, an orphan becomes its child and cannot leave the tree.
#pragma once

#include <sys/types.h>

namespace heliotrope::agent::shim {

// Sends `signal` to every descendant of `root`, and to nothing else (Promise 11): each is pinned by
// a pidfd, and proved to descend from `root` while pinned. Returns how many were signalled. A tree
// that is forking may gain members meanwhile: repeat until none is left.
// REQUIRES: `root` is alive and cannot be replaced by another process, e.g. is the caller.
int SignalDescendants(pid_t root, int signal);

// Whether `pid` descends from `root` at a single moment during the call. The same caution holds.
bool IsDescendant(pid_t root, pid_t pid);

}  // namespace heliotrope::agent::shim
