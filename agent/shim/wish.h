// How the agent tells a shim what it wishes: one real-time signal with the wish as its value. Those
// are queued in order, reach a shim that has only just been spawned (it starts with all signals
// blocked), and need neither a free disk nor a socket.
#pragma once

#include <sys/signalfd.h>

namespace heliotrope::agent::shim {

// A stop once begun is not taken back; a stronger one (further down) replaces a weaker one.
enum class Wish {
  kRun,     // Undoes kFreeze.
  kFreeze,  // Stands still until kRun; still killed when the lease is over.
  kLeave,   // The job's own signal, its grace, then the kill.
  kStop,    // SIGTERM to the whole tree, a short grace, then the kill.
  kKill,    // At once.
};

// False with errno set; ESRCH when the shim is gone.
bool SendWish(int shim_pidfd, Wish wish);

// False when the signal is not a wish.
bool ReadWish(const signalfd_siginfo& info, Wish* wish);

}  // namespace heliotrope::agent::shim
