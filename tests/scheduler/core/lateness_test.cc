// Warnings that tasks will miss their deadline: when they begin, when they are over, and that each is
// told once.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

using model::AttemptPhase;
using model::Reason;
using model::TaskState;

const absl::Time kStart = absl::FromUnixSeconds(1'772'409'600);  // 2026-03-02T00:00:00Z.
const NodeId kNode("a");

FleetConfig AFleet() {
  FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  fleet.data_centers = {dubai};
  fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
  fleet.default_expected_duration = absl::Hours(1);
  return fleet;
}

MachineOptions Options() {
  return {.lease_real = absl::Hours(24),
          .lease = absl::Hours(24),
          .lease_margin = absl::ZeroDuration(),
          .outlook = {}};
}

class LatenessTest : public testing::Test {
 protected:
  LatenessTest() : machine_(Options(), AFleet()) {}

  void Apply(const Command& command) {
    Outcome outcome = machine_.Apply(command, now_);
    EXPECT_TRUE(outcome.reply.status.ok()) << outcome.reply.status;
    for (Effect& effect : outcome.effects) {
      auto* decision = std::get_if<Decision>(&effect);
      if (decision == nullptr) continue;
      if (decision->kind != DecisionKind::kLate && decision->kind != DecisionKind::kInTime)
        continue;
      told_.push_back(std::move(*decision));
    }
  }

  void Connect(uint64_t session) {
    NodeHello hello;
    hello.node = kNode;
    hello.session = session;
    hello.instance = "i";
    hello.version = "0.1.0";
    hello.data_center = DataCenterId("dubai");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromCores(64), Bytes::FromGiB(64)};
    hello.address = "a:1";
    Apply(hello);
    Apply(Tick{});
  }

  // One-core tasks that are expected to run for an hour.
  const Job& Submit(const std::string& id, absl::Duration deadline, uint32_t count = 1) {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId("acme");
    spec->request = {MilliCores::FromCores(1), Bytes::FromMiB(1)};
    spec->expected_duration = absl::Hours(1);
    spec->deadline = now_ + deadline;
    spec->allow_late = true;
    spec->count = count;
    spec->residency.any = true;
    spec->checkpoint.emplace();
    SubmitJob submit;
    submit.spec = spec;
    submit.id = JobId(id);
    Apply(submit);
    Apply(Tick{});
    return *machine_.FindJob(JobId(id));
  }

  void Plan() {
    Apply(AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
    Apply(Tick{});
  }

  // A plan in which the one task that waits starts so many expected durations before its deadline:
  // by what is believed before any has ended it takes longer than 0.9 of them with 64 %, than 1.1
  // with 38 %, than 1.3 with 19 %.
  void PlanStart(double durations) { Adopt(DrawnPlan(durations)); }
  plan::Plan DrawnPlan(double durations) {
    const plan::Input input = machine_.PlanInput();
    EXPECT_EQ(input.classes.size(), 1U);
    const plan::Class& waiting = input.classes.front();
    plan::Plan plan = plan::Compute(input);
    plan::Verdict& verdict = plan.verdicts.front();
    verdict.mode = plan::Mode::kDeferred;
    const absl::Time start = waiting.deadline - absl::Hours(1) * durations;
    verdict.allotments = {
        {.site = 0, .start = start, .end = start + waiting.remaining, .count = 1, .detail = {}}};
    return plan;
  }
  void Adopt(plan::Plan plan) {
    Apply(AdoptPlan{std::make_shared<const plan::Plan>(std::move(plan))});
    Apply(Tick{});
  }

  void Report(const Job& job, AttemptPhase phase) {
    AttemptStatus status;
    status.key = {{job.uid, 0}, job.tasks[0].attempt};
    status.phase = phase;
    Apply(NodeReport{.node = kNode, .session = 1, .attempts = {status}, .checkpoints = {}});
    Apply(Tick{});
  }

  void Pass(absl::Duration time) {
    now_ += time;
    Apply(Tick{});
  }

  std::vector<DecisionKind> Told() const {
    std::vector<DecisionKind> kinds;
    for (const Decision& decision : told_) kinds.push_back(decision.kind);
    return kinds;
  }

  Machine machine_;
  absl::Time now_ = kStart;
  std::vector<Decision> told_;
};

using Kinds = std::vector<DecisionKind>;

TEST_F(LatenessTest, IsToldOnceWhenItBeginsAndOnceWhenItIsOver) {
  Connect(1);
  Apply(DrainNode{.node = kNode, .drained = true});
  const Job& job = Submit("report", absl::Hours(10));
  PlanStart(1.1);
  EXPECT_EQ(Told(), Kinds{}) << "62 % are enough";
  PlanStart(0.9);
  EXPECT_EQ(Told(), Kinds{DecisionKind::kLate});
  EXPECT_EQ(told_[0].reason, Reason::kMissesDeadline);
  EXPECT_EQ(told_[0].detail,
            "would start at 09:06 UTC in dubai and end at 10:08 UTC, after its deadline at 10:00 "
            "UTC; one of 11:40 UTC would hold; chance to be in time 36 %");
  const ExpectedLate* late = machine_.LateOf(job, {job.uid, 0});
  ASSERT_NE(late, nullptr);
  EXPECT_EQ(late->since, now_);
  EXPECT_EQ(machine_.LateOf(job), late);
  const absl::Time since = now_;
  now_ += absl::Minutes(5);
  PlanStart(0.8);
  PlanStart(1.1);
  EXPECT_EQ(Told().size(), 1U) << "no longer below one half, but not above three quarters either";
  ASSERT_NE(machine_.LateOf(job, {job.uid, 0}), nullptr);
  EXPECT_EQ(machine_.LateOf(job, {job.uid, 0})->since, since);
  EXPECT_EQ(machine_.CountLate().ahead, 1);
  PlanStart(1.3);
  EXPECT_EQ(Told(), (Kinds{DecisionKind::kLate, DecisionKind::kInTime}));
  EXPECT_EQ(told_[1].reason, Reason::kExpectedInTime);
  EXPECT_EQ(told_[1].task, (TaskId{job.uid, 0}));
  PlanStart(1.1);
  EXPECT_EQ(Told().size(), 2U);
  EXPECT_EQ(machine_.LateOf(job), nullptr);
  EXPECT_EQ(machine_.CountLate().ahead, 0);
}

TEST_F(LatenessTest, OfManyThatAreAlikeTheLastOnesAreLate) {
  Connect(1);
  const Job& job = Submit("array", absl::Minutes(150), 300);
  Plan();
  ASSERT_EQ(Told(), Kinds{DecisionKind::kLate}) << "one for all of them";
  const int64_t late = machine_.CountLate().ahead;
  EXPECT_GT(late, 100) << "64 cores do 64 tasks an hour";
  EXPECT_LT(late, 240);
  EXPECT_EQ(told_[0].reason, Reason::kWaitingForCapacity);
  EXPECT_NE(told_[0].detail.find("no cores are left for it before its deadline at 02:30 UTC"),
            std::string::npos)
      << told_[0].detail;
  uint32_t first = 0;
  while (machine_.LateOf(job, {job.uid, first}) == nullptr) ++first;
  EXPECT_EQ(300 - first, late);
  EXPECT_NE(machine_.LateOf(job, {job.uid, 299}), nullptr);
  EXPECT_NE(machine_.LateOf(job), nullptr);
  Apply(CancelJob{job.id});
  Plan();
  EXPECT_EQ(machine_.CountLate().ahead, 0);
  EXPECT_EQ(Told().size(), 1U) << "who has ended will not be in time again";
}

TEST_F(LatenessTest, FollowsATaskFromItsClassToItsNodeAndBack) {
  Connect(1);
  const Job& job = Submit("report", absl::Minutes(80));
  if (job.tasks[0].state == TaskState::kPending) Plan();
  ASSERT_EQ(job.tasks[0].state, TaskState::kAssigned);
  Report(job, AttemptPhase::kRunning);
  Plan();
  EXPECT_EQ(Told(), Kinds{});
  Pass(absl::Minutes(79));
  Plan();
  ASSERT_EQ(Told(), Kinds{DecisionKind::kLate}) << "a minute before its deadline it still runs";
  EXPECT_NE(told_[0].detail.find("is expected to end at "), std::string::npos) << told_[0].detail;
  const absl::Time since = machine_.LateOf(job)->since;
  EXPECT_TRUE(machine_.LateOf(job)->told);
  // Its agent stops it, and it waits again.
  AttemptStatus status;
  status.key = {{job.uid, 0}, job.tasks[0].attempt};
  status.phase = AttemptPhase::kRefused;
  Apply(NodeReport{.node = kNode, .session = 1, .attempts = {status}, .checkpoints = {}});
  EXPECT_NE(machine_.LateOf(job), nullptr);
  Pass(absl::Hours(2));
  Plan();
  ASSERT_NE(machine_.LateOf(job), nullptr);
  EXPECT_EQ(machine_.LateOf(job)->since, since);
  EXPECT_EQ(machine_.CountLate().passed, 1);
  EXPECT_EQ(machine_.CountLate().ahead, 0);
  EXPECT_EQ(Told().size(), 1U);
}

TEST_F(LatenessTest, TheLastOneOfAClassTellsThatItIsOver) {
  Connect(1);
  Submit("array", absl::Minutes(150), 300);
  Plan();
  ASSERT_EQ(Told(), Kinds{DecisionKind::kLate});
  // There is room for all of them now, more than was planned for.
  for (uint64_t i = 0; i < 8; ++i) {
    NodeHello hello;
    hello.node = NodeId("b" + std::to_string(i));
    hello.session = 1;
    hello.instance = "i";
    hello.version = "0.1.0";
    hello.data_center = DataCenterId("dubai");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromCores(64), Bytes::FromGiB(64)};
    hello.address = "b:1";
    Apply(hello);
  }
  Apply(Tick{});
  Plan();
  Plan();
  EXPECT_EQ(Told(), (Kinds{DecisionKind::kLate, DecisionKind::kInTime})) << "once, not for each";
  EXPECT_EQ(machine_.CountLate().ahead, 0);
}

TEST_F(LatenessTest, ASilentFleetIsNotForeseenToStaySilent) {
  Connect(1);
  Apply(NodeGone{.node = kNode, .session = 1});
  const Job& job = Submit("report", absl::Hours(28));
  Plan();
  EXPECT_EQ(machine_.LateOf(job), nullptr) << "its lease holds: it may be back at once";
  Pass(absl::Hours(25));
  Plan();
  ASSERT_EQ(Told(), Kinds{DecisionKind::kLate});
  EXPECT_EQ(told_[0].reason, Reason::kNoNodes);
  Connect(2);
  Plan();
  EXPECT_EQ(Told(), (Kinds{DecisionKind::kLate, DecisionKind::kInTime}));
}

TEST_F(LatenessTest, OnePlanTellsOnlySoManyAndCountsThemAll) {
  for (int i = 0; i < 300; ++i) Submit("j" + std::to_string(i), absl::Minutes(90 + i));
  Plan();
  EXPECT_EQ(machine_.CountLate().ahead, 300);
  EXPECT_EQ(Told().size(), 256U);
}

TEST_F(LatenessTest, WhatHasComeSinceThePlanWasMadeIsNotJudgedByIt) {
  Connect(1);
  Apply(DrainNode{.node = kNode, .drained = true});
  Submit("first", absl::Hours(10));
  plan::Plan plan = DrawnPlan(1.3);
  Submit("second", absl::Hours(10), 5);
  ASSERT_EQ(machine_.PlanInput().classes.size(), 1U);
  Adopt(std::move(plan));
  EXPECT_EQ(Told(), Kinds{});
  EXPECT_EQ(machine_.CountLate().ahead, 0);
}

TEST_F(LatenessTest, AWarningOutlivesThatClassesAreToldApartAnew) {
  Connect(1);
  Apply(DrainNode{.node = kNode, .drained = true});
  const Job& job = Submit("report", absl::Hours(10));
  PlanStart(0.9);
  ASSERT_EQ(Told(), Kinds{DecisionKind::kLate});
  const uint64_t class_before = job.tasks[0].class_id;
  // A second data center, where it may be, too.
  FleetConfig fleet = AFleet();
  fleet.data_centers.push_back(fleet.data_centers.front());
  fleet.data_centers.back().id = DataCenterId("tokyo");
  Apply(SetFleet{fleet});
  Apply(Tick{});
  ASSERT_NE(job.tasks[0].class_id, class_before);
  EXPECT_NE(machine_.LateOf(job), nullptr);
  EXPECT_EQ(machine_.CountLate().ahead, 1);
  PlanStart(0.9);
  EXPECT_EQ(Told().size(), 1U) << "it was told already";
  PlanStart(1.3);
  EXPECT_EQ(Told(), (Kinds{DecisionKind::kLate, DecisionKind::kInTime}));
}

TEST_F(LatenessTest, TheLastLateTaskOfAClassTakesWhatWasToldWithIt) {
  Connect(1);
  Apply(DrainNode{.node = kNode, .drained = true});
  const Job& job = Submit("first", absl::Hours(10));
  plan::Plan plan = DrawnPlan(0.9);
  plan.verdicts.front().mode = plan::Mode::kAsSoonAsPossible;
  plan.verdicts.front().ranked = {0};
  Adopt(std::move(plan));
  ASSERT_EQ(Told(), Kinds{DecisionKind::kLate});
  Submit("second", absl::Hours(10));  // Of its class, so it is not the last one there.
  Apply(DrainNode{.node = kNode, .drained = false});
  Apply(Tick{});
  ASSERT_EQ(job.tasks[0].state, TaskState::kAssigned);
  Report(job, AttemptPhase::kRunning);
  Plan();
  EXPECT_EQ(Told(), (Kinds{DecisionKind::kLate, DecisionKind::kInTime}));
}

TEST_F(LatenessTest, WithoutADeadlineNothingIsLate) {
  Submit("any-time", absl::InfiniteDuration());
  Plan();
  EXPECT_EQ(machine_.CountLate().ahead, 0);
}

}  // namespace
}  // namespace heliotrope::core
