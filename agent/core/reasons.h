// Why an attempt is where it is, as constants: part of the API, shown to users, counted in metrics.
#pragma once

namespace heliotrope::agent::reasons {

// Refusals: the order cannot be followed here.
inline constexpr char kResidency[] = "RESIDENCY";
inline constexpr char kNoCapacity[] = "NO_CAPACITY";
inline constexpr char kStaleAttempt[] = "STALE_ATTEMPT";
inline constexpr char kTooManyAttempts[] = "TOO_MANY_ATTEMPTS";
inline constexpr char kTooManyCopies[] = "TOO_MANY_COPIES";
inline constexpr char kInvalidOrder[] = "INVALID_ORDER";
// The agent could not make the directory, the control group or the shim.
inline constexpr char kCannotStart[] = "CANNOT_START";

// Ends.
inline constexpr char kExited[] = "EXITED";
inline constexpr char kSignaled[] = "SIGNALED";
inline constexpr char kExecFailed[] = "EXEC_FAILED";
inline constexpr char kLeaseExpired[] = "LEASE_EXPIRED";
// It was asked to save and did not, or what it saved could not be sealed.
inline constexpr char kCheckpointFailed[] = "CHECKPOINT_FAILED";
inline constexpr char kNotReadyToSave[] = "NOT_READY_TO_SAVE";
inline constexpr char kCheckpointUnavailable[] = "CHECKPOINT_UNAVAILABLE";
// A copy on this node's disk is not what was sealed.
inline constexpr char kCheckpointDamaged[] = "CHECKPOINT_DAMAGED";
// Its shim is gone without a word: killed from outside, or the machine was restarted.
inline constexpr char kProcessLost[] = "PROCESS_LOST";
// The scheduler asks about an attempt that is not here.
inline constexpr char kUnknownAttempt[] = "UNKNOWN_ATTEMPT";
// A newer attempt of the same task came.
inline constexpr char kSuperseded[] = "SUPERSEDED";
inline constexpr char kOrdered[] = "ORDERED";

// Acts of the agent's own.
inline constexpr char kForegroundPressure[] = "FOREGROUND_PRESSURE";
inline constexpr char kPressureOver[] = "PRESSURE_OVER";
inline constexpr char kPeriodicCheckpoint[] = "PERIODIC_CHECKPOINT";
inline constexpr char kCannotCheckpoint[] = "CANNOT_CHECKPOINT";
inline constexpr char kStaleTerm[] = "STALE_TERM";

}  // namespace heliotrope::agent::reasons
