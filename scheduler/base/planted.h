// Bugs that tests/sim plants, one at a time, to prove that its judges find them. In what is shipped
// HT_PLANTED is the constant false; only the program heliotrope-sim-planted is built with
// HT_PLANTED_BUGS.
#pragma once

#ifdef HT_PLANTED_BUGS

namespace heliotrope::planted {

enum class Bug {
  kNone,
  kAckBeforeCommit,            // A client is answered before its batch is durable.
  kRequestForgotten,           // A request id is not written with its job.
  kCancelForgotten,            // A cancel is kept in memory alone.
  kCancelLoses,                // What a cancelled job lost is started again.
  kChangeForgotten,            // A task that runs is not written down.
  kLeaseTooShort,              // The scheduler gives a node up before its lease is over.
  kLeaseTooLong,               // The agent counts a lease longer than it was granted.
  kLeaseIgnored,               // The agent starts processes without a lease.
  kLeaseBeforeStops,           // A lease comes before the stops of what is stale.
  kGivenUpOnDisconnect,        // A closed stream counts as a lost node.
  kOrderGivenUp,               // An order that its node has not confirmed yet counts as lost.
  kStaleReportTaken,           // A report of an earlier attempt counts for the task.
  kCheckpointReleasedEarly,    // Copies go when the next attempt is ordered, not when it runs.
  kResidencyUncheckedOnRetry,  // Only the first attempt is kept within residency.
  kWaiterForgotten,            // A task that waited for its backoff is not looked at again.
};

// Set before a history begins.
extern Bug active;

}  // namespace heliotrope::planted

#define HT_PLANTED(bug) (::heliotrope::planted::active == ::heliotrope::planted::Bug::bug)

#else

#define HT_PLANTED(bug) false

#endif
