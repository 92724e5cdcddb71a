#include "scheduler/base/errors.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope {
namespace {

using absl::StatusCode;

TEST(ErrorsTest, EachNamedErrorHasItsCodeTextAndReason) {
  struct Case {
    absl::Status status;
    StatusCode code;
    std::string text;
    ErrorInfo info;
  };
  const Case cases[] = {
      {InvalidField("job.cores", "must be above 0"),
       StatusCode::kInvalidArgument,
       "job.cores: must be above 0",
       {"INVALID_FIELD", {{"field", "job.cores"}}}},
      {NotFound("data center", "oslo"),
       StatusCode::kNotFound,
       "data center \"oslo\" not found",
       {"DATA_CENTER_NOT_FOUND", {{"name", "oslo"}}}},
      {AlreadyExists("job", "nightly", "choose another id"),
       StatusCode::kAlreadyExists,
       "job \"nightly\" already exists: choose another id",
       {"JOB_ALREADY_EXISTS", {{"name", "nightly"}}}},
      {PreconditionFailed("TOO_WIDE", "96 cores", {{"cores", "96"}}),
       StatusCode::kFailedPrecondition,
       "96 cores",
       {"TOO_WIDE", {{"cores", "96"}}}},
      {ResourceExhausted("QUEUE_FULL", "full"),
       StatusCode::kResourceExhausted,
       "full",
       {"QUEUE_FULL", {}}},
      {PermissionDenied("OUTSIDE_RESIDENCY", "no"),
       StatusCode::kPermissionDenied,
       "no",
       {"OUTSIDE_RESIDENCY", {}}},
      {Unavailable("STARTING", "wait"), StatusCode::kUnavailable, "wait", {"STARTING", {}}},
      {Aborted("ETAG_MISMATCH", "again"), StatusCode::kAborted, "again", {"ETAG_MISMATCH", {}}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(c.status.code(), c.code) << c.text;
    EXPECT_EQ(std::string(c.status.message()), c.text);
    const auto info = GetErrorInfo(c.status);
    ASSERT_TRUE(info.has_value()) << c.text;
    EXPECT_EQ(*info, c.info) << c.text;
    EXPECT_EQ(GetReason(c.status), c.info.reason);
  }
}

TEST(ErrorsTest, ViolationsKeepTheirOrderAndBytes) {
  const std::vector<FieldViolation> violations = {
      {"command", "is empty"}, {"env[\"\n\"]", std::string("nul \0 inside", 12)}, {"b", ""}};
  const absl::Status status = InvalidFields(violations);
  EXPECT_EQ(GetFieldViolations(status), violations);
  EXPECT_EQ(GetReason(status), "INVALID_FIELD");
}

TEST(ErrorsTest, AStatusOfOthersHasNoDetails) {
  const absl::Status status = absl::InternalError("theirs");
  EXPECT_FALSE(GetErrorInfo(status).has_value());
  EXPECT_EQ(GetReason(status), "");
  EXPECT_TRUE(GetFieldViolations(status).empty());
}

TEST(ErrorsTest, PayloadsThatDoNotParseAreNone) {
  for (const std::string& bytes : {std::string(""), std::string("abc"), std::string(4, '\xff'),
                                   std::string("\2\0\0\0ab\1\0\0\0k", 11)}) {
    absl::Status status = absl::InternalError("x");
    status.SetPayload("heliotrope/error-info", absl::Cord(bytes));
    status.SetPayload("heliotrope/field-violations", absl::Cord(bytes + "\1"));
    EXPECT_FALSE(GetErrorInfo(status).has_value()) << absl::StrCat(bytes.size());
    EXPECT_TRUE(GetFieldViolations(status).empty()) << absl::StrCat(bytes.size());
  }
}

TEST(ErrorsTest, ContextComesFirstAndDetailsStay) {
  const absl::Status status =
      WithContext(WithContext(NotFound("job", "a"), "loading task 12/7"), "recovering");
  EXPECT_EQ(std::string(status.message()), "recovering: loading task 12/7: job \"a\" not found");
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(GetReason(status), "JOB_NOT_FOUND");
  EXPECT_TRUE(WithContext(absl::OkStatus(), "x").ok());
}

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return n / 2;
}

absl::StatusOr<int> Quarter(int n, int* contexts) {
  HT_ASSIGN_OR_RETURN(const int half, Half(n));
  HT_ASSIGN_OR_RETURN(int quarter, Half(half), absl::StrCat("half ", ++*contexts));
  return quarter;
}

absl::Status BothHalves(int a, int b) {
  HT_RETURN_IF_ERROR(Half(a).status());
  HT_RETURN_IF_ERROR(Half(b).status(), absl::StrCat("second ", b));
  return absl::OkStatus();
}

TEST(StatusMacrosTest, ReturnEarlyAndMakeTheContextOnlyThen) {
  int contexts = 0;
  EXPECT_EQ(*Quarter(8, &contexts), 2);
  EXPECT_EQ(contexts, 0);
  EXPECT_EQ(std::string(Quarter(7, &contexts).status().message()), "odd");
  EXPECT_EQ(std::string(Quarter(6, &contexts).status().message()), "half 1: odd");
  EXPECT_TRUE(BothHalves(2, 4).ok());
  EXPECT_EQ(std::string(BothHalves(1, 4).message()), "odd");
  EXPECT_EQ(std::string(BothHalves(2, 3).message()), "second 3: odd");
}

}  // namespace
}  // namespace heliotrope
