// Protobuf's timestamps and durations to absl's and back. What comes in is checked: protobuf's own
// range (years 1 to 9999, nanoseconds below a second), not more.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heliotrope::wire {

// `field` is the path for the error, INVALID_ARGUMENT.
absl::StatusOr<absl::Time> FromProto(const google::protobuf::Timestamp& proto,
                                     absl::string_view field);
absl::StatusOr<absl::Duration> FromProto(const google::protobuf::Duration& proto,
                                         absl::string_view field);
// The same, and less than zero is an error too.
absl::StatusOr<absl::Duration> NonNegativeFromProto(const google::protobuf::Duration& proto,
                                                    absl::string_view field);

// Cut to protobuf's range; infinities become its ends.
google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);

}  // namespace heliotrope::wire
