// job watch, wait and cancel, decision watch: streams that break and come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using testing::HasSubstr;

const grpc::Status kBroken(grpc::StatusCode::UNAVAILABLE, "connection reset");

TEST(WaitTest, ExitCodeSaysWhetherAllSucceeded) {
  Fakes fakes;
  fakes.world().watches.push_back(
      {{Now("a", v1::Job::STATE_SUCCEEDED), Now("b", v1::Job::STATE_FAILED)}, grpc::Status::OK});
  const Result result = fakes.Run({"job", "wait", "a", "jobs/b"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "a                     SUCCEEDED\nb                     FAILED\n");
}

TEST(WaitTest, GoesOnAfterABrokenConnection) {
  Fakes fakes;
  fakes.world().watches.push_back({{Now("a", v1::Job::STATE_RUNNING)}, kBroken});
  fakes.world().watches.push_back({{}, kBroken});
  fakes.world().watches.push_back({{Now("a", v1::Job::STATE_SUCCEEDED)}, grpc::Status::OK});
  const Result result = fakes.Run({"job", "wait", "a"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("connection reset; trying again"));
  EXPECT_EQ(fakes.world().watched.size(), 3U);
}

TEST(WaitTest, AnEndedJobIsNotAskedForAgain) {
  Fakes fakes;
  fakes.world().watches.push_back({{Now("a", v1::Job::STATE_SUCCEEDED)}, kBroken});
  fakes.world().watches.push_back({{Now("b", v1::Job::STATE_SUCCEEDED)}, grpc::Status::OK});
  EXPECT_EQ(fakes.Run({"job", "wait", "a", "b"}).exit_code, 0);
  EXPECT_THAT(fakes.world().watched.at(1).names(), testing::ElementsAre("jobs/b"));
}

TEST(WaitTest, AnUnknownJobIsAnErrorAtOnce) {
  Fakes fakes;
  fakes.world().watches.push_back({{}, grpc::Status(grpc::StatusCode::NOT_FOUND, "no such job")});
  const Result result = fakes.Run({"job", "wait", "a"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "heliotrope: no such job\n");
}

TEST(WaitTest, WithoutNamesItWaitsForWhatHasNotEnded) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  fakes.AddRunningJob("b", 1);
  fakes.AddRunningJob("c", 1);
  fakes.world().watches.push_back(
      {{Now("a", v1::Job::STATE_SUCCEEDED), Now("b", v1::Job::STATE_SUCCEEDED),
        Now("c", v1::Job::STATE_SUCCEEDED)},
       grpc::Status::OK});
  const Result result = fakes.Run({"job", "wait"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(fakes.world().watched.at(0).names_size(), 3);
  EXPECT_EQ(fakes.world().job_lists.at(0).states_size(), 2);
}

TEST(WaitTest, TheTimeoutEndsIt) {
  Fakes fakes;
  for (int i = 0; i < 100; ++i) {
    fakes.world().watches.push_back({{Now("a", v1::Job::STATE_RUNNING)}, kBroken});
  }
  const Result result = fakes.Run({"job", "wait", "a", "--timeout", "300ms"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("heliotrope: "));
}

TEST(WatchTest, ALineForEachChangeAndNoneTwice) {
  Fakes fakes;
  fakes.world().watches.push_back({{Now("a", v1::Job::STATE_PENDING)}, kBroken});
  fakes.world().watches.push_back(
      {{Now("a", v1::Job::STATE_PENDING), Now("a", v1::Job::STATE_SUCCEEDED)}, grpc::Status::OK});
  const Result result = fakes.Run({"job", "watch", "a"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "a                     PENDING\na                     SUCCEEDED\n");
}

TEST(WatchTest, JsonIsALineForEachMessage) {
  Fakes fakes;
  fakes.world().watches.push_back(
      {{Now("a", v1::Job::STATE_PENDING), Now("a", v1::Job::STATE_SUCCEEDED)}, grpc::Status::OK});
  const Result result = fakes.Run({"job", "watch", "a", "--json"});
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 2);
  EXPECT_THAT(result.out, testing::StartsWith("{\"job\":{\"name\":\"jobs/a\""));
}

TEST(CancelTest, WantsAYesWhereNobodyCanBeAsked) {
  Fakes fakes;
  const Result refused = fakes.Run({"job", "cancel", "a"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("--yes"));
  EXPECT_TRUE(fakes.world().cancels.empty());
  const Result done = fakes.Run({"job", "cancel", "a", "b", "--yes"});
  EXPECT_EQ(done.exit_code, 0) << done.err;
  EXPECT_EQ(done.out, "jobs/a\njobs/b\n");
  ASSERT_EQ(fakes.world().cancels.size(), 2U);
  EXPECT_NE(fakes.world().cancels[0].request_id(), fakes.world().cancels[1].request_id());
}

TEST(CancelTest, AsksAtATerminal) {
  Fakes fakes;
  EXPECT_EQ(fakes.Run({"job", "cancel", "a"}, {.stdin_text = "n\n", .terminal = true}).exit_code,
            1);
  EXPECT_TRUE(fakes.world().cancels.empty());
  EXPECT_EQ(fakes.Run({"job", "cancel", "a"}, {.stdin_text = "yes\n", .terminal = true}).exit_code,
            0);
  EXPECT_EQ(fakes.world().cancels.size(), 1U);
}

}  // namespace
}  // namespace heliotrope::cli
