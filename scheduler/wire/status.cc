#include "scheduler/wire/status.h"

#include <optional>
#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/text.h"

namespace heliotrope::wire {
namespace {

constexpr char kDomain[] = "heliotrope";
// gRPC refuses metadata over 8 KiB in all; text is escaped on the wire to up to three times its
// size and stands in the details once more.
constexpr size_t kMaxDetailsBytes = 3072;

google::rpc::ErrorInfo ToProto(const ErrorInfo& info) {
  google::rpc::ErrorInfo proto;
  proto.set_reason(Cut(info.reason, kMaxMessageBytes));
  proto.set_domain(kDomain);
  for (const auto& [key, value] : info.metadata) {
    if (proto.ByteSizeLong() + key.size() + value.size() > kMaxDetailsBytes / 2) break;
    (*proto.mutable_metadata())[Cut(key, kMaxMessageBytes)] = Cut(value, kMaxMessageBytes);
  }
  return proto;
}

google::rpc::BadRequest ToProto(const std::vector<FieldViolation>& violations) {
  google::rpc::BadRequest proto;
  for (const FieldViolation& violation : violations) {
    if (proto.ByteSizeLong() + violation.field.size() + violation.description.size() >
        kMaxDetailsBytes / 2) {
      break;
    }
    google::rpc::BadRequest::FieldViolation& added = *proto.add_field_violations();
    added.set_field(Cut(violation.field, kMaxMessageBytes));
    added.set_description(Cut(violation.description, kMaxMessageBytes));
  }
  return proto;
}

void TakeDetail(const google::protobuf::Any& detail, absl::Status& status) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  if (detail.Is<google::rpc::ErrorInfo>() && detail.UnpackTo(&info)) {
    if (info.domain() != kDomain) return;
    SetErrorInfo(status, ErrorInfo{.reason = info.reason(),
                                   .metadata = {info.metadata().begin(), info.metadata().end()}});
  } else if (detail.Is<google::rpc::BadRequest>() && detail.UnpackTo(&bad_request)) {
    std::vector<FieldViolation> violations;
    for (const auto& violation : bad_request.field_violations()) {
      violations.push_back({.field = violation.field(), .description = violation.description()});
    }
    if (!violations.empty()) SetFieldViolations(status, violations);
  }
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The two enums agree number by number: both are the canonical codes.
  const auto code = static_cast<grpc::StatusCode>(status.raw_code());
  const std::string message = Cut(status.message(), kMaxMessageBytes);
  google::rpc::Status details;
  if (const std::optional<ErrorInfo> info = GetErrorInfo(status); info.has_value()) {
    details.add_details()->PackFrom(ToProto(*info));
  }
  if (const auto violations = GetFieldViolations(status); !violations.empty()) {
    details.add_details()->PackFrom(ToProto(violations));
  }
  if (details.details().empty()) return grpc::Status(code, message);
  details.set_code(status.raw_code());
  details.set_message(message);
  return grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (!status.error_details().empty() && details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : details.details()) TakeDetail(detail, result);
  }
  return result;
}

}  // namespace heliotrope::wire
