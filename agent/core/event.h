// What happens to the agent, for Machine::Apply: orders of the scheduler, what became of the
// effects, and measurements. Any of them may come twice, late or in another order; what does not
// fit the state changes nothing.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "agent/core/types.h"

namespace heliotrope::agent {

// --- Orders of the scheduler ---

struct StartOrder {
  AttemptKey key;
  AttemptSpec spec;
  // Why it can never be followed, in words; empty when it can. It is refused then.
  std::string invalid = {};
};
struct LeaveOrder {
  AttemptKey key;
  std::string reason = {};
};
struct StopOrder {
  AttemptKey key;
  std::string reason = {};
};
struct ForgetOrder {
  AttemptKey key;
};
struct HoldOrder {
  RestoreSource source;
  std::vector<std::string> jurisdictions = {};
};
struct ReleaseOrder {
  CheckpointKey key;
};
using Order = std::variant<StartOrder, LeaveOrder, StopOrder, ForgetOrder, HoldOrder, ReleaseOrder>;

// Orders of one term; those of a lower term than one seen before are not followed.
struct OrdersReceived {
  Term term;
  std::vector<Order> orders = {};
};

// --- The stream ---

// A stream was opened by the scheduler of this term.
struct Welcomed {
  Term term;
};
// Until then (scheduling time) processes may be started. The shims enforce the lease for those that
// run; this only keeps the agent from starting what would have to stop at once.
struct LeaseRenewed {
  absl::Time until;
};

// --- What became of effects ---

struct FetchDone {
  AttemptKey key;
};
struct FetchFailed {
  AttemptKey key;
  std::string reason = {};
  std::string detail = {};
};
struct LaunchDone {
  AttemptKey key;
  uint32_t incarnation = 0;
  absl::Time started;  // Real.
};
// No shim was started. One that was reports an exit of kFailedToStart instead.
struct LaunchFailed {
  AttemptKey key;
  uint32_t incarnation = 0;
  std::string detail = {};
};
struct ProcessExited {
  AttemptKey key;
  ExitReport exit;
};
struct SealDone {
  CheckpointInfo checkpoint;
};
struct SealFailed {
  CheckpointKey key;
  std::string detail = {};
};
// The outcome is on disk.
struct OutcomeSaved {
  AttemptKey key;
};
struct HoldDone {
  CheckpointInfo checkpoint;
};
struct HoldFailed {
  CheckpointKey key;
  std::string detail = {};
};
// A checkpoint that was here is not what was sealed under this digest any more, or is gone.
struct CheckpointLost {
  CheckpointKey key;
  std::string digest = {};
  std::string detail = {};
};

// --- After a start of the agent, before anything else ---

struct CheckpointFound {
  CheckpointInfo checkpoint;
};
// An attempt that is on this node's disk.
struct AttemptFound {
  // Its process runs on.
  struct Running {
    uint32_t incarnation = 0;
    absl::Time started;
  };
  // It was accepted; no process has been started, or none since the last checkpoint.
  struct NotStarted {
    uint32_t last_incarnation = 0;
  };
  AttemptKey key;
  AttemptSpec spec;
  std::variant<NotStarted, Running, ExitReport, AttemptStatus> state;
};

// --- The rest ---

struct LoadMeasured {
  LoadSample sample;
};
// Nothing but that time has passed: timers may be due.
struct TimePassed {};

using Event = std::variant<OrdersReceived, Welcomed, LeaseRenewed, FetchDone, FetchFailed,
                           LaunchDone, LaunchFailed, ProcessExited, SealDone, SealFailed,
                           OutcomeSaved, HoldDone, HoldFailed, CheckpointLost, CheckpointFound,
                           AttemptFound, LoadMeasured, TimePassed>;

}  // namespace heliotrope::agent
