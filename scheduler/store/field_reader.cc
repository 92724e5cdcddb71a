#include "scheduler/store/field_reader.h"

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/wire/time.h"

namespace heliotrope::store {

absl::Time FieldReader::Time(const google::protobuf::Timestamp& proto, absl::string_view field) {
  const auto time = wire::FromProto(proto, field);
  Require(time.ok(), time.ok() ? "" : time.status().message());
  return time.value_or(absl::UnixEpoch());
}

absl::Duration FieldReader::Duration(const google::protobuf::Duration& proto,
                                     absl::string_view field) {
  const auto duration = wire::FromProto(proto, field);
  Require(duration.ok(), duration.ok() ? "" : duration.status().message());
  return duration.value_or(absl::ZeroDuration());
}

void FieldReader::Require(bool holds, absl::string_view problem) {
  if (!holds && status_.ok()) status_ = absl::DataLossError(problem);
}

void FieldReader::Version(uint32_t version) {
  Require(version != 0, "has no version");
  if (version <= kRecordVersion || !status_.ok()) return;
  status_ = PreconditionFailed(
      "STORE_NEWER",
      absl::StrCat("has version ", version, ", written by a newer release; this one knows up to ",
                   kRecordVersion, ": install the newer release again"));
}

}  // namespace heliotrope::store
