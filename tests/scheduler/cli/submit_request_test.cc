// From flags and a file to the request.
#include "scheduler/cli/submit_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/cli/failure.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1772409600);  // 2026-03-02T00:00:00Z

SubmitFlags Sleep() {
  SubmitFlags flags;
  flags.command = {"sleep", "10"};
  return flags;
}

v1::Job Made(const SubmitFlags& flags, const v1::Job& file = {}) {
  const auto request = MakeCreateRequest(flags, file, kNow);
  EXPECT_TRUE(request.ok()) << request.status();
  return request.ok() ? request->job() : v1::Job();
}

TEST(SubmitRequestTest, WithoutFlagsOnlyTheCommandIsSaid) {
  v1::Job want;
  want.mutable_task()->add_command("sleep");
  want.mutable_task()->add_command("10");
  EXPECT_EQ(Made(Sleep()).DebugString(), want.DebugString());
}

TEST(SubmitRequestTest, EveryFlagHasItsField) {
  SubmitFlags flags = Sleep();
  flags.name = "jobs/nightly-7";
  flags.count = 3;
  flags.cores = MilliCores::FromCores(1.5);
  flags.memory = Bytes::FromGiB(4);
  flags.expected = absl::Hours(2);
  flags.deadline = "+12h";
  flags.priority = -5;
  flags.account = "research";
  flags.home = "dataCenters/dubai";
  flags.residency = {"EU, US", "CN"};
  flags.environment = {"A=1", "B=x=y,z", "C="};
  flags.working_directory = "/srv";
  flags.retries = 2;
  flags.outputs = {"*.bin", "a,b"};
  flags.allow_late = true;
  flags.dry_run = true;
  const auto request = MakeCreateRequest(flags, {}, kNow);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->job_id(), "nightly-7");
  EXPECT_TRUE(request->validate_only());
  const v1::Job& job = request->job();
  EXPECT_EQ(job.name(), "");
  EXPECT_EQ(job.count(), 3);
  EXPECT_EQ(job.task().milli_cores(), 1500);
  EXPECT_EQ(job.task().memory_bytes(), int64_t{4} << 30);
  EXPECT_EQ(job.task().expected_duration().seconds(), 7200);
  EXPECT_EQ(job.deadline().seconds(), absl::ToUnixSeconds(kNow) + 12 * 3600);
  EXPECT_EQ(job.priority(), -5);
  EXPECT_EQ(job.account(), "research");
  EXPECT_EQ(job.home(), "dubai");
  EXPECT_THAT(job.residency(), ElementsAre("EU", "US", "CN"));
  EXPECT_EQ(job.task().environment().at("B"), "x=y,z");
  EXPECT_EQ(job.task().environment().at("C"), "");
  EXPECT_EQ(job.task().working_directory(), "/srv");
  EXPECT_EQ(job.task().retry().max_retries(), 2);
  EXPECT_THAT(job.task().outputs(), ElementsAre("*.bin", "a,b"));
  EXPECT_TRUE(job.allow_late());
  EXPECT_FALSE(job.task().has_checkpoint());
}

TEST(SubmitRequestTest, OnDisconnectIsStopOrContinue) {
  SubmitFlags flags = Sleep();
  flags.on_disconnect = "stop";
  EXPECT_EQ(Made(flags).task().on_disconnect(), v1::TaskTemplate::ON_DISCONNECT_STOP);
  flags.on_disconnect = "continue";
  EXPECT_EQ(Made(flags).task().on_disconnect(), v1::TaskTemplate::ON_DISCONNECT_CONTINUE);
  flags.on_disconnect = "wait";
  const auto refused = MakeCreateRequest(flags, {}, kNow);
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("stop or continue"));
}

TEST(SubmitRequestTest, AnyCheckpointFlagTurnsItOn) {
  SubmitFlags flags = Sleep();
  flags.checkpoint = true;
  EXPECT_TRUE(Made(flags).task().has_checkpoint());
  flags = Sleep();
  flags.checkpoint_signal = "SIGUSR1";
  flags.checkpoint_grace = absl::Seconds(30);
  flags.checkpoint_exit_code = 77;
  flags.checkpoint_interval = absl::Minutes(30);
  flags.checkpoint_size = Bytes::FromMiB(10);
  const v1::Checkpointing checkpoint = Made(flags).task().checkpoint();
  EXPECT_EQ(checkpoint.signal(), "SIGUSR1");
  EXPECT_EQ(checkpoint.grace().seconds(), 30);
  EXPECT_EQ(checkpoint.exit_code(), 77);
  EXPECT_EQ(checkpoint.interval().seconds(), 1800);
  EXPECT_EQ(checkpoint.expected_bytes(), int64_t{10} << 20);
}

TEST(SubmitRequestTest, FlagsWinOverTheFile) {
  v1::Job file;
  file.set_name("from-file");
  file.set_count(9);
  file.set_priority(3);
  file.add_residency("any");
  file.mutable_task()->add_command("old");
  file.mutable_task()->set_milli_cores(8000);
  (*file.mutable_task()->mutable_environment())["A"] = "file";
  (*file.mutable_task()->mutable_environment())["KEPT"] = "yes";
  SubmitFlags flags = Sleep();
  flags.count = 2;
  flags.residency = {"EU"};
  flags.environment = {"A=flag"};
  const auto request = MakeCreateRequest(flags, file, kNow);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->job_id(), "from-file");
  const v1::Job& job = request->job();
  EXPECT_EQ(job.count(), 2);
  EXPECT_EQ(job.priority(), 3);
  EXPECT_THAT(job.residency(), ElementsAre("EU"));
  EXPECT_THAT(job.task().command(), ElementsAre("sleep", "10"));
  EXPECT_EQ(job.task().milli_cores(), 8000);
  EXPECT_EQ(job.task().environment().at("A"), "flag");
  EXPECT_EQ(job.task().environment().at("KEPT"), "yes");
}

TEST(SubmitRequestTest, DeadlinesAreAbsoluteOrFromNow) {
  SubmitFlags flags = Sleep();
  flags.deadline = "2026-03-02T18:00:00+01:00";
  EXPECT_FALSE(DeadlineIsRelative(flags));
  EXPECT_EQ(Made(flags).deadline().seconds(), absl::ToUnixSeconds(kNow) + 17 * 3600);
  flags.deadline = "+1d";
  EXPECT_TRUE(DeadlineIsRelative(flags));
}

TEST(SubmitRequestTest, WhatIsWrongInItselfIsMisuse) {
  struct Case {
    const char* sentence;
    void (*change)(SubmitFlags&);
    const char* want;
  };
  const Case cases[] = {
      {"nothing to run", [](SubmitFlags& f) { f.command.clear(); }, "put the command after --"},
      {"an environment without =", [](SubmitFlags& f) { f.environment = {"A"}; }, "NAME=VALUE"},
      {"an environment without name", [](SubmitFlags& f) { f.environment = {"=1"}; }, "NAME=VALUE"},
      {"a deadline that is no time", [](SubmitFlags& f) { f.deadline = "tomorrow"; },
       "such as +12h"},
      {"a duration without unit", [](SubmitFlags& f) { f.deadline = "+12"; }, "--deadline"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.sentence);
    SubmitFlags flags = Sleep();
    c.change(flags);
    const auto request = MakeCreateRequest(flags, {}, kNow);
    ASSERT_FALSE(request.ok());
    EXPECT_TRUE(IsMisuse(request.status()));
    EXPECT_THAT(std::string(request.status().message()), HasSubstr(c.want));
  }
}

}  // namespace
}  // namespace heliotrope::cli
