#include "scheduler/wire/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "scheduler/base/errors.h"

namespace heliotrope::wire {
namespace {

TEST(Status, OkIsOk) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
}

TEST(Status, EveryCodeArrives) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "text");
    EXPECT_EQ(static_cast<int>(ToGrpc(status).error_code()), code);
    EXPECT_EQ(FromGrpc(ToGrpc(status)), status);
  }
}

TEST(Status, DetailsAreGoogleRpcs) {
  const grpc::Status status =
      ToGrpc(InvalidFields({{.field = "job.count", .description = "is 0, must be 1 to 100000"}}));
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), 3);
  ASSERT_EQ(details.details_size(), 2);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "heliotrope");
  EXPECT_EQ(info.reason(), "INVALID_FIELD");
  google::rpc::BadRequest bad_request;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad_request));
  EXPECT_EQ(bad_request.field_violations(0).field(), "job.count");
}

TEST(Status, DetailsComeBack) {
  const absl::Status status = PreconditionFailed("DEADLINE_CANNOT_BE_MET", "too late",
                                                 {{"deadline", "2026-01-01T00:00:00Z"}});
  const absl::Status back = FromGrpc(ToGrpc(status));
  EXPECT_EQ(back.code(), status.code());
  EXPECT_EQ(GetErrorInfo(back), GetErrorInfo(status));
  const absl::Status fields = InvalidField("job.count", "is 0");
  EXPECT_EQ(GetFieldViolations(FromGrpc(ToGrpc(fields))), GetFieldViolations(fields));
}

// A protobuf string that is not UTF-8 does not parse again: the reason would be lost with it.
TEST(Status, AnErrorThatQuotesHalfACharacterKeepsItsReason) {
  absl::Status status = InvalidField("job.name", "\"\xc3\" is no id");
  SetErrorInfo(status, {.reason = "INVALID_FIELD", .metadata = {{"value", "\xe4\xb8"}}});
  const absl::Status received = FromGrpc(ToGrpc(status));
  EXPECT_EQ(GetReason(received), "INVALID_FIELD");
  EXPECT_EQ(GetErrorInfo(received)->metadata.at("value"), "??");
  ASSERT_EQ(GetFieldViolations(received).size(), 1u);
  EXPECT_EQ(GetFieldViolations(received)[0].description, "\"?\" is no id");
}

TEST(Status, WhatIsTooLongForATrailerIsCut) {
  const std::vector<FieldViolation> many(
      1000, {.field = "requests[1].job.task.environment", .description = "too long"});
  const grpc::Status fields = ToGrpc(InvalidFields(many));
  EXPECT_LT(fields.error_details().size() + fields.error_message().size(), 6000u);
  EXPECT_FALSE(GetFieldViolations(FromGrpc(fields)).empty());
  // A character of three bytes at the cut stays whole or goes.
  const grpc::Status text =
      ToGrpc(NotFound("job", std::string(1022, 'x') + "\xe2\x82\xac" + std::string(9000, 'y')));
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(text.error_details()));
}

TEST(Status, GarbageDetailsAreDropped) {
  const absl::Status status =
      FromGrpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff garbage"));
  EXPECT_EQ(status, absl::NotFoundError("gone"));
}

}  // namespace
}  // namespace heliotrope::wire
