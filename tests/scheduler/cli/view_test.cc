// Table tests of the small pure parts: names, words, tables, journeys, lines, failures, paths.
#include <gtest/gtest.h>

#include "scheduler/base/errors.h"
#include "scheduler/cli/decision_line.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/journey.h"
#include "scheduler/cli/look.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/output_path.h"
#include "scheduler/cli/request_id.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

absl::Time Utc(int day, int hour, int minute) {
  return absl::FromCivil(absl::CivilMinute(2026, 3, day, hour, minute), absl::UTCTimeZone());
}

TEST(NamesTest, AShortNameIsEnough) {
  EXPECT_EQ(FullJobName("nightly-7"), "jobs/nightly-7");
  EXPECT_EQ(FullJobName("jobs/nightly-7"), "jobs/nightly-7");
  EXPECT_EQ(FullDataCenterName("frankfurt-1"), "dataCenters/frankfurt-1");
  EXPECT_EQ(FullPlaceName("regions/asia"), "regions/asia");
  EXPECT_EQ(FullNodeName("nodes/fra1-a"), "nodes/fra1-a");
  EXPECT_EQ(ShortName("jobs/nightly-7/tasks/3"), "nightly-7/tasks/3");
  EXPECT_EQ(ShortName("plain"), "plain");
}

TEST(NamesTest, JobsAndTasks) {
  struct Case {
    const char* text;
    const char* want;
  };
  for (const Case& c : {Case{"a", "jobs/a"}, Case{"jobs/a", "jobs/a"},
                        Case{"a/3", "jobs/a/tasks/3"}, Case{"a/tasks/3", "jobs/a/tasks/3"},
                        Case{"jobs/a/tasks/3", "jobs/a/tasks/3"}, Case{"a/b", "none"},
                        Case{"a/-1", "none"}, Case{"a/tasks/", "none"}, Case{"a/3/4", "none"}}) {
    const auto parsed = ParseJobOrTask(c.text);
    EXPECT_EQ(parsed.has_value() ? parsed->FullName() : "none", c.want) << c.text;
  }
  EXPECT_EQ(TaskIndexOf("jobs/a/tasks/42"), 42);
}

TEST(LookTest, WidthCountsCharactersNotBytes) {
  EXPECT_EQ(Columns("Zürich"), 6);
  EXPECT_EQ(PadRight("Zü", 4), "Zü  ");
  EXPECT_EQ(PadLeft("7", 3), "  7");
  EXPECT_EQ(Clip("Zürich-1", 6), "Zür...");
  EXPECT_EQ(Clip("Zürich", 6), "Zürich");
  EXPECT_EQ(Clip("abcdef", 2), "..");
}

TEST(LookTest, TextOfOthersCannotSteerTheTerminal) {
  EXPECT_EQ(Printable("a\x1b[31mb\n\tc\x7f"), "a?[31mb??c?");
  EXPECT_EQ(Printable("x\xc2\x9by"), "x??y");
  EXPECT_EQ(Printable("Zürich"), "Zürich");
}

TEST(LookTest, ColourOnlyWhereItIsWanted) {
  EXPECT_EQ(Paint("x", Style::kGood, {}), "x");
  EXPECT_EQ(Paint("x", Style::kGood, {.color = true}), "\x1b[32mx\x1b[0m");
  EXPECT_EQ(Paint("", Style::kGood, {.color = true}), "");
}

TEST(TableTest, AlignsAndEndsEachLineWithoutSpaces) {
  Table table({{"JOB"}, {"TASKS", Align::kRight}, {"WHY"}});
  table.Add({{"nightly-7"}, {"3"}, {"waits"}});
  table.Add({{"a"}, {"1200"}});
  EXPECT_EQ(table.Render({}),
            "JOB        TASKS  WHY\n"
            "nightly-7      3  waits\n"
            "a           1200\n");
}

TEST(TableTest, CutsTheLastColumnToTheTerminal) {
  Table table({{"JOB"}, {"WHY"}});
  table.Add({{"nightly-7"}, {"waits for a cheaper time in dubai"}});
  EXPECT_EQ(table.Render({.width = 31}),
            "JOB        WHY\n"
            "nightly-7  waits for a cheap...\n");
}

TEST(TableTest, FactsLeaveOutWhatIsNotKnown) {
  Facts facts;
  facts.Add("job", "jobs/a");
  facts.Add("home", "");
  facts.Add("deadline", "soon");
  EXPECT_EQ(facts.Render({}), "job       jobs/a\ndeadline  soon\n");
}

TEST(WordsTest, TimesAndShares) {
  EXPECT_EQ(CoresWords(1500), "1.5");
  EXPECT_EQ(CoresWords(64000), "64");
  EXPECT_EQ(ShareWords(37, 100), "37%");
  EXPECT_EQ(ShareWords(1, 0), "-");
  EXPECT_EQ(TimeWords(Utc(2, 9, 0)), "2026-03-02 09:00 UTC");
  EXPECT_EQ(Relative(Utc(2, 9, 0), Utc(2, 6, 50)), "in 2h10m");
  EXPECT_EQ(Relative(Utc(2, 9, 0), Utc(2, 9, 5)), "5m ago");
  EXPECT_EQ(Relative(Utc(2, 9, 0), Utc(2, 9, 0)), "now");
}

TEST(WordsTest, CountsNameOnlyWhatThereIs) {
  v1::TaskCounts counts;
  EXPECT_EQ(CountsWords(counts), "");
  counts.set_running(2);
  counts.set_succeeded(5);
  EXPECT_EQ(CountsWords(counts), "2 running, 5 succeeded");
}

v1::Attempt AttemptAt(int number, const char* data_center, absl::Time start) {
  v1::Attempt attempt;
  attempt.set_number(number);
  attempt.set_data_center(data_center);
  *attempt.mutable_start_time() = wire::ToProto(start);
  return attempt;
}

Zones FleetZones() {
  google::protobuf::RepeatedPtrField<v1::DataCenter> fleet;
  for (const auto& [name, zone] :
       {std::pair{"hangzhou", "Asia/Shanghai"}, std::pair{"frankfurt-1", "Europe/Berlin"},
        std::pair{"virginia", "America/New_York"}}) {
    v1::DataCenter& data_center = *fleet.Add();
    data_center.set_name(std::string("dataCenters/") + name);
    data_center.set_time_zone(zone);
  }
  return ZonesOf(fleet);
}

TEST(JourneyTest, EachStepHasItsOwnLocalTime) {
  v1::Task task;
  *task.add_attempts() = AttemptAt(1, "dataCenters/hangzhou", Utc(1, 18, 10));
  *task.add_attempts() = AttemptAt(2, "dataCenters/frankfurt-1", Utc(2, 21, 40));
  *task.add_attempts() = AttemptAt(3, "dataCenters/virginia", Utc(4, 0, 55));
  EXPECT_EQ(Journey(task, FleetZones()), "hangzhou 02:10 -> frankfurt-1 22:40 -> virginia 19:55");
}

TEST(JourneyTest, AttemptsThatNeverStartedAndForgottenOnes) {
  v1::Task task;
  EXPECT_EQ(Journey(task, FleetZones()), "");
  *task.add_attempts() = AttemptAt(7, "dataCenters/hangzhou", Utc(1, 18, 10));
  v1::Attempt* refused = task.add_attempts();
  refused->set_number(8);
  refused->set_data_center("dataCenters/virginia");
  *task.add_attempts() = AttemptAt(9, "dataCenters/atlantis", Utc(1, 20, 0));
  EXPECT_EQ(Journey(task, FleetZones()), "... -> hangzhou 02:10 -> atlantis 20:00Z");
}

TEST(DecisionLineTest, SaysWhatWhereAndWhy) {
  v1::Decision decision;
  *decision.mutable_time() = wire::ToProto(Utc(2, 9, 0));
  decision.set_kind(v1::Decision::KIND_MOVE);
  decision.set_task("jobs/nightly-7/tasks/3");
  decision.set_from_data_center("dataCenters/hangzhou");
  decision.set_to_data_center("dataCenters/frankfurt-1");
  decision.set_reason("RAMP_AHEAD");
  decision.set_detail("foreground rises in 40m");
  EXPECT_EQ(
      DecisionLine(decision, {}),
      "03-02 09:00 move      nightly-7/3      hangzhou -> frankfurt-1  RAMP_AHEAD: foreground "
      "rises in 40m\n");
  decision.set_kind(v1::Decision::KIND_NODE_LOST);
  decision.clear_task();
  decision.clear_from_data_center();
  decision.clear_to_data_center();
  decision.set_node("nodes/fra1-a");
  decision.clear_detail();
  EXPECT_EQ(DecisionLine(decision, {}),
            "03-02 09:00 node lost                  fra1-a                   RAMP_AHEAD\n");
}

TEST(FailureTest, OneFieldIsOneLine) {
  EXPECT_EQ(FailureText(InvalidField("job.task.milli_cores", "must be above 0")),
            "heliotrope: job.task.milli_cores: must be above 0\n");
}

TEST(FailureTest, EachOfSeveralFieldsHasItsLine) {
  EXPECT_EQ(FailureText(InvalidFields({{"job.count", "too many"}, {"job.residency", "unknown"}})),
            "heliotrope: 2 fields are wrong\n  job.count: too many\n  job.residency: unknown\n");
}

TEST(FailureTest, AnotherServersTextKeepsItsFields) {
  absl::Status status = absl::InvalidArgumentError("bad job");
  SetFieldViolations(status, {{"job.count", "too many"}});
  EXPECT_EQ(FailureText(status), "heliotrope: bad job\n  job.count: too many\n");
}

TEST(FailureTest, SeveralLinesStaySoAndNothingSteersTheTerminal) {
  EXPECT_EQ(FailureText(absl::InvalidArgumentError("job.yaml:1: a\njob.yaml:2: \x1b[2J\n")),
            "heliotrope: job.yaml:1: a\n  job.yaml:2: ?[2J\n");
  EXPECT_EQ(FailureText(absl::Status(absl::StatusCode::kInternal, "")), "heliotrope: INTERNAL\n");
}

TEST(OutputPathTest, NoPathOfAnAgentLeadsOutOfTheDirectory) {
  EXPECT_EQ(*TargetPath("out", "model/weights.bin"), "out/model/weights.bin");
  for (const char* path : {"", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/"}) {
    EXPECT_FALSE(TargetPath("out", path).ok()) << path;
  }
}

TEST(RequestIdTest, IsKeptOrNew) {
  EXPECT_EQ(RequestIdOr("mine"), "mine");
  EXPECT_EQ(RequestIdOr("").size(), 36U);
  EXPECT_NE(RequestIdOr(""), RequestIdOr(""));
}

}  // namespace
}  // namespace heliotrope::cli
