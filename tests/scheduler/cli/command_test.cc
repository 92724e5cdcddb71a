// The other verbs against a fake scheduler: lists in pages, JSON, plans, names for shells.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "scheduler/wire/time.h"
#include "tests/scheduler/cli/fakes.h"

namespace heliotrope::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

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
  for (const char* reason : {"SENSOR_FROZEN", "FORECAST_STALE", "FORECAST_OUT_OF_BAND"}) {
    fakes.world().data_centers[0].set_planning_mode("reactive");
    fakes.world().data_centers[0].set_planning_reason(reason);
    EXPECT_THAT(fakes.Run({"datacenter", "list"}).out,
                HasSubstr(absl::StrCat("  reactive: ", reason, "\n")));
  }
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

TEST(FleetTest, LostSaysWhatFollows) {
  Fakes fakes;
  const Result result = fakes.Run({"node", "lost", "fra1-a", "--yes"});
  EXPECT_EQ(result.out, "nodes/fra1-a\n");
  EXPECT_THAT(result.err, HasSubstr("started elsewhere"));
}

TEST(FleetTest, LostAsksFirst) {
  Fakes fakes;
  const Result refused = fakes.Run({"node", "lost", "fra1-a"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("would run twice: say so with --yes"));
  const auto answered = [&](const std::string& text) {
    return fakes.Run({"node", "lost", "fra1-a"}, {.stdin_text = text, .terminal = true});
  };
  const Result no = answered("n\n");
  EXPECT_EQ(no.exit_code, 1);
  EXPECT_EQ(no.out, "");
  EXPECT_EQ(answered("y\n").out, "nodes/fra1-a\n");
}

v1::Plan APlan() {
  v1::Plan plan;
  plan.set_price_unit("usd_per_mwh");
  v1::Plan::Row* row = plan.add_rows();
  row->set_data_center("dataCenters/dubai");
  row->set_time_zone("Asia/Dubai");
  row->set_capacity_milli_cores(10'000);
  row->set_target_milli_cores(8'000);
  row->set_planning_mode("reactive");
  v1::Plan::Cell* cell = row->add_cells();
  *cell->mutable_start_time() = wire::ToProto(absl::FromUnixSeconds(1772409600));
  cell->mutable_length()->set_seconds(3600);
  cell->set_headroom_milli_cores(6'000);
  cell->set_planned_milli_cores(4'000);
  cell->set_price(31.5);
  v1::Plan::Intent* intent = plan.add_intents();
  intent->set_example_job("jobs/a");
  intent->set_pending_tasks(7);
  intent->set_tasks(3);
  intent->set_reason("NO_CAPACITY");
  return plan;
}

TEST(PlanTest, ShowsTheMapAndWhatWaits) {
  Fakes fakes;
  fakes.world().plan = APlan();
  const Result result = fakes.Run({"plan", "show"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("Mon 04:00  foreground\n"));
  EXPECT_THAT(result.out, HasSubstr("           batch       444444444444\n"));
  EXPECT_THAT(result.out, HasSubstr("           spare       222222222222\n"));
  EXPECT_THAT(result.out, HasSubstr("price: 0 is 31.5, 9 is 31.5 USD per MWh\n"));
  EXPECT_THAT(result.out, HasSubstr("planned by measured load only: dubai"));
  EXPECT_THAT(result.out, HasSubstr("a      3/7  nowhere         NO_CAPACITY"));
}

TEST(PlanTest, CountsTheIntentsThatItDoesNotShow) {
  Fakes fakes;
  fakes.world().plan = APlan();
  while (fakes.world().plan.intents_size() < 50) {
    *fakes.world().plan.add_intents() = fakes.world().plan.intents(0);
  }
  fakes.world().plan.set_intents_left_out(7);
  EXPECT_THAT(fakes.Run({"plan", "show"}).out, HasSubstr("\nand 17 more\n"));
}

TEST(PlanTest, WritesAPicture) {
  Fakes fakes;
  fakes.world().plan = APlan();
  const std::string path = testing::TempDir() + "/plan_test_picture.svg";
  const Result result = fakes.Run({"plan", "show", "--svg", path});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::stringstream picture;
  picture << std::ifstream(path).rdbuf();
  std::filesystem::remove(path);
  EXPECT_THAT(picture.str(), testing::StartsWith("<?xml "));
  EXPECT_THAT(picture.str(),
              testing::AllOf(HasSubstr("dubai, Asia/Dubai"), HasSubstr("no plan yet"),
                             HasSubstr("price, USD per MWh (right)")));
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
