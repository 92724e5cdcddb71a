#include "scheduler/model/reason.h"

namespace heliotrope::model {

absl::string_view ReasonName(Reason reason) {
  // clang-format off
  switch (reason) {
    case Reason::kNone: return "NONE";
    case Reason::kSubmitted: return "SUBMITTED";
    case Reason::kWaitingForCapacity: return "WAITING_FOR_CAPACITY";
    case Reason::kWaitingForCheaperTime: return "WAITING_FOR_CHEAPER_TIME";
    case Reason::kWaitingForSafeWindow: return "WAITING_FOR_SAFE_WINDOW";
    case Reason::kWaitingForBackoff: return "WAITING_FOR_BACKOFF";
    case Reason::kNoNodes: return "NO_NODES";
    case Reason::kTooLarge: return "TOO_LARGE";
    case Reason::kResidency: return "RESIDENCY";
    case Reason::kWaitingForQuota: return "WAITING_FOR_QUOTA";
    case Reason::kDrained: return "DRAINED";
    case Reason::kCheapestNow: return "CHEAPEST_NOW";
    case Reason::kCheapestInWindow: return "CHEAPEST_IN_WINDOW";
    case Reason::kDeadlineSafetyNet: return "DEADLINE_SAFETY_NET";
    case Reason::kReactive: return "REACTIVE";
    case Reason::kMoveTarget: return "MOVE_TARGET";
    case Reason::kNodeAway: return "NODE_AWAY";
    case Reason::kForegroundRamp: return "FOREGROUND_RAMP";
    case Reason::kForegroundOverload: return "FOREGROUND_OVERLOAD";
    case Reason::kCheaperElsewhere: return "CHEAPER_ELSEWHERE";
    case Reason::kNodeDrained: return "NODE_DRAINED";
    case Reason::kMakesWay: return "MAKES_WAY";
    case Reason::kHostPressure: return "HOST_PRESSURE";
    case Reason::kSucceeded: return "SUCCEEDED";
    case Reason::kExitCode: return "EXIT_CODE";
    case Reason::kSignal: return "SIGNAL";
    case Reason::kLeft: return "LEFT";
    case Reason::kGraceExceeded: return "GRACE_EXCEEDED";
    case Reason::kInterrupted: return "INTERRUPTED";
    case Reason::kLeaseExpired: return "LEASE_EXPIRED";
    case Reason::kDeclaredLost: return "DECLARED_LOST";
    case Reason::kCancelled: return "CANCELLED";
    case Reason::kRefusedByAgent: return "REFUSED_BY_AGENT";
    case Reason::kFetchFailed: return "FETCH_FAILED";
    case Reason::kAttemptUnknown: return "ATTEMPT_UNKNOWN";
    case Reason::kRetriesExhausted: return "RETRIES_EXHAUSTED";
    case Reason::kStale: return "STALE";
    case Reason::kForecast: return "FORECAST";
    case Reason::kNoHistory: return "NO_HISTORY";
    case Reason::kForecastYoung: return "FORECAST_YOUNG";
    case Reason::kForecastOutOfBand: return "FORECAST_OUT_OF_BAND";
    case Reason::kForecastStale: return "FORECAST_STALE";
    case Reason::kSensorFrozen: return "SENSOR_FROZEN";
    case Reason::kNotBeforeHeadroom: return "NOT_BEFORE_HEADROOM";
    case Reason::kMissesDeadline: return "MISSES_DEADLINE";
    case Reason::kFits: return "FITS";
    case Reason::kExpectedInTime: return "EXPECTED_IN_TIME";
  }
  // clang-format on
  return "NONE";
}

Reason ReasonFromName(absl::string_view name) {
  for (int i = 0; i < kReasonCount; ++i) {
    const Reason reason = static_cast<Reason>(i);
    if (ReasonName(reason) == name) return reason;
  }
  return Reason::kNone;
}

}  // namespace heliotrope::model
