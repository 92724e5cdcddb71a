// What a job's owner is told of its future.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "scheduler/core/machine.h"
#include "scheduler/rpc/view.h"

namespace heliotrope::rpc {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'772'409'600);  // 2026-03-02T00:00:00Z.

core::FleetConfig AFleet() {
  core::FleetConfig fleet;
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

core::MachineOptions Options() {
  const absl::Duration lease = absl::Hours(24 * 365);
  return {.lease_real = lease, .lease = lease, .lease_margin = lease, .outlook = {}};
}

// A node of 16 cores in each of two data centers, at rest.
class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest() : machine_(Options(), AFleet()) {
    Hello("dubai", "AE");
    Hello("virginia", "US");
    Plan();
  }

  core::Reply Apply(const core::Command& command) {
    core::Reply reply = machine_.Apply(command, now_).reply;
    machine_.Apply(core::Tick{}, now_);
    return reply;
  }

  void Hello(const std::string& place, const std::string& jurisdiction) {
    core::NodeHello hello;
    hello.node = NodeId(place + "-a");
    hello.session = 1;
    hello.version = "0.1.0";
    hello.data_center = DataCenterId(place);
    hello.jurisdiction = JurisdictionCode(jurisdiction);
    hello.capacity = {MilliCores::FromCores(16), Bytes::FromGiB(64)};
    hello.address = "127.0.0.1:1";
    EXPECT_TRUE(Apply(hello).status.ok());
  }

  void Plan() {
    Apply(core::AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
    machine_.PrepareToRead();
  }

  // Of an hour, in dubai.
  static core::SubmitJob AJob(const std::string& id, double cores, absl::Time deadline) {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId("acme");
    spec->residency.words = {"AE"};
    spec->request = {MilliCores::FromCores(cores), Bytes::FromGiB(1)};
    spec->expected_duration = absl::Hours(1);
    spec->deadline = deadline;
    spec->count = 1;
    core::SubmitJob submit;
    submit.spec = spec;
    submit.id = JobId(id);
    return submit;
  }

  v1::ExplainJobResponse Explained(const std::string& id) {
    v1::ExplainJobResponse answer;
    FillExplanation(machine_, *machine_.FindJob(JobId(id)), 0, answer);
    return answer;
  }

  v1::ExplainJobResponse Previewed(const core::SubmitJob& submit) {
    const core::Reply reply = machine_.CheckSubmit(submit);
    EXPECT_TRUE(reply.status.ok()) << reply.status;
    v1::ExplainJobResponse answer;
    FillPreview(machine_, machine_.PreviewOf(submit.id, reply.spec), answer);
    return answer;
  }

  // Runs it to its end.
  void Run(const std::string& id, absl::Duration duration) {
    const core::Job& job = *machine_.FindJob(JobId(id));
    ASSERT_NE(job.tasks[0].run, nullptr) << id;
    core::AttemptStatus status;
    status.key = {TaskId{job.uid, 0}, job.tasks[0].attempt};
    status.phase = model::AttemptPhase::kRunning;
    status.start_time = now_;
    const NodeId node = job.tasks[0].run->attempts.back().node;
    EXPECT_TRUE(Apply(core::NodeReport{node, 1, {status}, {}}).status.ok());
    now_ += duration;
    status.phase = model::AttemptPhase::kSucceeded;
    status.end_time = now_;
    status.exit_code = 0;
    EXPECT_TRUE(Apply(core::NodeReport{node, 1, {status}, {}}).status.ok());
    ASSERT_TRUE(job.Ended()) << id;
  }

  absl::Time now_ = kStart;
  core::Machine machine_;
};

TEST_F(ExplanationTest, TheChanceToMeetTheDeadlineIsToldBeforeAndAfterSubmission) {
  const core::SubmitJob tight = AJob("tight", 4, kStart + absl::Minutes(66));
  const v1::ExplainJobResponse before = Previewed(tight);
  ASSERT_TRUE(before.has_deadline_chance());
  EXPECT_FALSE(before.deadline_chance_learned());
  EXPECT_NEAR(before.deadline_chance(), 0.62, 0.02);
  ASSERT_TRUE(Apply(tight).status.ok());
  Plan();
  const v1::ExplainJobResponse after = Explained("tight");
  EXPECT_NEAR(after.deadline_chance(), before.deadline_chance(), 0.001);
  now_ += absl::Hours(2);
  machine_.Apply(core::Tick{}, now_);
  EXPECT_TRUE(Explained("tight").has_deadline_chance());
  EXPECT_EQ(Explained("tight").deadline_chance(), 0) << "its deadline has passed";
}

TEST_F(ExplanationTest, TheChanceIsLearnedFromTheAccountsTasks) {
  for (int i = 0; i < 12; ++i) {
    const std::string id = "tight-" + std::to_string(i);
    ASSERT_TRUE(Apply(AJob(id, 4, absl::InfiniteFuture())).status.ok());
    Plan();
    Run(id, absl::Minutes(30));
  }
  const v1::ExplainJobResponse answer = Previewed(AJob("tight-99", 4, now_ + absl::Minutes(66)));
  EXPECT_TRUE(answer.deadline_chance_learned());
  EXPECT_GT(answer.deadline_chance(), 0.7);
}

TEST_F(ExplanationTest, WithoutADeadlineThereIsNoChanceToTell) {
  EXPECT_FALSE(Previewed(AJob("free", 4, absl::InfiniteFuture())).has_deadline_chance());
}

TEST_F(ExplanationTest, WhatAnotherJobWouldGainIsToldOfOneThatWaits) {
  ASSERT_TRUE(Apply(AJob("first", 12, absl::InfiniteFuture())).status.ok());
  Plan();
  const core::SubmitJob next = AJob("next", 4, absl::InfiniteFuture());
  const v1::ExplainJobResponse before = Previewed(next);
  ASSERT_EQ(before.remedies_size(), 1);
  EXPECT_THAT(before.remedies(0), testing::HasSubstr("in virginia (now"));
  EXPECT_THAT(before.remedies(0), testing::EndsWith(", but its residency AE forbids it"));
  ASSERT_TRUE(Apply(next).status.ok());
  Plan();
  ASSERT_EQ(Explained("next").remedies_size(), 1);
  EXPECT_THAT(Explained("next").remedies(0), testing::HasSubstr("in virginia (now"));
  EXPECT_EQ(Explained("first").remedies_size(), 0) << "it has its place";
}

TEST_F(ExplanationTest, ADryRunOfWhatWouldStartNowSaysWhyItStarts) {
  const v1::ExplainJobResponse answer = Previewed(AJob("now", 4, absl::InfiniteFuture()));
  EXPECT_EQ(answer.task().reason(), "REACTIVE") << "there is no forecast, and nothing to wait for";
  EXPECT_THAT(answer.task().detail(), testing::StartsWith("dubai at 00:00 UTC: 4 cores for "));
  EXPECT_THAT(answer.task().detail(), testing::HasSubstr(", other batch 0 cores"));
  ASSERT_TRUE(Apply(AJob("first", 12, absl::InfiniteFuture())).status.ok());
  Plan();
  const v1::ExplainJobResponse later = Previewed(AJob("later", 4, absl::InfiniteFuture()));
  EXPECT_THAT(later.task().reason(), testing::StartsWith("WAITING_FOR_"));
}

TEST_F(ExplanationTest, TellsWhatTheTaskIsExpectedToTakeAndWhatItIsPlannedFor) {
  const v1::ExplainJobResponse answer = Previewed(AJob("report-1", 4, kStart + absl::Hours(10)));
  EXPECT_NEAR(static_cast<double>(answer.work_left().seconds()), 3600, 300);
  EXPECT_GT(answer.work_left_at_most().seconds(), 2 * 3600) << "nothing is known of it yet";
  EXPECT_EQ(answer.ended_alike(), 0);
  ASSERT_TRUE(Apply(AJob("report-2", 4, absl::InfiniteFuture())).status.ok());
  Plan();
  Run("report-2", absl::Minutes(50));
  EXPECT_EQ(Previewed(AJob("report-3", 4, absl::InfiniteFuture())).ended_alike(), 1);
}

TEST_F(ExplanationTest, ThatATaskWillBeLateIsToldWithItAndItsJob) {
  ASSERT_TRUE(Apply(AJob("late", 4, kStart + absl::Minutes(80))).status.ok());
  Plan();
  const core::Job& job = *machine_.FindJob(JobId("late"));
  ASSERT_NE(job.tasks[0].run, nullptr);
  core::AttemptStatus status;
  status.key = {TaskId{job.uid, 0}, job.tasks[0].attempt};
  status.phase = model::AttemptPhase::kRunning;
  status.start_time = now_;
  ASSERT_TRUE(Apply(core::NodeReport{NodeId("dubai-a"), 1, {status}, {}}).status.ok());
  Plan();
  EXPECT_FALSE(Explained("late").task().has_expected_late());
  now_ += absl::Minutes(79);
  machine_.Apply(core::Tick{}, now_);
  Plan();
  const v1::ExpectedLate late = Explained("late").task().expected_late();
  EXPECT_EQ(late.reason(), "MISSES_DEADLINE");
  EXPECT_EQ(late.foreseen_time().seconds(), absl::ToUnixSeconds(now_));
  EXPECT_LT(late.chance(), 0.5);
  EXPECT_THAT(late.detail(), testing::HasSubstr(", its deadline is at 01:20 UTC; one of "));
  v1::Job shown;
  FillJob(machine_, job, shown);
  EXPECT_EQ(shown.expected_late().detail(), late.detail());
}

}  // namespace
}  // namespace heliotrope::rpc
