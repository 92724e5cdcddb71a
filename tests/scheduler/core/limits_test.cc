// The bounds that the core itself keeps.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

FleetConfig AFleet() {
  FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  fleet.data_centers = {dubai};
  fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
  return fleet;
}

TEST(LimitsTest, NoMoreTasksMayWaitThanTheLimit) {
  const FleetConfig fleet = AFleet();
  MachineOptions options;
  options.max_pending_tasks = 10;
  Machine machine(options, fleet);
  const auto submit = [&](const char* id, uint32_t count) {
    model::JobSpec spec;
    spec.command = {"true"};
    spec.account = AccountId("default");
    spec.count = count;
    spec.residency.any = true;
    SubmitJob command;
    command.spec = std::make_shared<model::JobSpec>(spec);
    command.id = JobId(id);
    return machine.Apply(command, absl::UnixEpoch()).reply.status;
  };
  EXPECT_TRUE(submit("seven", 7).ok());
  const absl::Status refused = submit("four", 4);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetReason(refused), "TOO_MANY_TASKS");
  EXPECT_TRUE(submit("three", 3).ok());
}

// Its class is there already, empty, and no plan knows it.
TEST(LimitsTest, WhatIsLikeAJobThatWasCancelledAtOnceStartsAtOnce) {
  const absl::Time now = absl::UnixEpoch();
  const absl::Duration lease = absl::Hours(1);
  Machine machine({.lease_real = lease, .lease = lease, .lease_margin = lease, .outlook = {}},
                  AFleet());
  NodeHello hello;
  hello.node = NodeId("a");
  hello.session = 1;
  hello.instance = "i";
  hello.version = "0.1.0";
  hello.data_center = DataCenterId("dubai");
  hello.jurisdiction = JurisdictionCode("AE");
  hello.capacity = {MilliCores::FromCores(8), Bytes::FromGiB(8)};
  hello.address = "a:1";
  ASSERT_TRUE(machine.Apply(hello, now).reply.status.ok());
  machine.Apply(Tick{}, now);
  machine.Apply(AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine.PlanInput()))},
                now);
  const auto submit = [&](const char* id) {
    model::JobSpec spec;
    spec.command = {"true"};
    spec.account = AccountId("default");
    spec.residency.any = true;
    SubmitJob command;
    command.spec = std::make_shared<model::JobSpec>(spec);
    command.id = JobId(id);
    ASSERT_TRUE(machine.Apply(command, now).reply.status.ok());
  };
  submit("first");
  machine.Apply(CancelJob{JobId("first")}, now);
  machine.Apply(Tick{}, now);
  submit("second");
  machine.Apply(Tick{}, now);
  EXPECT_EQ(machine.FindJob(JobId("second"))->tasks[0].state, model::TaskState::kAssigned);
}

// Accounts that submit at noon of some days, counted from the first.
class AccountPlacesTest : public testing::Test {
 protected:
  AccountPlacesTest() : machine_(MachineOptions{}, AFleet()) {
    for (size_t i = 0; i < kMaxForecastAccounts; ++i) Submit(absl::StrCat("a", 1000 + i), 0);
    machine_.TakeChanges();
  }

  void Submit(const std::string& account, int64_t day) {
    model::JobSpec spec;
    spec.command = {"true"};
    spec.account = AccountId(account);
    spec.residency.any = true;
    SubmitJob command;
    command.spec = std::make_shared<model::JobSpec>(spec);
    command.id = JobId(absl::StrCat("job-", ++jobs_));
    const absl::Time now = absl::FromUnixSeconds(1'772'409'600) + absl::Hours(24 * day + 12);
    const absl::Status taken = machine_.Apply(command, now).reply.status;
    ASSERT_TRUE(taken.ok()) << taken;
  }
  bool Has(const std::string& account) const {
    return machine_.arrivals().contains(AccountId(account));
  }

  Machine machine_;
  int jobs_ = 0;
};

TEST_F(AccountPlacesTest, AnIdleAccountGivesItsPlaceToANewOne) {
  Submit("a1000", 10);
  Submit("new", kForecastAccountIdleDays - 1);
  EXPECT_FALSE(Has("new")) << "nobody has been idle for long";
  machine_.TakeChanges();
  Submit("new", kForecastAccountIdleDays);
  EXPECT_TRUE(Has("new"));
  EXPECT_TRUE(Has("a1000")) << "it is not idle";
  EXPECT_FALSE(Has("a1001")) << "of those idle equally long the first by id";
  EXPECT_TRUE(Has("a1002"));
  EXPECT_EQ(machine_.arrivals().size(), kMaxForecastAccounts);
  const Changes changes = machine_.TakeChanges();
  EXPECT_EQ(changes.removed_arrivals, std::set<AccountId>{AccountId("a1001")});
  EXPECT_EQ(changes.arrivals, std::set<AccountId>{AccountId("new")});
}

TEST_F(AccountPlacesTest, WhoComesBackTakesThePlaceOfAnother) {
  Submit("new", kForecastAccountIdleDays);
  EXPECT_FALSE(Has("a1000"));
  Submit("a1000", kForecastAccountIdleDays);
  EXPECT_TRUE(Has("a1000"));
  EXPECT_FALSE(Has("a1001"));
  EXPECT_EQ(machine_.arrivals().size(), kMaxForecastAccounts);
}

TEST_F(AccountPlacesTest, WhileAllAreBusyNobodyGivesWay) {
  for (int64_t day = 30; day <= 60; day += 30) {
    for (size_t i = 0; i < kMaxForecastAccounts; ++i) Submit(absl::StrCat("a", 1000 + i), day);
    Submit("new", day);
    EXPECT_FALSE(Has("new"));
  }
  EXPECT_TRUE(machine_.TakeChanges().removed_arrivals.empty());
}

}  // namespace
}  // namespace heliotrope::core
