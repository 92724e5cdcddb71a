// job submit against a fake scheduler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "scheduler/base/errors.h"
#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(SubmitTest, PrintsTheNameAlone) {
  Fakes fakes;
  const Result result = fakes.Run({"job", "submit", "--name", "nightly-7", "--residency", "EU,CH",
                                   "--cores", "2", "--", "sh", "-c", "exit 0", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "jobs/nightly-7\n");
  EXPECT_EQ(result.err, "");
  ASSERT_EQ(fakes.world().creates.size(), 1U);
  const v1::CreateJobRequest& request = fakes.world().creates[0];
  EXPECT_EQ(request.job_id(), "nightly-7");
  EXPECT_THAT(request.job().task().command(), ElementsAre("sh", "-c", "exit 0", "--json"));
  EXPECT_THAT(request.job().residency(), ElementsAre("EU", "CH"));
  EXPECT_FALSE(request.request_id().empty());
}

TEST(SubmitTest, ArgumentsAreNeverTakenApart) {
  Fakes fakes;
  fakes.Run({"job", "submit", "--env", "LIST=[a,b]", "--env", "X=1,2", "--", "run", "[a,b]", "--",
             "{c}", ""});
  ASSERT_EQ(fakes.world().creates.size(), 1U);
  const v1::TaskTemplate& task = fakes.world().creates[0].job().task();
  EXPECT_THAT(task.command(), ElementsAre("run", "[a,b]", "--", "{c}", ""));
  EXPECT_EQ(task.environment().at("LIST"), "[a,b]");
  EXPECT_EQ(task.environment().at("X"), "1,2");
}

TEST(SubmitTest, ABrokenCallIsRepeatedWithTheSameRequestId) {
  Fakes fakes;
  fakes.world().create_failures = 2;
  const Result result = fakes.Run({"job", "submit", "--", "true"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "jobs/job-abcd2345\n");
  EXPECT_THAT(result.err, HasSubstr("trying again"));
  ASSERT_EQ(fakes.world().creates.size(), 3U);
  EXPECT_EQ(fakes.world().creates[0].request_id(), fakes.world().creates[2].request_id());
}

TEST(SubmitTest, WhenItStaysBrokenTheRequestIdIsSaid) {
  Fakes fakes;
  fakes.world().create_failures = 1000;
  const Result result =
      fakes.Run({"job", "submit", "--timeout", "300ms", "--request-id", "r-1", "--", "true"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("does not answer: leader lost"));
  EXPECT_THAT(result.err, HasSubstr("--request-id r-1"));
}

TEST(SubmitTest, EveryWrongFieldHasItsLine) {
  Fakes fakes;
  fakes.world().refusal =
      InvalidFields({{"job.task.milli_cores", "9999 cores are more than any node has"},
                     {"job.residency", "unknown word \"EUU\"; did you mean \"EU\"?"}});
  const Result result = fakes.Run({"job", "submit", "--residency", "EUU", "--", "true"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "heliotrope: 2 fields are wrong\n"
            "  job.task.milli_cores: 9999 cores are more than any node has\n"
            "  job.residency: unknown word \"EUU\"; did you mean \"EU\"?\n");
}

TEST(SubmitTest, AFileIsOverriddenByFlags) {
  const std::string path = testing::TempDir() + "/job.yaml";
  std::ofstream(path) << "name: nightly-7\n"
                         "count: 9\n"
                         "residency: [EU]\n"
                         "task:\n"
                         "  command: [./train, --all]\n"
                         "  memory_bytes: 4GiB\n"
                         "  expected_duration: 2h\n"
                         "  checkpoint: {interval: 30m}\n";
  Fakes fakes;
  const Result result = fakes.Run({"job", "submit", "-f", path, "--count", "2"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "jobs/nightly-7\n");
  const v1::Job& job = fakes.world().creates.at(0).job();
  EXPECT_EQ(job.count(), 2);
  EXPECT_EQ(job.task().memory_bytes(), int64_t{4} << 30);
  EXPECT_EQ(job.task().expected_duration().seconds(), 7200);
  EXPECT_EQ(job.task().checkpoint().interval().seconds(), 1800);
  EXPECT_THAT(job.task().command(), ElementsAre("./train", "--all"));
}

TEST(SubmitTest, AFileFromStdinWithItsMistakeNamed) {
  Fakes fakes;
  const Result good = fakes.Run({"job", "submit", "-f", "-"},
                                {.stdin_text = "residency: [any]\ntask: {command: [\"true\"]}\n"});
  EXPECT_EQ(good.exit_code, 0) << good.err;
  const Result bad = fakes.Run({"job", "submit", "-f", "-"}, {.stdin_text = "residncy: [any]\n"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.err, HasSubstr("stdin:1"));
  EXPECT_THAT(bad.err, HasSubstr("did you mean \"residency\"?"));
  EXPECT_EQ(fakes.world().creates.size(), 1U);
}

TEST(SubmitTest, ARelativeDeadlineCountsFromTheSchedulersClock) {
  Fakes fakes;
  fakes.Run({"job", "submit", "--deadline", "+90m", "--", "true"});
  EXPECT_EQ(fakes.world().creates.at(0).job().deadline().seconds(), 1772409600 + 5400);
}

TEST(SubmitTest, ADryRunSubmitsNothingAndExplains) {
  Fakes fakes;
  fakes.world().explanation.set_summary("it would start now in dubai");
  const Result result = fakes.Run({"job", "submit", "--dry-run", "--name", "a", "--", "true"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, testing::StartsWith("it would start now in dubai\n"));
  EXPECT_THAT(result.err, HasSubstr("nothing was submitted"));
  EXPECT_TRUE(fakes.world().creates.empty());
  ASSERT_EQ(fakes.world().previews.size(), 1U);
  EXPECT_EQ(fakes.world().previews[0].job_id(), "a");
  EXPECT_TRUE(fakes.world().previews[0].validate_only());
  const Result json = fakes.Run({"--json", "job", "submit", "--dry-run", "--", "true"});
  EXPECT_THAT(json.out, HasSubstr("\"summary\": \"it would start now in dubai\""));
}

TEST(SubmitTest, ADryRunIsRefusedAsTheJobWouldBe) {
  Fakes fakes;
  fakes.world().refusal = absl::FailedPreconditionError("deadline cannot be met");
  const Result dry = fakes.Run({"job", "submit", "--dry-run", "--", "true"});
  const Result wet = fakes.Run({"job", "submit", "--", "true"});
  EXPECT_EQ(dry.exit_code, 1);
  EXPECT_EQ(dry.out, "");
  EXPECT_EQ(dry.err, wet.err);
}

TEST(SubmitTest, WithJsonTheJobIsOneDocument) {
  Fakes fakes;
  const Result result = fakes.Run({"--json", "job", "submit", "--name", "a", "--", "true"});
  EXPECT_THAT(result.out, HasSubstr("\"name\": \"jobs/a\""));
  EXPECT_THAT(result.out, HasSubstr("\"priority\": 0"));
}

TEST(SubmitTest, WaitEndsWithTheJobsResult) {
  struct Case {
    v1::Job::State end;
    int exit_code;
  };
  for (const Case& c : {Case{v1::Job::STATE_SUCCEEDED, 0}, Case{v1::Job::STATE_FAILED, 1},
                        Case{v1::Job::STATE_CANCELLED, 1}}) {
    Fakes fakes;
    fakes.world().watches.push_back(
        {{Now("a", v1::Job::STATE_RUNNING), Now("a", c.end)}, grpc::Status::OK});
    const Result result = fakes.Run({"job", "submit", "--name", "a", "--wait", "--", "true"});
    EXPECT_EQ(result.exit_code, c.exit_code) << result.err;
    EXPECT_EQ(result.out, "jobs/a\n");
  }
}

TEST(SubmitTest, WithoutACommandItSaysWhereItGoes) {
  Fakes fakes;
  const Result result = fakes.Run({"job", "submit", "--residency", "any"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("put the command after --"));
  EXPECT_THAT(fakes.world().creates, testing::IsEmpty());
}

TEST(SubmitTest, HintsAreForTerminalsOnly) {
  Fakes fakes;
  EXPECT_EQ(fakes.Run({"job", "submit", "--", "true"}).err, "");
  const Result result = fakes.Run({"job", "submit", "--", "true"}, {.terminal = true});
  EXPECT_THAT(result.err, HasSubstr("next: heliotrope job explain job-abcd2345"));
  EXPECT_EQ(result.out, "jobs/job-abcd2345\n");
}

}  // namespace
}  // namespace heliotrope::cli
