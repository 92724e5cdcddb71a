// Signals as values: blocked everywhere, taken by one thread that asks for them.
#pragma once

#include <csignal>
#include <optional>

#include "absl/time/time.h"

namespace heliotrope::os {

// Blocks SIGTERM, SIGINT and SIGHUP in this thread and those it starts, and ignores SIGPIPE. First
// thing in main, before any thread. A child that is to run someone else's program must undo both:
// UnblockSignals().
void BlockSignals();

// For a child between fork and exec: empty mask, default SIGPIPE. Async-signal-safe.
void UnblockSignals();

// The next of the blocked signals, or nullopt after `timeout` (real time; infinite waits forever).
std::optional<int> WaitForSignal(absl::Duration timeout);

}  // namespace heliotrope::os
