// What an account may hold at once is never exceeded (Promise 12), whatever happens to its tasks,
// the scheduler or the limit; and who waits for it is told so and starts as soon as some is free.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/base/errors.h"
#include "tests/scheduler/core/one_site.h"

namespace heliotrope::core {
namespace {

using model::AttemptPhase;
using testing::HasSubstr;

model::AccountPolicy AtMost(double cores) {
  model::AccountPolicy policy;
  policy.most.cores = MilliCores::FromCores(cores);
  return policy;
}

class AccountsTest : public OneSiteTest {
 protected:
  AccountsTest() { SetAcme(AtMost(4)); }

  void SetAcme(const model::AccountPolicy& policy) {
    FleetConfig fleet = OneSite();
    fleet.accounts[AccountId("acme")] = policy;
    SetFleetTo(std::move(fleet));
  }
  void SetFleetTo(FleetConfig fleet) {
    Take(SetFleet{std::move(fleet)});
    Replan();
  }
  std::string ReasonOf(const std::string& id, uint32_t index) const {
    return std::string(
        model::ReasonName(machine_->WaitReason(JobOf(id), JobOf(id).tasks[index]).first));
  }
  std::string TextOf(const std::string& id, uint32_t index) const {
    return machine_->WaitReason(JobOf(id), JobOf(id).tasks[index]).second;
  }
};

TEST_F(AccountsTest, NoMoreCoresAreHeldThanTheAccountMayHold) {
  Submit("many", {.cores = 1.5, .count = 20});
  Submit("other", {.cores = 1, .count = 3, .account = "other"});
  Replan();
  EXPECT_EQ(Started("many"), 2U);
  EXPECT_EQ(Started("other"), 3U) << "no limit is set for it";
  EXPECT_EQ(machine_->account_use().at(AccountId("acme")).held.cores, MilliCores::FromCores(3));
  EXPECT_EQ(machine_->account_use().at(AccountId("acme")).pending_tasks, 18);
}

TEST_F(AccountsTest, MemoryIsLimitedToo) {
  model::AccountPolicy policy;
  policy.most.memory = Bytes::FromGiB(9);
  SetAcme(policy);
  Submit("many", {.count = 20, .memory = Bytes::FromGiB(4)});
  Replan();
  EXPECT_EQ(Started("many"), 2U);
  EXPECT_EQ(ReasonOf("many", 2), "WAITING_FOR_QUOTA");
  EXPECT_THAT(TextOf("many", 2), HasSubstr("holds 8 GiB of the 9 GiB"));
}

TEST_F(AccountsTest, TheDefaultHoldsForEachAccountThatIsNotListed) {
  FleetConfig fleet = OneSite();
  fleet.default_account = AtMost(2);
  SetFleetTo(std::move(fleet));
  Submit("one", {.count = 5, .account = "one"});
  Submit("two", {.count = 5, .account = "two"});
  Replan();
  EXPECT_EQ(Started("one"), 2U);
  EXPECT_EQ(Started("two"), 2U);
}

TEST_F(AccountsTest, WhoWaitsForItIsToldSoAndStartsWhenSomeIsFree) {
  Submit("many", {.cores = 2, .count = 4});
  Replan();
  ASSERT_EQ(Started("many"), 2U);
  EXPECT_EQ(ReasonOf("many", 2), "WAITING_FOR_QUOTA");
  EXPECT_EQ(TextOf("many", 2),
            "account acme holds 4 cores of the 4 cores that it may use at once: a task needs 2 "
            "cores and starts when others of it have ended");
  Report("many", 0, AttemptPhase::kSucceeded);
  Take(Tick{});  // No plan comes between.
  EXPECT_EQ(Started("many"), 2U);
  EXPECT_EQ(JobOf("many").counts.pending, 1U);
}

// A task that cannot pause starts by the plan's numbers only.
TEST_F(AccountsTest, FreedQuotaWantsAPlanForWhatStartsByThePlanOnly) {
  const absl::Time deadline = now_ + absl::Hours(20);
  Submit("busy", {.cores = 4});
  Replan();
  Report("busy", 0, AttemptPhase::kRunning);
  Submit("whole", {.cores = 4, .deadline = deadline, .checkpoint = false});
  Replan();
  ASSERT_EQ(Started("whole"), 0U);
  EXPECT_EQ(ReasonOf("whole", 0), "WAITING_FOR_QUOTA");
  const Job& busy = JobOf("busy");
  AttemptStatus ended;
  ended.key = {TaskId{busy.uid, 0}, busy.tasks[0].attempt};
  ended.phase = AttemptPhase::kSucceeded;
  const Outcome outcome =
      machine_->Apply(NodeReport{NodeId("dubai-a"), session_, {ended}, {}}, now_);
  bool wanted = false;
  for (const Effect& effect : outcome.effects) {
    wanted = wanted || std::holds_alternative<PlanWanted>(effect);
  }
  EXPECT_TRUE(wanted);
  Replan();
  EXPECT_EQ(Started("whole"), 1U);
}

TEST_F(AccountsTest, FreedQuotaWantsAPlanForWhatCameAfterThePlanToo) {
  Submit("busy", {.cores = 4});
  Replan();
  Report("busy", 0, AttemptPhase::kRunning);
  Replan();
  Submit("whole", {.cores = 4, .deadline = now_ + absl::Hours(20), .checkpoint = false});
  Take(Tick{});
  ASSERT_EQ(ReasonOf("whole", 0), "WAITING_FOR_QUOTA");
  const Job& busy = JobOf("busy");
  AttemptStatus ended;
  ended.key = {TaskId{busy.uid, 0}, busy.tasks[0].attempt};
  ended.phase = AttemptPhase::kSucceeded;
  const Outcome outcome =
      machine_->Apply(NodeReport{NodeId("dubai-a"), session_, {ended}, {}}, now_);
  EXPECT_TRUE(std::any_of(outcome.effects.begin(), outcome.effects.end(), [](const Effect& effect) {
    return std::holds_alternative<PlanWanted>(effect);
  }));
}

// Of a task that could not start with all the quota of the world, its quota is not the reason.
TEST_F(AccountsTest, WhatIsPlannedForLaterDoesNotWaitForItsQuotaYet) {
  Submit("busy", {.cores = 4});
  Replan();
  Submit("later", {.cores = 4, .deadline = now_ + absl::Hours(20)});
  plan::Plan made = plan::Compute(machine_->PlanInput());
  ASSERT_EQ(made.verdicts.size(), 1U);
  plan::Verdict& verdict = made.verdicts.front();
  verdict.mode = plan::Mode::kDeferred;
  verdict.reason = model::Reason::kWaitingForCheaperTime;
  verdict.detail = "cheaper at noon";
  const absl::Time noon = now_ + absl::Hours(12);
  verdict.allotments = {
      {.site = 0, .start = noon, .end = noon + absl::Hours(1), .count = 1, .detail = {}}};
  plan::Plan never = made;
  Plan(std::move(made));
  EXPECT_EQ(TextOf("later", 0), "cheaper at noon");
  never.verdicts.front().mode = plan::Mode::kNever;
  never.verdicts.front().reason = model::Reason::kNoNodes;
  Plan(std::move(never));
  EXPECT_EQ(ReasonOf("later", 0), "NO_NODES");
}

TEST_F(AccountsTest, WhatLeavesHoldsItsShareUntilItHasLeft) {
  Submit("many", {.cores = 2, .count = 3});
  Replan();
  Report("many", 0, AttemptPhase::kRunning);
  Apply(DrainNode{NodeId("dubai-a"), true});
  Replan();
  ASSERT_EQ(JobOf("many").tasks[0].state, model::TaskState::kCheckpointing);
  Apply(DrainNode{NodeId("dubai-a"), false});
  Replan();
  EXPECT_EQ(Started("many"), 2U);
  Report("many", 0, AttemptPhase::kLeft);
  Take(Tick{});
  EXPECT_EQ(Started("many"), 2U) << "another has its place";
}

TEST_F(AccountsTest, ALowerLimitStopsNothingAndStartsNothing) {
  Submit("many", {.cores = 1, .count = 8});
  Replan();
  ASSERT_EQ(Started("many"), 4U);
  SetAcme(AtMost(2));
  EXPECT_EQ(Started("many"), 4U);
  for (const uint32_t index : {0U, 1U}) {
    Report("many", index, AttemptPhase::kSucceeded);
    Replan();
  }
  EXPECT_EQ(Started("many"), 2U) << "as much as it may hold now";
  Report("many", 2, AttemptPhase::kSucceeded);
  Take(Tick{});
  EXPECT_EQ(Started("many"), 2U);
  SetAcme(AtMost(3));
  EXPECT_EQ(Started("many"), 3U) << "a higher limit wakes who waits";
}

TEST_F(AccountsTest, ATaskThatIsLargerThanANewLimitIsToldThatItCannotStart) {
  Submit("wide", {.cores = 4, .count = 2});
  Replan();
  SetAcme(AtMost(3));
  Report("wide", 0, AttemptPhase::kSucceeded);
  Replan();
  EXPECT_EQ(Started("wide"), 0U);
  EXPECT_THAT(TextOf("wide", 1), HasSubstr("cannot start before its max_cores is raised"));
}

TEST_F(AccountsTest, AfterARestartWhatWasAliveCounts) {
  Submit("many", {.cores = 1, .count = 8});
  Replan();
  ASSERT_EQ(Started("many"), 4U);
  Image image;
  image.next_uid = machine_->next_uid();
  image.last_now = now_;
  for (const auto& [id, node] : machine_->nodes()) image.nodes.push_back(node);
  for (core::Node& node : image.nodes) {
    node.tasks.clear();
    node.batch = {};
    node.pinned = MilliCores::Zero();
  }
  for (const auto& [uid, job] : machine_->jobs()) {
    Job copy;
    copy.uid = job->uid;
    copy.id = job->id;
    copy.spec = job->spec;
    copy.create_time = job->create_time;
    for (const model::Task& task : job->tasks) {
      model::Task& made = copy.tasks.emplace_back();
      made.state = task.state;
      made.attempt = task.attempt;
      made.phase = task.phase;
      if (task.run != nullptr) made.run = std::make_unique<model::TaskRun>(*task.run);
    }
    image.jobs.push_back(std::move(copy));
  }
  const FleetConfig fleet = machine_->fleet();
  machine_ = std::make_unique<Machine>(Options(), fleet);
  ASSERT_TRUE(machine_->Recover(std::move(image), now_).ok());
  // It comes back with what it has.
  NodeHello hello;
  hello.node = NodeId("dubai-a");
  hello.session = ++session_;
  hello.instance = "dubai-a";
  hello.version = "0.1.0";
  hello.data_center = DataCenterId("dubai");
  hello.jurisdiction = JurisdictionCode("AE");
  hello.capacity = {MilliCores::FromCores(20), Bytes::FromGiB(64)};
  hello.address = "127.0.0.1:1";
  for (uint32_t index = 0; index < 4; ++index) {
    AttemptStatus status;
    status.key = {TaskId{JobOf("many").uid, index}, AttemptNumber(1)};
    status.phase = AttemptPhase::kRunning;
    hello.attempts.push_back(status);
  }
  ASSERT_TRUE(Apply(hello).status.ok());
  Replan();
  EXPECT_EQ(Started("many"), 4U);
  EXPECT_EQ(machine_->account_use().at(AccountId("acme")).held.cores, MilliCores::FromCores(4));
  EXPECT_EQ(machine_->account_use().at(AccountId("acme")).pending_tasks, 4);
}

TEST_F(AccountsTest, WhatHasEndedLeavesNoTrace) {
  Submit("one", {});
  Replan();
  Report("one", 0, AttemptPhase::kSucceeded);
  Submit("two", {});
  Take(CancelJob{JobId("two")});
  EXPECT_TRUE(machine_->account_use().empty());
}

TEST_F(AccountsTest, WhatItMayNeverRunIsRefused) {
  const absl::Status refused = Take(AJob("wide", {.cores = 5})).status;
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetReason(refused), "EXCEEDS_QUOTA");
  EXPECT_EQ(refused.message(),
            "a task asks 5 cores, account \"acme\" may use 4 cores at once: ask for less, or have "
            "its max_cores raised");
}

TEST_F(AccountsTest, NoMoreTasksMayWaitThanTheAccountMayHaveWaiting) {
  model::AccountPolicy policy = AtMost(2);
  policy.max_pending_tasks = 5;
  SetAcme(policy);
  Submit("first", {.count = 3});
  const absl::Status refused = Take(AJob("second", {.count = 3})).status;
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetReason(refused), "TOO_MANY_TASKS_OF_ACCOUNT");
  EXPECT_EQ(refused.message(),
            "the job has 3 tasks and 3 of account \"acme\" wait already; at most 5 of it may wait: "
            "submit it when some have started, or have its max_pending_tasks raised");
  Replan();  // Two start.
  Submit("second", {.count = 3});
  Submit("others", {.count = 100, .account = "other"});
}

// Room that is kept for what may not start would be kept from everybody in vain.
TEST_F(AccountsTest, NothingIsKeptForAnAccountBeyondItsLimit) {
  SetAcme(AtMost(8));
  Submit("hold", {.cores = 8});
  Replan();
  Submit("wide", {.cores = 8, .count = 2});
  Submit("small", {.cores = 1, .count = 20, .account = "other"});
  Replan();
  EXPECT_EQ(Started("wide"), 0U);
  EXPECT_EQ(Started("small"), 8U) << "all that is left of the 16 cores";
}

TEST_F(AccountsTest, APreviewTellsThatTheQuotaIsUsedUp) {
  Submit("many", {.cores = 2, .count = 2});
  Replan();
  const SubmitJob more = AJob("more", {.cores = 2});
  const Reply checked = machine_->CheckSubmit(more);
  ASSERT_TRUE(checked.status.ok());
  const Preview preview = machine_->PreviewOf(more.id, checked.spec);
  EXPECT_EQ(preview.plan.verdicts.front().reason, model::Reason::kWaitingForQuota);
}

TEST_F(AccountsTest, APreviewKeepsToTheQuotaOfAnAccountWithoutTasks) {
  const SubmitJob many = AJob("many", {.cores = 2, .count = 8});
  const Reply checked = machine_->CheckSubmit(many);
  ASSERT_TRUE(checked.status.ok());
  const Preview preview = machine_->PreviewOf(many.id, checked.spec);
  int at_once = 0;
  for (const plan::Allotment& allotment : preview.plan.verdicts.front().allotments) {
    if (allotment.start <= now_) at_once += allotment.count;
  }
  EXPECT_EQ(at_once, 2);
}

}  // namespace
}  // namespace heliotrope::core
