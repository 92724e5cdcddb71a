// Reads the fields of one record and remembers the first that is wrong, so that a conversion reads
// as a list of fields.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heliotrope::store {

// The form that this release writes, of every kind of record; it reads this and older ones.
inline constexpr uint32_t kRecordVersion = 1;

class FieldReader {
 public:
  absl::Time Time(const google::protobuf::Timestamp& proto, absl::string_view field);
  absl::Duration Duration(const google::protobuf::Duration& proto, absl::string_view field);
  // `problem` says what is wrong when `holds` is false.
  void Require(bool holds, absl::string_view problem);
  // Wrong without anything to read: DATA_LOSS. Newer than kRecordVersion: FAILED_PRECONDITION.
  void Version(uint32_t version);

  const absl::Status& status() const { return status_; }

 private:
  absl::Status status_;
};

}  // namespace heliotrope::store
