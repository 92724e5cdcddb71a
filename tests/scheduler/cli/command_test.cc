// The other verbs against a fake scheduler: lists in pages, JSON, curves, plans, names for shells.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "scheduler/cli/run.h"
#include "scheduler/wire/time.h"
#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

// Without the fakes' address.
Result RunAlone(const std::vector<std::string>& args) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{.in = in, .out = out, .err = err};
  Result result;
  result.exit_code = cli::Run(args, console);
  result.out = out.str();
  result.err = err.str();
  return result;
}

void AddDataCenter(World& world, const char* id, const char* zone) {
  v1::DataCenter dc;
  dc.set_name(absl::StrCat("dataCenters/", id));
  dc.set_region("regions/emea");
  dc.set_time_zone(zone);
  dc.set_jurisdiction("DE");
  dc.set_local_time("2026-03-02T09:00:00");
  dc.set_capacity_milli_cores(64000);
  dc.set_foreground_milli_cores(16000);
  dc.set_planning_mode("forecast");
  world.data_centers.push_back(dc);
}

TEST(ListTest, ReadsAllPages) {
  Fakes fakes;
  for (const char* id : {"a", "b", "c", "d", "e"}) fakes.AddRunningJob(id, 1);
  const Result all = fakes.Run({"job", "list", "--all"});
  EXPECT_EQ(std::count(all.out.begin(), all.out.end(), '\n'), 6) << all.out;
  EXPECT_EQ(all.err, "");
  EXPECT_EQ(fakes.world().job_lists.size(), 3U);
}

TEST(ListTest, StopsAtTheLimitAndSaysSo) {
  Fakes fakes;
  for (const char* id : {"a", "b", "c", "d", "e"}) fakes.AddRunningJob(id, 1);
  const Result some = fakes.Run({"job", "list", "--limit", "3"});
  EXPECT_EQ(std::count(some.out.begin(), some.out.end(), '\n'), 4) << some.out;
  EXPECT_THAT(some.err, HasSubstr("--all shows every one"));
}

TEST(ListTest, FiltersByStateAndAccount) {
  Fakes fakes;
  fakes.Run({"job", "list", "--state", "running,Pending", "--account", "research"});
  ASSERT_EQ(fakes.world().job_lists.size(), 1U);
  EXPECT_EQ(fakes.world().job_lists[0].account(), "research");
  EXPECT_THAT(fakes.world().job_lists[0].states(),
              testing::ElementsAre(v1::Job::STATE_RUNNING, v1::Job::STATE_PENDING));
  const Result wrong = fakes.Run({"job", "list", "--state", "runing"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean \"running\"?"));
}

TEST(ListTest, JsonIsOneObjectWithTheWholeList) {
  Fakes fakes;
  for (const char* id : {"a", "b", "c"}) fakes.AddRunningJob(id, 1);
  const Result result = fakes.Run({"job", "list", "--json"});
  EXPECT_THAT(result.out, testing::StartsWith("{\n \"jobs\": ["));
  EXPECT_THAT(result.out, HasSubstr("\"next_page_token\": \"\""));
  EXPECT_THAT(result.out, HasSubstr("jobs/c"));
}

TEST(GetTest, ShowsTasksAndJourneys) {
  Fakes fakes;
  AddDataCenter(fakes.world(), "frankfurt-1", "Europe/Berlin");
  fakes.AddRunningJob("a", 3);
  const Result result = fakes.Run({"job", "get", "a"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("jobs/a"));
  EXPECT_THAT(result.out, HasSubstr("   2  frankfurt-1 01:00\n"));
  EXPECT_THAT(fakes.Run({"job", "get", "jobs/a/tasks/1"}).out, HasSubstr("jobs/a/tasks/1"));
}

TEST(GetTest, JsonIsTheJobAndWithAllTasksBoth) {
  Fakes fakes;
  fakes.AddRunningJob("a", 3);
  EXPECT_THAT(fakes.Run({"job", "get", "a", "--json"}).out,
              testing::StartsWith("{\n \"name\": \"jobs/a\""));
  EXPECT_THAT(fakes.Run({"job", "get", "a", "--json", "--all-tasks"}).out,
              testing::AllOf(HasSubstr("\"job\": {"), HasSubstr("jobs/a/tasks/2")));
}

TEST(GetTest, NotFoundIsAnError) {
  Fakes fakes;
  const Result result = fakes.Run({"job", "get", "nope"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("heliotrope: job \"jobs/nope\""));
}

TEST(ExplainTest, AsksForOneTask) {
  Fakes fakes;
  fakes.world().explanation.set_summary("it waits");
  EXPECT_THAT(fakes.Run({"job", "explain", "a/3"}).out,
              testing::AllOf(HasSubstr("it waits"), HasSubstr("jobs/a/tasks/3")));
}

TEST(FleetTest, TablesOfNodesAndDataCenters) {
  Fakes fakes;
  AddDataCenter(fakes.world(), "frankfurt-1", "Europe/Berlin");
  EXPECT_THAT(fakes.Run({"datacenter", "list"}).out,
              testing::AllOf(HasSubstr("frankfurt-1"), HasSubstr("09:00"), HasSubstr("25%")));
  v1::Node node;
  node.set_name("nodes/fra1-a");
  node.set_state(v1::Node::STATE_READY);
  node.set_drained(true);
  fakes.world().nodes.push_back(node);
  EXPECT_THAT(fakes.Run({"node", "list"}).out, HasSubstr("READY drained"));
}

TEST(FleetTest, DrainSaysWhatHasChanged) {
  Fakes fakes;
  const Result result = fakes.Run({"node", "drain", "fra1-a"});
  EXPECT_EQ(result.out, "nodes/fra1-a\n");
  EXPECT_THAT(result.err, HasSubstr("3 tasks leave"));
}

TEST(CurveTest, ShowDrawsAndSaysHowGoodItIs) {
  Fakes fakes;
  v1::Curve& curve = fakes.world().curve;
  const absl::Time now = absl::FromUnixSeconds(1772409600);
  *curve.mutable_now() = wire::ToProto(now);
  curve.set_time_zone("Europe/Berlin");
  curve.set_planning_mode("forecast");
  curve.set_bins_learned(2880);
  curve.set_error_1h_ratio(0.041);
  curve.set_error_24h_ratio(-1);
  curve.set_coverage_p90_ratio(0.91);
  for (int i = 0; i < 288; ++i) {
    v1::Curve::Sample* sample = curve.add_history();
    *sample->mutable_time() = wire::ToProto(now - absl::Minutes(5 * (288 - i)));
    sample->set_load(0.5);
  }
  const Result result = fakes.Run({"curve", "show", "frankfurt-1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Europe/Berlin, now Mon 01:00"));
  EXPECT_THAT(result.out, HasSubstr("****************"));
  EXPECT_THAT(result.out, HasSubstr("10.0 days"));
  EXPECT_THAT(result.out, HasSubstr("4.1% an hour ahead, 91% of outcomes under p90"));
}

// A file of `rows` samples, five minutes apart.
std::string CsvOf(int rows) {
  const std::string path = absl::StrCat(testing::TempDir(), "/curve", rows, ".csv");
  std::ofstream out(path);
  out << "timestamp_utc,load\n";
  for (int i = 0; i < rows; ++i) {
    out << absl::FormatTime("%Y-%m-%dT%H:%M:%SZ",
                            absl::FromUnixSeconds(1700000100) + absl::Minutes(5 * i),
                            absl::UTCTimeZone())
        << ",0.5\n";
  }
  return path;
}

TEST(CurveTest, ImportSendsPartsThatMeet) {
  Fakes fakes;
  const Result result =
      fakes.Run({"curve", "import", "dubai", CsvOf(100'001), "--peak", "2", "--timeout", "60s"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "100001 bins learned, 0 skipped\n");
  const auto& imports = fakes.world().imports;
  ASSERT_EQ(imports.size(), 3U);
  EXPECT_EQ(imports[0].name(), "dataCenters/dubai");
  EXPECT_EQ(imports[0].peak(), 2);
  EXPECT_EQ(imports[0].samples_size(), 50'000);
  EXPECT_EQ(imports[1].samples(0).time().seconds(), imports[0].samples(49'999).time().seconds());
  EXPECT_EQ(imports[2].samples_size(), 3);
}

TEST(CurveTest, AMistakeInTheFileIsNamedWithItsPlace) {
  const std::string path = testing::TempDir() + "/bad.csv";
  std::ofstream(path) << "timestamp_utc,load\n2026-01-01T00:00:00Z,abc\n";
  Fakes fakes;
  const Result result = fakes.Run({"curve", "import", "dubai", path});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(path + ":2:22"));
  EXPECT_TRUE(fakes.world().imports.empty());
}

TEST(PlanTest, ShowsTheMapAndWhatWaits) {
  Fakes fakes;
  v1::Plan& plan = fakes.world().plan;
  v1::Plan::Row* row = plan.add_rows();
  row->set_data_center("dataCenters/dubai");
  row->set_time_zone("Asia/Dubai");
  row->set_capacity_milli_cores(10'000);
  row->set_planning_mode("reactive");
  v1::Plan::Cell* cell = row->add_cells();
  *cell->mutable_start_time() = wire::ToProto(absl::FromUnixSeconds(1772409600));
  cell->mutable_length()->set_seconds(3600);
  cell->set_planned_milli_cores(4'000);
  v1::Plan::Intent* intent = plan.add_intents();
  intent->set_example_job("jobs/a");
  intent->set_pending_tasks(7);
  intent->set_tasks(3);
  intent->set_reason("NO_CAPACITY");
  const Result result = fakes.Run({"plan", "show"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("dubai  Mon 04:00  444444444444\n"));
  EXPECT_THAT(result.out, HasSubstr("planned by measured load only: dubai"));
  EXPECT_THAT(result.out, HasSubstr("a      3/7  nowhere         NO_CAPACITY"));
}

v1::Decision DecisionOn(const char* task) {
  v1::Decision decision;
  decision.set_kind(v1::Decision::KIND_PLACE);
  decision.set_task(task);
  return decision;
}

TEST(DecisionTest, TheNewestOfAJob) {
  Fakes fakes;
  for (const char* task : {"jobs/a/tasks/0", "jobs/ab/tasks/0", "jobs/a/tasks/1"}) {
    fakes.world().decisions.push_back(DecisionOn(task));
  }
  const Result of_job = fakes.Run({"decision", "list", "--job", "a"});
  EXPECT_EQ(std::count(of_job.out.begin(), of_job.out.end(), '\n'), 2) << of_job.out;
  const Result newest = fakes.Run({"decision", "list", "--limit", "1"});
  EXPECT_THAT(newest.out, testing::AllOf(HasSubstr("a/1"), Not(HasSubstr("a/0"))));
  const Result watched = fakes.Run({"decision", "watch", "--json"});
  EXPECT_EQ(std::count(watched.out.begin(), watched.out.end(), '\n'), 3) << watched.out;
}

TEST(VersionTest, OfBothSides) {
  Fakes fakes;
  const Result result = fakes.Run({"version"});
  EXPECT_THAT(result.out, testing::AllOf(HasSubstr("client  "), HasSubstr("server  0.1.0 at ")));
  EXPECT_THAT(fakes.Run({"version", "--json"}).out, HasSubstr("\"server\":{"));
}

TEST(CompleteTest, NamesThatAreSafeInAShell) {
  Fakes fakes;
  fakes.AddRunningJob("nightly-7", 1);
  fakes.AddRunningJob("$(reboot)", 1);
  const Result result = fakes.Run({"__complete", "job"});
  EXPECT_EQ(result.out, "nightly-7\n");
  EXPECT_EQ(fakes.Run({"__complete", "nonsense"}).out, "");
}

TEST(CompleteTest, IsQuickAndSilentWhenNobodyAnswers) {
  const absl::Time start = absl::Now();
  const Result result = RunAlone({"__complete", "job", "--address", "127.0.0.1:1"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(result.out + result.err, "");
}

TEST(ConnectionTest, TheAddressComesFromTheEnvironment) {
  Fakes fakes;
  ASSERT_EQ(setenv("HELIOTROPE_ADDRESS", "not-an-address", 1), 0);
  const Result result = RunAlone({"job", "list"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("not-an-address"));
  // A flag wins over it.
  EXPECT_EQ(fakes.Run({"job", "list"}).exit_code, 0);
  ASSERT_EQ(unsetenv("HELIOTROPE_ADDRESS"), 0);
}

TEST(ConnectionTest, WhoDoesNotAnswerIsNamedWithTheCause) {
  const Result result = RunAlone({"job", "list", "--address", "127.0.0.1:1"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(result.err,
            "heliotrope: the scheduler at 127.0.0.1:1 does not answer: Connection refused\n");
}

TEST(ConnectionTest, AnotherHostNeedsCertificates) {
  const Result result = RunAlone({"job", "list", "--address", "192.0.2.1:7400"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--tls-ca"));
}

}  // namespace
}  // namespace heliotrope::cli
