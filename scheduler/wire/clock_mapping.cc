#include "scheduler/wire/clock_mapping.h"

#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/wire/time.h"

namespace heliotrope::wire {
namespace {

constexpr double kMinSpeed = 1;
constexpr double kMaxSpeed = 100'000;

}  // namespace

absl::StatusOr<ClockMapping> FromProto(const v1::Welcome::ClockMapping& proto) {
  if (proto.speed() == 0 && !proto.has_anchor() && !proto.has_start()) return ClockMapping{};
  // Also false for NaN.
  if (!(proto.speed() >= kMinSpeed && proto.speed() <= kMaxSpeed)) {
    return InvalidField("clock.speed", absl::StrCat("is ", proto.speed(), ", must be 1 to 100000"));
  }
  ClockMapping mapping{.speed = proto.speed()};
  HT_ASSIGN_OR_RETURN(mapping.anchor, FromProto(proto.anchor(), "clock.anchor"));
  HT_ASSIGN_OR_RETURN(mapping.start, FromProto(proto.start(), "clock.start"));
  return mapping;
}

v1::Welcome::ClockMapping ToProto(const ClockMapping& mapping) {
  v1::Welcome::ClockMapping proto;
  *proto.mutable_anchor() = ToProto(mapping.anchor);
  *proto.mutable_start() = ToProto(mapping.start);
  proto.set_speed(mapping.speed);
  return proto;
}

}  // namespace heliotrope::wire
