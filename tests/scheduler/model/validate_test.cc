// What a job may not ask for: each case breaks one field of a sound job and says what the user
// reads.
#include "scheduler/model/validate.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "scheduler/base/limits.h"

namespace heliotrope::model {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

JobSpec ASoundJob() {
  JobSpec spec;
  spec.command = {"/usr/bin/render", "--scene", "7"};
  spec.environment = {{"SCENE", "7"}};
  spec.account = AccountId("default");
  spec.residency = {.any = false, .words = {"DE"}};
  spec.checkpoint = CheckpointPolicy();
  return spec;
}

std::vector<FieldViolation> Validate(const JobSpec& spec) {
  const JurisdictionTable table({{"EU", {JurisdictionCode("DE")}}}, {JurisdictionCode("US")});
  return ValidateJobSpec(spec, table, {.lease = absl::Seconds(60)});
}

struct Case {
  const char* name;
  std::function<void(JobSpec&)> breaks;
  const char* field;
  const char* text;  // A part of what is said.
};

void ExpectRefusals(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    JobSpec spec = ASoundJob();
    c.breaks(spec);
    const std::vector<FieldViolation> found = Validate(spec);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].field, c.field);
    EXPECT_THAT(found[0].description, HasSubstr(c.text));
  }
}

TEST(ValidateJobSpec, TakesASoundJob) { EXPECT_THAT(Validate(ASoundJob()), IsEmpty()); }

TEST(ValidateJobSpec, TakesWhatIsJustWithinTheLimits) {
  JobSpec spec = ASoundJob();
  spec.request = {MilliCores::FromMilli(1), Bytes::FromMiB(1)};
  spec.checkpoint->grace = absl::Seconds(30);
  spec.checkpoint->exit_code = 255;
  spec.retry.max_retries = kMaxRetries;
  spec.count = kMaxTasksPerJob;
  spec.priority = kMinPriority;
  spec.expected_duration = kMaxExpectedDuration;
  spec.outputs = {"**", "a..b/*.png"};
  spec.residency = {.any = true, .words = {}};
  EXPECT_THAT(Validate(spec), IsEmpty());
}

TEST(ValidateJobSpec, RefusesWhatCannotBeRun) {
  ExpectRefusals({
      {"no command", [](JobSpec& s) { s.command = {}; }, "job.task.command", "is empty"},
      {"an empty program",
       [](JobSpec& s) {
         s.command = {"", "x"};
       },
       "job.task.command[0]", "empty"},
      {"a NUL in an argument", [](JobSpec& s) { s.command[2] = std::string("a\0b", 3); },
       "job.task.command[2]", "NUL"},
      {"too many arguments", [](JobSpec& s) { s.command.assign(kMaxArguments + 1, "x"); },
       "job.task.command", "has 1025 arguments, the limit is 1024"},
      {"too long arguments",
       [](JobSpec& s) { s.command[1] = std::string(kMaxArgumentsBytes, 'x'); }, "job.task.command",
       "the limit is 131072"},
      {"a name that no shell takes", [](JobSpec& s) { s.environment["2X"] = "y"; },
       "job.task.environment[\"2X\"]", "not a variable's name"},
      {"a name of ours", [](JobSpec& s) { s.environment["HELIOTROPE_ATTEMPT"] = "9"; },
       "job.task.environment[\"HELIOTROPE_ATTEMPT\"]", "set by the agent"},
      {"too large an environment",
       [](JobSpec& s) { s.environment["X"] = std::string(kMaxEnvironmentBytes, 'x'); },
       "job.task.environment", "the limit is 131072"},
      {"a NUL in a value", [](JobSpec& s) { s.environment["X"] = std::string("\0", 1); },
       "job.task.environment[\"X\"]", "NUL"},
      {"a relative directory", [](JobSpec& s) { s.working_directory = "tmp/x"; },
       "job.task.working_directory", "\"tmp/x\" is not absolute"},
  });
}

TEST(ValidateJobSpec, RefusesAbsurdShapes) {
  ExpectRefusals({
      {"zero cores", [](JobSpec& s) { s.request.cores = MilliCores::Zero(); },
       "job.task.milli_cores", "0 is not positive"},
      {"more cores than any node has",
       [](JobSpec& s) { s.request.cores = MilliCores::FromMilli(2'000'000); },
       "job.task.milli_cores", "is 2000 cores, the limit is 1024 cores"},
      {"memory that was not meant in bytes",
       [](JobSpec& s) { s.request.memory = Bytes::FromBytes(512); }, "job.task.memory_bytes",
       "in bytes"},
      {"memory of no node", [](JobSpec& s) { s.request.memory = Bytes::FromTiB(17); },
       "job.task.memory_bytes", "which no node has"},
      {"a negative duration", [](JobSpec& s) { s.expected_duration = absl::Seconds(-5); },
       "job.task.expected_duration", "-5s is negative"},
      {"an endless duration", [](JobSpec& s) { s.expected_duration = absl::InfiniteDuration(); },
       "job.task.expected_duration", "inf is longer than 365d"},
      {"no tasks", [](JobSpec& s) { s.count = 0; }, "job.count", "0 is not between 1 and 100000"},
      {"too many tasks", [](JobSpec& s) { s.count = 100'001; }, "job.count", "split"},
      {"a priority too high", [](JobSpec& s) { s.priority = 101; }, "job.priority",
       "101 is not between -100 and 100"},
      {"a priority too low", [](JobSpec& s) { s.priority = -101; }, "job.priority", "-101"},
  });
}

TEST(ValidateJobSpec, RefusesCheckpointingThatCannotWork) {
  ExpectRefusals({
      {"a signal that cannot be caught", [](JobSpec& s) { s.checkpoint->signal = 9; },
       "job.task.checkpoint.signal", "use one of SIGTERM"},
      {"a grace longer than half the lease",
       [](JobSpec& s) { s.checkpoint->grace = absl::Seconds(45); }, "job.task.checkpoint.grace",
       "grace 45s is longer than half the lease (30s): shorten it"},
      {"no grace", [](JobSpec& s) { s.checkpoint->grace = absl::ZeroDuration(); },
       "job.task.checkpoint.grace", "no time to save"},
      {"exit code 0", [](JobSpec& s) { s.checkpoint->exit_code = 0; },
       "job.task.checkpoint.exit_code", "0 means finished"},
      {"exit code 256", [](JobSpec& s) { s.checkpoint->exit_code = 256; },
       "job.task.checkpoint.exit_code", "1 to 255"},
      {"a negative interval", [](JobSpec& s) { s.checkpoint->interval = absl::Seconds(-1); },
       "job.task.checkpoint.interval", "negative"},
      {"a checkpoint of negative size",
       [](JobSpec& s) { s.checkpoint->expected_bytes = Bytes::FromBytes(-1); },
       "job.task.checkpoint.expected_bytes", "-1"},
      {"too many retries", [](JobSpec& s) { s.retry.max_retries = 101; },
       "job.task.retry.max_retries", "101 is not between 0 and 100"},
      {"a negative backoff", [](JobSpec& s) { s.retry.initial_backoff = absl::Seconds(-1); },
       "job.task.retry.initial_backoff", "negative"},
      {"backoffs that shrink", [](JobSpec& s) { s.retry.max_backoff = absl::Seconds(5); },
       "job.task.retry.max_backoff", "shorter than the initial backoff (10s)"},
  });
}

TEST(ValidateJobSpec, RefusesOutputsAboveTheirDirectory) {
  ExpectRefusals({
      {"an absolute pattern",
       [](JobSpec& s) {
         s.outputs = {"*.png", "/etc/*"};
       },
       "job.task.outputs[1]", "absolute"},
      {"a pattern that climbs", [](JobSpec& s) { s.outputs = {"a/../../b"}; },
       "job.task.outputs[0]", "has \"..\""},
      {"an empty pattern", [](JobSpec& s) { s.outputs = {""}; }, "job.task.outputs[0]", "empty"},
      {"too many patterns", [](JobSpec& s) { s.outputs.assign(65, "x"); }, "job.task.outputs",
       "has 65 patterns, the limit is 64"},
  });
}

TEST(ValidateJobSpec, RefusesUnknownOwnersAndPlaces) {
  ExpectRefusals({
      {"an account that is no id", [](JobSpec& s) { s.account = AccountId("Team A"); },
       "job.account", "\"Team A\" is not an id"},
      {"a home that is no id", [](JobSpec& s) { s.home = DataCenterId("-x"); }, "job.home",
       "\"-x\" is not an id"},
      {"no residency at all", [](JobSpec& s) { s.residency.words = {}; }, "job.residency",
       "no jurisdiction is given"},
      {"a residency nobody knows", [](JobSpec& s) { s.residency.words = {"EUU"}; }, "job.residency",
       "did you mean \"EU\"?"},
      {"any beside a code", [](JobSpec& s) { s.residency.any = true; }, "job.residency",
       "stands alone"},
  });
}

TEST(ValidateJobSpec, NamesEveryWrongFieldAtOnce) {
  JobSpec spec;
  spec.command = {};
  spec.count = 0;
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Validate(spec)) fields.push_back(violation.field);
  EXPECT_THAT(fields, ::testing::ElementsAre("job.task.command", "job.count", "job.account",
                                             "job.residency"));
}

TEST(ValidateJobSpec, ShowsNoControlCharactersOfTheUser) {
  JobSpec spec = ASoundJob();
  spec.working_directory = "a\x1b[31m\n";
  ASSERT_EQ(Validate(spec).size(), 1u);
  EXPECT_THAT(Validate(spec)[0].description, HasSubstr("\"a?[31m?\""));
}

}  // namespace
}  // namespace heliotrope::model
