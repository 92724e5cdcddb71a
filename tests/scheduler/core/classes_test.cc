// The number of classes that a plan is made of is bounded, no task is planned for later than its
// deadline because of that, and telling classes apart anew costs neither a plan nor a checkpoint.
#include <gtest/gtest.h>
#include <algorithm>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "tests/scheduler/core/one_site.h"

namespace heliotrope::core {
namespace {

constexpr int kJobs = static_cast<int>(kMaxPlannedClasses) * 9 / 8;

// Jobs whose deadlines are a minute apart from each other, from half a day ahead on. Nobody has a
// node for them.
class ClassesTest : public OneSiteTest {
 protected:
  ClassesTest() {
    Apply(DrainNode{NodeId("dubai-a"), true});
    Drive();
  }

  // As whoever drives it does.
  void Do(const Command& command) {
    for (const Effect& effect : machine_->Apply(command, now_).effects) {
      wanted_ = wanted_ || std::holds_alternative<PlanWanted>(effect);
    }
  }
  std::shared_ptr<const plan::Plan> MakePlan() const {
    return std::make_shared<const plan::Plan>(plan::Compute(machine_->PlanInput()));
  }
  void Drive() {
    do Do(Tick{});
    while (machine_->NextTimer() <= now_);
    while (std::exchange(wanted_, false)) {
      Do(AdoptPlan{MakePlan()});
      do Do(Tick{});
      while (machine_->NextTimer() <= now_);
    }
  }
  // Many, of which only so many are left: they could be told apart again.
  void SubmitUnlikeAndKeep(int jobs) {
    SubmitUnlike(kJobs);
    Drive();
    ASSERT_LT(machine_->deadline_shift(), Machine::kExactDeadlines);
    for (int job = jobs; job < kJobs; ++job) Do(CancelJob{JobId(absl::StrCat("job-", job))});
  }

  void SubmitUnlike(int jobs) {
    for (int i = 0; i < jobs; ++i) {
      Submit(absl::StrCat("job-", i), {.deadline = now_ + absl::Hours(12) + absl::Minutes(i)});
    }
    Do(Tick{});
  }
  int StartedOf(int jobs) const {
    int started = 0;
    for (int job = 0; job < jobs; ++job) started += Started(absl::StrCat("job-", job)) > 0;
    return started;
  }
  absl::Time ClassDeadlineOf(int job) const {
    const Job& one = JobOf(absl::StrCat("job-", job));
    return machine_->ClassOf(one, one.tasks[0]).deadline;
  }

  bool wanted_ = true;
};

TEST_F(ClassesTest, FewDeadlinesAreToldApartToTheMinute) {
  SubmitUnlike(100);
  EXPECT_EQ(machine_->PlanInput().classes.size(), 100U);
  EXPECT_EQ(machine_->deadline_shift(), Machine::kExactDeadlines);
  EXPECT_EQ(ClassDeadlineOf(7), now_ + absl::Hours(12) + absl::Minutes(7));
}

TEST_F(ClassesTest, ManyDeadlinesAreGroupedAndNeverMovedBack) {
  SubmitUnlike(kJobs);
  EXPECT_LE(machine_->PlanInput().classes.size(), kMaxPlannedClasses);
  const int shift = machine_->deadline_shift();
  ASSERT_LT(shift, Machine::kExactDeadlines);
  for (int job = 0; job < kJobs; ++job) {
    const absl::Time deadline = now_ + absl::Hours(12) + absl::Minutes(job);
    const absl::Duration early = deadline - ClassDeadlineOf(job);
    ASSERT_GE(early, absl::ZeroDuration()) << "job " << job;
    ASSERT_LE(early, std::max((deadline - now_) / (1 << shift), absl::Minutes(1)));
    ASSERT_LE(early, (deadline - now_ - absl::Hours(1)) / 2) << "what can be met stays so";
  }
}

TEST_F(ClassesTest, WhenTheyAreFewAgainTheyAreToldApartAgain) {
  SubmitUnlikeAndKeep(100);
  now_ += absl::Minutes(5);
  Drive();
  EXPECT_EQ(machine_->deadline_shift(), Machine::kExactDeadlines) << "by the next plan";
  EXPECT_EQ(machine_->PlanInput().classes.size(), 100U);
}

TEST_F(ClassesTest, APlanIsMadeOfTheClassesThatItIsAdoptedFor) {
  SubmitUnlikeAndKeep(100);
  now_ += absl::Minutes(5);
  Do(Tick{});
  while (std::exchange(wanted_, false)) {
    Do(AdoptPlan{MakePlan()});
    for (int job = 0; job < 100; ++job) {
      const Job& one = JobOf(absl::StrCat("job-", job));
      ASSERT_NE(machine_->VerdictOf(one, one.tasks[0]), nullptr) << "job " << job;
    }
    Do(Tick{});
  }
}

TEST_F(ClassesTest, BetweenARegroupAndItsPlanWhatFitsStarts) {
  SubmitUnlikeAndKeep(100);
  Do(DrainNode{NodeId("dubai-a"), false});
  Do(Tick{});
  ASSERT_EQ(machine_->deadline_shift(), Machine::kExactDeadlines);
  // What was allotted to the classes of before is free.
  machine_->PrepareToRead();
  for (const MilliCores planned : machine_->current_plan().planned[0]) {
    ASSERT_EQ(planned, machine_->board().sites[0].batch_now);
  }
  Do(Tick{});
  EXPECT_EQ(StartedOf(100), 16) << "with no new plan yet";
}

TEST_F(ClassesTest, ARegroupFreesWhatWasAllottedOfCoresAndMemory) {
  Do(DrainNode{NodeId("dubai-a"), false});
  Submit("first", {.count = 16});
  Drive();
  Submit("next", {.count = 32, .deadline = now_ + absl::Hours(12), .memory = Bytes::FromGiB(2)});
  Drive();
  wanted_ = true;
  Drive();
  machine_->PrepareToRead();
  const plan::Site site = machine_->board().sites[0];
  const plan::Plan& plan = machine_->current_plan();
  const auto most = [](const auto& row) { return *std::max_element(row.begin(), row.end()); };
  ASSERT_GT(most(plan.planned_memory[0]), site.batch_memory);
  Do(SetFleet{OneSite()});
  EXPECT_EQ(most(plan.planned[0]), site.batch_now);
  EXPECT_EQ(most(plan.planned_memory[0]), site.batch_memory);
}

TEST_F(ClassesTest, OneTickPlacesOnlySoManyAndTheNextGoesOn) {
  SubmitUnlike(600);
  EXPECT_EQ(machine_->current_plan().verdicts.size(), 256U);
  EXPECT_LE(machine_->NextTimer(), now_);
  Do(Tick{});
  Do(Tick{});
  EXPECT_EQ(machine_->current_plan().verdicts.size(), 600U);
  EXPECT_GT(machine_->NextTimer(), now_);
}

// Its sites may be others, which its moves of running tasks name by their number.
TEST_F(ClassesTest, APlanOfBeforeAReloadIsOfNoUseThoughNothingWaits) {
  const auto plan = MakePlan();
  ASSERT_TRUE(plan->verdicts.empty());
  Do(SetFleet{OneSite()});
  Do(Tick{});
  wanted_ = false;
  Do(AdoptPlan{plan});
  EXPECT_TRUE(wanted_);
}

TEST_F(ClassesTest, APlanOfClassesThatAReloadHasEndedIsOfNoUse) {
  SubmitUnlike(3);
  const auto plan = MakePlan();
  Do(SetFleet{OneSite()});
  Do(Tick{});
  wanted_ = false;
  Do(AdoptPlan{plan});
  EXPECT_TRUE(wanted_);
  EXPECT_NE(machine_->current_plan().verdicts.front().class_id, plan->verdicts.front().class_id);
  Drive();
  const Job& job = JobOf("job-0");
  EXPECT_NE(machine_->VerdictOf(job, job.tasks[0]), nullptr);
}

TEST_F(ClassesTest, OfAGroupedDeadlineTheJobsOwnIsTold) {
  SubmitUnlike(kJobs);
  const int last = kJobs - 1;
  const absl::Time deadline = now_ + absl::Hours(12) + absl::Minutes(last);
  ASSERT_LT(ClassDeadlineOf(last), deadline - absl::Minutes(1));
  for (int job = last - 10; job < last; ++job) Do(CancelJob{JobId(absl::StrCat("job-", job))});
  Drive();
  const ExpectedLate* late = machine_->LateOf(JobOf(absl::StrCat("job-", last)));
  ASSERT_NE(late, nullptr) << "nobody has a node for it";
  EXPECT_EQ(late->deadline, deadline);
  now_ = deadline - absl::Seconds(1);
  Do(Tick{});
  EXPECT_EQ(machine_->CountLate().ahead, 1);
}

// A task that waits with a checkpoint, on nodes whose leases run out.
class WaitingCheckpointTest : public OneSiteTest {
 protected:
  static constexpr absl::Duration kShort = absl::Minutes(10);

  WaitingCheckpointTest() {
    MachineOptions options = Options();
    options.lease = kShort;
    options.lease_margin = absl::ZeroDuration();
    machine_ = std::make_unique<Machine>(options, OneSite());
    Hello();
    HelloOther();
    Replan();
    Submit("work", {});
    Replan();
    EXPECT_EQ(Started("work"), 1U);
    first_ = Task().run->attempts.back().node;
    for (const char* node : {"dubai-a", "dubai-b"}) Take(DrainNode{NodeId(node), true});
    Tell({.phase = model::AttemptPhase::kRunning, .checkpoint = {}});
    Replan();
    const model::AttemptKey key{TaskId{JobOf("work").uid, 0}, Task().attempt};
    Tell({.phase = model::AttemptPhase::kLeft,
          .checkpoint = SealedCheckpoint{.key = {key, 1},
                                         .digest = std::string(32, '.'),
                                         .size = Bytes::FromMiB(1),
                                         .run_time = absl::Minutes(30)}});
    EXPECT_EQ(Task().state, model::TaskState::kPending);
    EXPECT_TRUE(Task().run->checkpoint);
  }

  struct Told {
    model::AttemptPhase phase;
    std::optional<SealedCheckpoint> checkpoint;
  };
  void Tell(const Told& told) {
    AttemptStatus status;
    status.key = {TaskId{JobOf("work").uid, 0}, Task().attempt};
    status.phase = told.phase;
    status.start_time = now_;
    status.checkpoint = told.checkpoint;
    Take(NodeReport{first_, SessionOf(first_), {status}, {}});
  }
  void HelloOther() {
    NodeHello hello;
    hello.node = NodeId("dubai-b");
    hello.session = 7;
    hello.instance = "dubai-b";
    hello.version = "0.1.0";
    hello.data_center = DataCenterId("dubai");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromCores(20), Bytes::FromGiB(64)};
    hello.address = "127.0.0.1:2";
    ASSERT_TRUE(Apply(hello).status.ok());
  }
  uint64_t SessionOf(const NodeId& node) const { return machine_->nodes().at(node).session; }
  HeldCheckpoint Held() const {
    return {.key = Task().run->checkpoint->key,
            .digest = std::string(32, '.'),
            .size = Bytes::FromMiB(1),
            .failure = {}};
  }
  const model::Task& Task() const { return JobOf("work").tasks[0]; }
  NodeId Second() const { return NodeId(first_ == NodeId("dubai-a") ? "dubai-b" : "dubai-a"); }

  NodeId first_;  // Where it ran.
};

TEST_F(WaitingCheckpointTest, AReloadLeavesItThoughItsHolderIsAway) {
  now_ += absl::Hours(3);
  Take(Tick{});
  ASSERT_TRUE(machine_->nodes().at(first_).lost);
  Take(SetFleet{OneSite()});
  Take(Tick{});
  EXPECT_TRUE(Task().run->checkpoint);
  EXPECT_NE(Task().class_id, 0U) << "it waits on as it did";
}

TEST_F(WaitingCheckpointTest, PatienceCountsFromWhenTheLastHolderWasGivenUp) {
  Take(NodeReport{Second(), SessionOf(Second()), {}, {Held()}});
  ASSERT_EQ(Task().run->checkpoint->holders.size(), 2U);
  // Both live on for hours while it waits; then the first falls silent.
  for (int i = 0; i < 36; ++i) {
    now_ += absl::Minutes(5);
    for (const NodeId& node : {first_, Second()}) {
      Take(NodeHeartbeat{node, SessionOf(node), {}, {Held()}});
    }
  }
  for (int i = 0; i < 3; ++i) {
    now_ += absl::Minutes(5);
    Take(NodeHeartbeat{Second(), SessionOf(Second()), {}, {Held()}});
  }
  ASSERT_TRUE(machine_->nodes().at(first_).lost);
  // And the copy of the other is damaged.
  HeldCheckpoint damaged = Held();
  damaged.failure = "damaged";
  Take(NodeReport{Second(), SessionOf(Second()), {}, {damaged}});
  ASSERT_TRUE(Task().run->checkpoint) << "the first may come back";
  EXPECT_EQ(Task().reason, model::Reason::kFetchFailed);
  for (int i = 0; i < 65; ++i) {
    now_ += absl::Minutes(1);
    Take(NodeHeartbeat{Second(), SessionOf(Second()), {}, {}});
  }
  EXPECT_FALSE(Task().run->checkpoint) << "an hour later it goes on without";
}

}  // namespace
}  // namespace heliotrope::core
