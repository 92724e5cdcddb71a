#include "scheduler/store/store.h"

namespace heliotrope::store {

absl::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kMeta:
      return "meta";
    case Kind::kJob:
      return "job";
    case Kind::kTask:
      return "task";
    case Kind::kRequest:
      return "request";
    case Kind::kNode:
      return "node";
    case Kind::kCurveState:
      return "curve_state";
    case Kind::kCurveBin:
      return "curve_bin";
    case Kind::kArrivals:
      return "arrivals";
    case Kind::kDurations:
      return "durations";
  }
  return "unknown";
}

}  // namespace heliotrope::store
