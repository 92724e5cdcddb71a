// job logs and job output: dialled straight at the agent that has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using testing::HasSubstr;

std::string FileText(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string FreshDirectory(const char* name) {
  const std::string path = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(path);
  return path;
}

TEST(LogsTest, ReadsTheNewestAttemptFromItsAgent) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  fakes.world().logs["jobs/a/tasks/0@1"] = "epoch 1\nepoch 2\n";
  const Result result = fakes.Run({"job", "logs", "a"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "epoch 1\nepoch 2\n");
  EXPECT_EQ(result.err, "stdout of attempt 1 of a/0 on fra1-a (frankfurt-1)\n");
}

TEST(LogsTest, SaysWhereTheReaderIs) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  fakes.world().jurisdiction = "DE";
  const Result refused = fakes.Run({"job", "logs", "a"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("outside the job's residency"));
  EXPECT_EQ(fakes.Run({"job", "logs", "a", "--jurisdiction", "DE"}).exit_code, 0);
}

TEST(LogsTest, OfATaskOnStderrFromTheEnd) {
  Fakes fakes;
  fakes.AddRunningJob("a", 4);
  fakes.world().logs["jobs/a/tasks/3@1"] = "0123456789";
  const Result result = fakes.Run({"job", "logs", "a/tasks/3", "--stderr", "--tail", "4"});
  EXPECT_EQ(result.out, "6789") << result.err;
  EXPECT_EQ(fakes.world().log_reads.at(0).stream(), v1::ReadLogRequest::STREAM_STDERR);
}

TEST(LogsTest, OfAnArrayIsThatOfItsFirstTaskAndSaysSo) {
  Fakes fakes;
  fakes.AddRunningJob("a", 4);
  EXPECT_THAT(fakes.Run({"job", "logs", "a"}).err, HasSubstr("task 0 of 4"));
}

TEST(LogsTest, GoesOnWhereABrokenConnectionLeftOff) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  fakes.world().logs["jobs/a/tasks/0@1"] = "0123456789";
  fakes.world().break_log_after = 4;
  const Result result = fakes.Run({"job", "logs", "a", "--tail", "9"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "123456789");
}

TEST(LogsTest, FollowsATaskOverItsMove) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  fakes.world().logs["jobs/a/tasks/0@1"] = "first\n";
  fakes.world().logs["jobs/a/tasks/0@2"] = "second\n";
  fakes.world().after_log = [](World& world) {
    v1::Task& task = world.tasks["jobs/a"][0];
    v1::Attempt moved = task.attempts(0);
    moved.set_number(2);
    moved.set_data_center("dataCenters/virginia");
    *task.add_attempts() = moved;
    task.set_attempt(2);
    task.set_state(v1::Task::STATE_SUCCEEDED);
  };
  const Result result = fakes.Run({"job", "logs", "a", "--follow"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "first\nsecond\n");
  EXPECT_THAT(result.err, HasSubstr("attempt 2 of a/0 on fra1-a (virginia)"));
}

TEST(LogsTest, WhatHasNotStartedHasNone) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  v1::Task& task = fakes.world().tasks["jobs/a"][0];
  task.clear_attempts();
  task.set_state(v1::Task::STATE_PENDING);
  task.set_detail("waits for the night");
  const Result result = fakes.Run({"job", "logs", "a"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("has not started yet: waits for the night"));
  EXPECT_EQ(fakes.Run({"job", "logs", "a/7"}).exit_code, 1);
  EXPECT_EQ(fakes.Run({"job", "logs", "a/x"}).exit_code, 2);
}

TEST(OutputTest, ListsAndFetchesOneFileToStdout) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  fakes.world().outputs["jobs/a/tasks/0@1"] = {{"model/w.bin", std::string("\0\1\2", 3)},
                                               {"report.txt", "fine\n"}};
  const Result list = fakes.Run({"job", "output", "a"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(list.out, HasSubstr("3 B           model/w.bin\n"));
  EXPECT_EQ(fakes.Run({"job", "output", "a", "model/w.bin"}).out, std::string("\0\1\2", 3));
  EXPECT_EQ(fakes.Run({"job", "output", "a", "none"}).exit_code, 1);
}

TEST(OutputTest, FetchesAWholeArrayIntoADirectory) {
  Fakes fakes;
  fakes.AddRunningJob("a", 3);
  fakes.world().outputs["jobs/a/tasks/0@1"] = {{"r.txt", "zero"}};
  fakes.world().outputs["jobs/a/tasks/2@1"] = {{"deep/r.txt", "two"}};
  const std::string to = FreshDirectory("array");
  const Result result = fakes.Run({"job", "output", "a", "--to", to});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, to + "/0/r.txt\n" + to + "/2/deep/r.txt\n");
  EXPECT_EQ(FileText(to + "/0/r.txt"), "zero");
  EXPECT_EQ(FileText(to + "/2/deep/r.txt"), "two");
  EXPECT_EQ(fakes.Run({"job", "output", "a", "r.txt"}).exit_code, 2);
}

TEST(OutputTest, AnAgentCannotWriteOutsideTheDirectory) {
  Fakes fakes;
  fakes.AddRunningJob("a", 1);
  fakes.world().outputs["jobs/a/tasks/0@1"] = {{"../escaped", "evil"}};
  const std::string to = FreshDirectory("safe");
  const Result result = fakes.Run({"job", "output", "a", "--to", to});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(testing::TempDir() + "/escaped"));
}

}  // namespace
}  // namespace heliotrope::cli
