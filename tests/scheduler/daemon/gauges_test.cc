#include "scheduler/daemon/gauges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "tests/scheduler/daemon/fleet.h"
#include "tests/scheduler/daemon/gated_store.h"

namespace heliotrope::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

core::SubmitJob ASubmissionOf(const std::string& account, const std::string& id) {
  core::SubmitJob submit = ASubmission(id);
  auto spec = std::make_shared<model::JobSpec>(*submit.spec);
  spec->account = AccountId(account);
  submit.spec = std::move(spec);
  return submit;
}

class GaugesTest : public testing::Test, public rpc::EffectSink {
 protected:
  GaugesTest()
      : machine_(SomeMachineOptions(), AFleet()),
        metrics_(registry_),
        loop_(CoreLoopParts{machine_, store_, clock_, metrics_}, SomeFacts(),
              {.plan_wanted = [] {},
               .store_health = [](const absl::Status&) {},
               .fatal = [](const absl::Status&) {},
               .beat = [] {}}),
        gauges_(loop_, registry_) {
    loop_.Start(*this);
  }
  void TearDown() override { loop_.Stop().IgnoreError(); }
  void OnEffects(std::vector<core::Effect>) override {}
  // Readings go before what clients wait for.
  void Done(std::vector<core::Command> commands) {
    absl::Notification done;
    loop_.Post(std::move(commands), [&done](const std::vector<core::Reply>&) { done.Notify(); });
    done.WaitForNotification();
  }
  std::string Refreshed() {
    EXPECT_TRUE(gauges_.Refresh().ok());
    return registry_.Text();
  }

  GatedStore store_;
  core::Machine machine_;
  os::SchedulingClock clock_;
  os::MetricsRegistry registry_;
  Metrics metrics_;
  CoreLoop loop_;
  Gauges gauges_;
};

TEST_F(GaugesTest, StatesAreThereAtZeroBeforeAnythingHappens) {
  const std::string text = registry_.Text();
  for (const char* series :
       {"heliotrope_jobs{state=\"pending\"} 0", "heliotrope_tasks{state=\"checkpointing\"} 0",
        "heliotrope_nodes{state=\"lost\"} 0",
        "heliotrope_tasks_expected_late{deadline=\"ahead\"} 0",
        "heliotrope_tasks_expected_late{deadline=\"passed\"} 0",
        "heliotrope_decisions_total{kind=\"late\",reason=\"MISSES_DEADLINE\"} 0",
        "heliotrope_decisions_total{kind=\"place\",reason=\"REACTIVE\"} 0"}) {
    EXPECT_THAT(text, HasSubstr(series));
  }
}

TEST_F(GaugesTest, CountsJobsTasksNodesAndCores) {
  std::vector<core::Command> jobs;
  for (int i = 0; i < 2500; ++i) jobs.push_back(ASubmission(absl::StrCat("job-", i)));
  jobs.push_back(core::CancelJob{JobId("job-7")});
  Done(std::move(jobs));
  loop_.PostFromAgent(AHello(), nullptr);
  const std::string text = Refreshed();
  EXPECT_THAT(text, HasSubstr("heliotrope_jobs{state=\"pending\"} 2499"));
  EXPECT_THAT(text, HasSubstr("heliotrope_jobs{state=\"cancelled\"} 1"));
  EXPECT_THAT(text, HasSubstr("heliotrope_tasks{state=\"pending\"} 2499"));
  EXPECT_THAT(text, HasSubstr("heliotrope_nodes{state=\"ready\"} 1"));
  EXPECT_THAT(text, HasSubstr("heliotrope_datacenter_capacity_cores{datacenter=\"dubai\"} 8"));
  EXPECT_THAT(text, HasSubstr("heliotrope_submissions_total{result=\"accepted\"} 2500"));
}

TEST_F(GaugesTest, OnlyAccountsThatAreConfiguredHaveSeriesOfTheirOwn) {
  core::FleetConfig fleet = AFleet();
  fleet.accounts[AccountId("acme")].most.cores = MilliCores::FromCores(12);
  Done({core::SetFleet{fleet}, ASubmissionOf("acme", "a"), ASubmissionOf("one", "b"),
        ASubmissionOf("two", "c")});
  const std::string text = Refreshed();
  EXPECT_THAT(text, HasSubstr("heliotrope_account_limit_cores{account=\"acme\"} 12\n"));
  EXPECT_THAT(text, HasSubstr("heliotrope_account_limit_cores{account=\"other\"} +Inf\n"));
  EXPECT_THAT(text, HasSubstr("heliotrope_account_pending_tasks{account=\"acme\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("heliotrope_account_pending_tasks{account=\"other\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("heliotrope_account_used_cores{account=\"acme\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("account=\"one\"")));
  Done({core::SetFleet{AFleet()}});
  const std::string after = Refreshed();
  EXPECT_THAT(after, Not(HasSubstr("account=\"acme\"")));
  EXPECT_THAT(after, HasSubstr("heliotrope_account_pending_tasks{account=\"other\"} 3\n"));
}

TEST_F(GaugesTest, HowADataCenterIsPlannedHasItsReason) {
  const std::string text = Refreshed();
  const auto planning = [](const char* reason, int value) {
    return HasSubstr(absl::StrCat("heliotrope_datacenter_planning{datacenter=\"dubai\",reason=\"",
                                  reason, "\"} ", value, "\n"));
  };
  EXPECT_THAT(text, planning("NO_HISTORY", 1));
  for (const char* other :
       {"FORECAST", "FORECAST_YOUNG", "FORECAST_OUT_OF_BAND", "FORECAST_STALE", "SENSOR_FROZEN"}) {
    EXPECT_THAT(text, planning(other, 0));
  }
}

TEST_F(GaugesTest, EverySeriesOfADataCenterIsThereFromTheStart) {
  std::vector<std::string> series;
  for (const absl::string_view line : absl::StrSplit(Refreshed(), '\n')) {
    if (!absl::StrContains(line, "{datacenter=\"dubai\"")) continue;
    const std::vector<std::string> parts = absl::StrSplit(line, ' ');
    series.push_back(
        absl::StrReplaceAll(parts[0], {{"heliotrope_", ""}, {"datacenter=\"dubai\"", "dc"}}));
  }
  EXPECT_THAT(
      series,
      testing::UnorderedElementsAre(
          "datacenter_capacity_cores{dc}", "datacenter_foreground_cores{dc}",
          "datacenter_batch_cores{dc}", "datacenter_headroom_cores{dc}",
          "datacenter_planned_reactively{dc}", "datacenter_planning{dc,reason=\"FORECAST\"}",
          "datacenter_planning{dc,reason=\"NO_HISTORY\"}",
          "datacenter_planning{dc,reason=\"FORECAST_YOUNG\"}",
          "datacenter_planning{dc,reason=\"FORECAST_OUT_OF_BAND\"}",
          "datacenter_planning{dc,reason=\"FORECAST_STALE\"}",
          "datacenter_planning{dc,reason=\"SENSOR_FROZEN\"}",
          "forecast_error_ratio{dc,lead=\"1h\"}", "forecast_error_ratio{dc,lead=\"24h\"}",
          "forecast_coverage_ratio{dc,level=\"0.03\"}", "forecast_coverage_ratio{dc,level=\"0.1\"}",
          "forecast_coverage_ratio{dc,level=\"0.25\"}", "forecast_coverage_ratio{dc,level=\"0.5\"}",
          "forecast_coverage_ratio{dc,level=\"0.75\"}", "forecast_coverage_ratio{dc,level=\"0.9\"}",
          "forecast_coverage_ratio{dc,level=\"0.95\"}",
          "forecast_coverage_ratio{dc,level=\"0.97\"}"));
}

TEST_F(GaugesTest, ADataCenterThatAReloadRemovedIsShownNoMore) {
  EXPECT_THAT(Refreshed(), HasSubstr("datacenter=\"dubai\""));
  core::FleetConfig fleet = AFleet();
  fleet.data_centers.front().id = DataCenterId("stockholm");
  loop_.PostOwn(core::SetFleet{fleet}, nullptr);
  EXPECT_TRUE(gauges_.Refresh().ok());
  const std::string text = Refreshed();
  EXPECT_THAT(text, HasSubstr("datacenter=\"stockholm\""));
  EXPECT_THAT(text, Not(HasSubstr("datacenter=\"dubai\"")));
}

}  // namespace
}  // namespace heliotrope::daemon
