// What would become of a job is told without anything changing by it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/core/describe.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

using testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'772'409'600);  // 2026-03-02T00:00:00Z.

FleetConfig AFleet() {
  FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  model::DataCenter virginia = dubai;
  virginia.id = DataCenterId("virginia");
  virginia.jurisdiction = JurisdictionCode("US");
  fleet.data_centers = {dubai, virginia};
  fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction, virginia.jurisdiction});
  return fleet;
}

MachineOptions Options() {
  const absl::Duration lease = absl::Hours(24 * 365);
  return {.lease_real = lease, .lease = lease, .lease_margin = lease, .outlook = {}};
}

// A node of 16 cores in each of two data centers, at rest.
class PreviewTest : public testing::Test {
 protected:
  PreviewTest() : machine_(Options(), AFleet()) {
    Hello("dubai", "AE");
    Hello("virginia", "US");
    Plan();
  }

  void Hello(const std::string& place, const std::string& jurisdiction) {
    NodeHello hello;
    hello.node = NodeId(place + "-a");
    hello.session = 1;
    hello.version = "0.1.0";
    hello.data_center = DataCenterId(place);
    hello.jurisdiction = JurisdictionCode(jurisdiction);
    hello.capacity = {MilliCores::FromCores(16), Bytes::FromGiB(64)};
    hello.address = "127.0.0.1:1";
    EXPECT_TRUE(Apply(hello).status.ok());
  }

  Reply Apply(const Command& command) {
    Reply reply = machine_.Apply(command, kStart).reply;
    machine_.Apply(Tick{}, kStart);
    return reply;
  }

  void Plan() {
    Apply(AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
    machine_.PrepareToRead();
  }

  static SubmitJob AJob(const std::string& id, double cores, uint32_t count = 1) {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId("acme");
    spec->residency.words = {"AE"};
    spec->request = {MilliCores::FromCores(cores), Bytes::FromGiB(1)};
    spec->expected_duration = absl::Hours(1);
    spec->count = count;
    SubmitJob submit;
    submit.spec = spec;
    submit.id = JobId(id);
    return submit;
  }

  Preview PreviewOf(const SubmitJob& submit) {
    const Reply reply = machine_.CheckSubmit(submit);
    EXPECT_TRUE(reply.status.ok()) << reply.status;
    return machine_.PreviewOf(submit.id, reply.spec);
  }

  Machine machine_;
};

TEST_F(PreviewTest, NothingChangesByIt) {
  Apply(AJob("first", 4));
  machine_.TakeChanges();
  const std::string before = Describe(machine_);
  const size_t verdicts = machine_.current_plan().verdicts.size();
  const auto planned = machine_.current_plan().planned;
  const Preview preview = PreviewOf(AJob("second", 2));
  ASSERT_EQ(preview.plan.verdicts.size(), 1U);
  EXPECT_EQ(Describe(machine_), before);
  EXPECT_TRUE(machine_.TakeChanges().Empty());
  EXPECT_EQ(machine_.current_plan().verdicts.size(), verdicts);
  EXPECT_EQ(machine_.current_plan().planned, planned);
  EXPECT_EQ(machine_.FindJob(JobId("second")), nullptr);
  EXPECT_TRUE(machine_.Apply(Tick{}, kStart).effects.empty());
}

TEST_F(PreviewTest, ItTellsWhereTheJobThenStarts) {
  const Preview preview = PreviewOf(AJob("a", 4));
  const plan::Verdict& verdict = preview.plan.verdicts.front();
  ASSERT_FALSE(verdict.allotments.empty());
  EXPECT_EQ(verdict.allotments.front().site, 0U);
  EXPECT_LE(verdict.allotments.front().start, kStart);
  ASSERT_TRUE(Apply(AJob("a", 4)).status.ok());
  Plan();
  const Job& job = *machine_.FindJob(JobId("a"));
  ASSERT_NE(job.tasks[0].run, nullptr);
  EXPECT_EQ(job.tasks[0].run->attempts.back().data_center, DataCenterId("dubai"));
}

TEST_F(PreviewTest, WhatIsTakenIsNotOfferedAgain) {
  Apply(AJob("full", 12));
  Plan();
  const Preview preview = PreviewOf(AJob("next", 2));
  const plan::Verdict& verdict = preview.plan.verdicts.front();
  EXPECT_TRUE(verdict.allotments.empty() || verdict.allotments.front().start > kStart);
}

TEST_F(PreviewTest, AWrongJobIsRefusedAsOnSubmit) {
  Apply(AJob("taken", 1));
  SubmitJob late = AJob("late", 1);
  auto spec = std::make_shared<model::JobSpec>(*late.spec);
  spec->deadline = kStart + absl::Minutes(5);
  late.spec = spec;
  for (const SubmitJob& wrong : {AJob("taken", 1), AJob("huge", 100), AJob("none", 1, 0), late}) {
    const absl::Status told = machine_.CheckSubmit(wrong).status;
    EXPECT_FALSE(told.ok()) << wrong.id.value();
    EXPECT_EQ(told, Apply(wrong).status);
  }
}

TEST_F(PreviewTest, ARepeatedRequestIsTheJobOfThen) {
  SubmitJob submit = AJob("once", 1);
  submit.request = RequestId("r");
  submit.fingerprint = 7;
  const Reply first = Apply(submit);
  const Reply again = machine_.CheckSubmit(submit);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.job, first.job);
}

}  // namespace
}  // namespace heliotrope::core
