// Why: every placement, move, wait and end carries one of these constants. The texts beside them,
// with the values that decided, are made where the decision is made.
#pragma once

#include "absl/strings/string_view.h"

namespace heliotrope::model {

enum class Reason : unsigned char {
  kNone = 0,
  // Why a task waits.
  kSubmitted,              // Accepted just now; not looked at yet.
  kWaitingForCapacity,     // No allowed data center has headroom now; first in line when one has.
  kWaitingForCheaperTime,  // Its deadline allows a cheaper block; planned there.
  kWaitingForSafeWindow,   // Cannot checkpoint, and no headroom ahead is long enough yet.
  kWaitingForBackoff,      // The last attempt failed; the retry comes later.
  kNoNodes,                // No connected node in any allowed data center.
  kTooLarge,               // No node of an allowed data center is large enough.
  kResidency,              // Residency excludes the data center, or all of them.
  kDrained,                // The node, or every node, is drained.
  kWaitingForQuota,        // Its account holds all that it may have at once.
  // Why a task was placed where it was.
  kCheapestNow,        // No deadline to wait for: the cheapest allowed headroom of now.
  kCheapestInWindow,   // The plan's cheapest block before the deadline has come.
  kDeadlineSafetyNet,  // Its laxity is used up: runs at any price.
  kReactive,           // No usable forecast there: placed by measured load only.
  kMoveTarget,         // The move's target, reserved before it left.
  // Why a task is left where it is.
  kNodeAway,  // Its node is silent, and it goes on there (on_disconnect: continue).
  // Why a task was told to leave.
  kForegroundRamp,      // The forecast leaves no headroom for it there soon.
  kForegroundOverload,  // Measured foreground has taken the headroom already.
  kCheaperElsewhere,    // The rest of its work costs clearly less elsewhere.
  kNodeDrained,         // An operator drained its node.
  kMakesWay,            // A task whose deadline cannot wait finds no free core.
  kHostPressure,        // The agent let it go: its host's own load stayed high.
  // How an attempt ended.
  kSucceeded,
  kExitCode,          // Exited with a code that is neither 0 nor the checkpoint code.
  kSignal,            // Ended by a signal that we did not send.
  kLeft,              // Left with a sealed checkpoint.
  kGraceExceeded,     // Did not save within its grace; goes on from the checkpoint before.
  kInterrupted,       // Ended on its node by no fault of its own, without saving.
  kLeaseExpired,      // Its node was silent longer than the lease.
  kDeclaredLost,      // An operator said that its node is lost.
  kCancelled,         // Its job was cancelled.
  kRefusedByAgent,    // The agent would not start it.
  kFetchFailed,       // Its checkpoint could not be had from any holder.
  kAttemptUnknown,    // Its node came back without it.
  kRetriesExhausted,  // Failed more often than the job allows.
  kStale,             // Another attempt has taken over, or its task has ended.
  // How a data center is planned.
  kForecast,           // By its forecast.
  kNoHistory,          // Reactively: nothing is known of its past.
  kForecastYoung,      // Reactively: less than a day of history.
  kForecastOutOfBand,  // Reactively: the forecast's errors have left the band.
  kForecastStale,      // Reactively: no load sample for too long.
  kSensorFrozen,       // Reactively: what measures its load hangs, the samples stand still.
  // What an option of `explain` says beyond these.
  kNotBeforeHeadroom,  // Headroom comes later.
  kMissesDeadline,     // Would end after the deadline.
  kFits,               // Could start now.
  // Why a warning that a task will be late was taken back.
  kExpectedInTime,  // There is room and time for it again.
};

inline constexpr int kReasonCount = static_cast<int>(Reason::kExpectedInTime) + 1;

// The constant as it is shown, such as "WAITING_FOR_CAPACITY"; stable.
absl::string_view ReasonName(Reason reason);

// The inverse; kNone for anything unknown.
Reason ReasonFromName(absl::string_view name);

}  // namespace heliotrope::model
