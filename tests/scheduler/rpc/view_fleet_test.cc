// Why a data center is planned as it is: whoever looks must see what to repair.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/random.h"
#include "scheduler/rpc/view.h"

namespace heliotrope::rpc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kBinsPerDay = 288;
constexpr int64_t kFirst = kBinsPerDay * 19723;
// Noon of the 29th day.
constexpr int64_t kNow = kFirst + 28 * kBinsPerDay + kBinsPerDay / 2;

// A fifth of the capacity by night, four fifths from 08:00 to 20:00 UTC, with a little unrest.
double LoadAt(int64_t bin) {
  const int64_t hour = bin / 12 % 24;
  return (hour >= 8 && hour < 20 ? 0.8 : 0.2) + 0.001 * static_cast<double>(bin * 7 % 11);
}

struct Shown {
  v1::DataCenter data_center;
  v1::Curve curve;
};

// After a history up to `end`, at kNow.
template <class Load>
Shown After(int64_t end, Load load) {
  core::FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  fleet.data_centers = {dubai};
  fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
  core::Machine machine(core::MachineOptions{}, fleet);
  core::ImportCurve history;
  history.data_center = dubai.id;
  for (int64_t bin = kFirst; bin < end; ++bin) {
    history.bins.push_back({curve::BinStart(bin), load(bin)});
  }
  const absl::Status taken = machine.Apply(history, curve::BinStart(kNow)).reply.status;
  EXPECT_TRUE(taken.ok()) << taken;
  machine.Apply(core::Tick{}, curve::BinStart(kNow));
  machine.PrepareToRead();
  Shown shown;
  FillDataCenter(machine, dubai, shown.data_center);
  FillCurve(machine, dubai.id, absl::Hours(1), absl::Hours(1), shown.curve);
  return shown;
}

TEST(PlanningReasonTest, AForecastThatIsUsedSaysWhatItStandsOn) {
  const Shown shown = After(kNow, LoadAt);
  EXPECT_EQ(shown.data_center.planning_mode(), "forecast");
  EXPECT_EQ(shown.data_center.planning_reason(), "FORECAST");
  EXPECT_EQ(shown.curve.planning_reason(), "28 days of samples, errors within the band");
}

TEST(PlanningReasonTest, ASensorThatHangs) {
  const int64_t midnight = kNow - kBinsPerDay / 2;
  const Shown shown = After(kNow, [&](int64_t bin) { return bin > midnight ? 0.2 : LoadAt(bin); });
  EXPECT_EQ(shown.data_center.planning_mode(), "reactive");
  EXPECT_EQ(shown.data_center.planning_reason(), "SENSOR_FROZEN");
  EXPECT_THAT(shown.curve.planning_reason(),
              AllOf(StartsWith("SENSOR_FROZEN: "), HasSubstr("without any change since")));
}

TEST(PlanningReasonTest, SamplesThatDoNotCome) {
  const Shown shown = After(kNow - 24, LoadAt);
  EXPECT_EQ(shown.data_center.planning_mode(), "reactive");
  EXPECT_EQ(shown.data_center.planning_reason(), "FORECAST_STALE");
  EXPECT_THAT(shown.curve.planning_reason(),
              StartsWith("FORECAST_STALE: no load sample since 2024-01-29T10:00:00Z; "));
}

TEST(PlanningReasonTest, ALoadThatTurnsToChaos) {
  Random random(9);
  const Shown shown = After(kNow, [&random](int64_t bin) {
    return bin >= kNow - 4 * kBinsPerDay ? random.Double() : LoadAt(bin);
  });
  EXPECT_EQ(shown.data_center.planning_mode(), "reactive");
  EXPECT_EQ(shown.data_center.planning_reason(), "FORECAST_OUT_OF_BAND");
  EXPECT_THAT(shown.curve.planning_reason(), StartsWith("FORECAST_OUT_OF_BAND: "));
}

// A fleet of one node in one data center, and jobs that wait for it.
class PlanViewTest : public testing::Test {
 protected:
  PlanViewTest() : machine_(Options(), Fleet()) {
    core::NodeHello hello;
    hello.node = NodeId("dubai-a");
    hello.session = 1;
    hello.version = "0.1.0";
    hello.data_center = DataCenterId("dubai");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromCores(10), Bytes::FromGiB(64)};
    hello.address = "127.0.0.1:1";
    Apply(hello);
    core::NodeLoad load{NodeId("dubai-a"), 1, {{kStart, MilliCores::FromCores(9), Bytes::Zero()}}};
    Apply(load);
  }

  static core::MachineOptions Options() {
    core::MachineOptions options;
    options.lease = absl::Hours(1);
    return options;
  }

  static core::FleetConfig Fleet() {
    core::FleetConfig fleet;
    model::DataCenter dubai;
    dubai.id = DataCenterId("dubai");
    dubai.time_zone = absl::UTCTimeZone();
    dubai.jurisdiction = JurisdictionCode("AE");
    fleet.data_centers = {dubai};
    fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
    return fleet;
  }

  void Apply(const core::Command& command) {
    const core::Outcome outcome = machine_.Apply(command, kStart);
    ASSERT_TRUE(outcome.reply.status.ok()) << outcome.reply.status;
  }

  // Jobs whose tasks are all of different classes.
  void SubmitUnlike(int jobs) {
    for (int i = 0; i < jobs; ++i) {
      auto spec = std::make_shared<model::JobSpec>();
      spec->command = {"/bin/true"};
      spec->residency.any = true;
      spec->account = AccountId(absl::StrCat("a", i));
      spec->request = {MilliCores::FromCores(1), Bytes::FromMiB(1)};
      spec->expected_duration = absl::Hours(1);
      core::SubmitJob submit;
      submit.spec = spec;
      submit.id = JobId(absl::StrCat("job", i));
      Apply(submit);
    }
    Apply(core::Tick{});
    Apply(core::AdoptPlan{std::make_shared<plan::Plan>(plan::Compute(machine_.PlanInput()))});
    machine_.PrepareToRead();
  }

  static constexpr absl::Time kStart = absl::FromUnixSeconds(1772409600);
  core::Machine machine_;
};

TEST_F(PlanViewTest, ForegroundAboveTheTargetIsShown) {
  SubmitUnlike(1);
  v1::Plan plan;
  FillPlan(machine_, absl::Hours(2), plan);
  ASSERT_EQ(plan.rows_size(), 1);
  EXPECT_EQ(plan.rows(0).target_milli_cores(), 8'000);
  EXPECT_EQ(plan.rows(0).cells_size(), 24);
  EXPECT_EQ(plan.rows(0).cells(0).foreground_milli_cores(), 9'000);
  EXPECT_EQ(plan.rows(0).cells(0).headroom_milli_cores(), 0);
}

TEST_F(PlanViewTest, IntentsBeyondTheBoundAreCounted) {
  SubmitUnlike(kMaxPlanIntents + 3);
  v1::Plan plan;
  FillPlan(machine_, absl::Hours(2), plan);
  EXPECT_EQ(plan.intents_size(), kMaxPlanIntents);
  EXPECT_EQ(plan.intents_left_out(), 3);
}

TEST_F(PlanViewTest, AnAccountShowsWhatItUsesAndMay) {
  core::FleetConfig fleet = machine_.fleet();
  model::AccountPolicy& policy = fleet.accounts[AccountId("a0")];
  policy.weight_milli = 2500;
  policy.most = {MilliCores::FromCores(3), Bytes::FromGiB(2)};
  fleet.default_account.max_pending_tasks = 7;
  Apply(core::SetFleet{fleet});
  SubmitUnlike(2);
  v1::Account listed;
  FillAccount(machine_, AccountId("a0"), listed);
  EXPECT_EQ(listed.name(), "accounts/a0");
  EXPECT_TRUE(listed.listed());
  EXPECT_EQ(listed.weight(), 2.5);
  EXPECT_EQ(listed.max_milli_cores(), 3000);
  EXPECT_EQ(listed.max_memory_bytes(), int64_t{2} << 30);
  EXPECT_EQ(listed.max_pending_tasks(), 0);
  EXPECT_EQ(listed.running_task_count() + listed.pending_task_count(), 1);
  EXPECT_EQ(listed.used_milli_cores(), 1000 * listed.running_task_count());
  v1::Account other;
  FillAccount(machine_, AccountId("a1"), other);
  EXPECT_FALSE(other.listed());
  EXPECT_EQ(other.weight(), 1);
  EXPECT_EQ(other.max_milli_cores(), 0);
  EXPECT_EQ(other.max_pending_tasks(), 7);
}

}  // namespace
}  // namespace heliotrope::rpc
