#include "scheduler/wire/time.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::wire {
namespace {

// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
constexpr int64_t kMinSeconds = -62'135'596'800;
constexpr int64_t kMaxSeconds = 253'402'300'799;
// 10,000 years, protobuf's own bound of a Duration.
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;
constexpr int32_t kNanosPerSecond = 1'000'000'000;

}  // namespace

absl::StatusOr<absl::Time> FromProto(const google::protobuf::Timestamp& proto,
                                     absl::string_view field) {
  if (proto.seconds() < kMinSeconds || proto.seconds() > kMaxSeconds || proto.nanos() < 0 ||
      proto.nanos() >= kNanosPerSecond) {
    return InvalidField(field, absl::StrCat("is not a time: ", proto.seconds(), " s and ",
                                            proto.nanos(), " ns; years are 1 to 9999"));
  }
  return absl::FromUnixSeconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

absl::StatusOr<absl::Duration> FromProto(const google::protobuf::Duration& proto,
                                         absl::string_view field) {
  const bool signs_differ =
      (proto.seconds() > 0 && proto.nanos() < 0) || (proto.seconds() < 0 && proto.nanos() > 0);
  if (proto.seconds() < -kMaxDurationSeconds || proto.seconds() > kMaxDurationSeconds ||
      proto.nanos() <= -kNanosPerSecond || proto.nanos() >= kNanosPerSecond || signs_differ) {
    return InvalidField(field, absl::StrCat("is not a duration: ", proto.seconds(), " s and ",
                                            proto.nanos(), " ns"));
  }
  return absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

absl::StatusOr<absl::Duration> NonNegativeFromProto(const google::protobuf::Duration& proto,
                                                    absl::string_view field) {
  HT_ASSIGN_OR_RETURN(const absl::Duration duration, FromProto(proto, field));
  if (duration < absl::ZeroDuration()) {
    return InvalidField(field,
                        absl::StrCat("is ", absl::FormatDuration(duration), ", less than zero"));
  }
  return duration;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  time = std::clamp(time, absl::FromUnixSeconds(kMinSeconds), absl::FromUnixSeconds(kMaxSeconds));
  // ToUnixSeconds rounds down, so that what is left is never negative.
  const int64_t seconds = absl::ToUnixSeconds(time);
  google::protobuf::Timestamp proto;
  proto.set_seconds(seconds);
  proto.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  duration =
      std::clamp(duration, absl::Seconds(-kMaxDurationSeconds), absl::Seconds(kMaxDurationSeconds));
  google::protobuf::Duration proto;
  absl::Duration rest;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

}  // namespace heliotrope::wire
