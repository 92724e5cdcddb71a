// What the machine learns of the work, and what the planner sees of it.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

using model::AttemptPhase;
using model::TaskState;

const absl::Time kStart = absl::FromUnixSeconds(1'772'409'600);  // 2026-03-02T00:00:00Z.
const NodeId kNode("a");

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
  fleet.default_expected_duration = absl::Hours(1);
  return fleet;
}

MachineOptions Options() {
  const absl::Duration lease = absl::Hours(24 * 365);
  return {.lease_real = lease, .lease = lease, .lease_margin = lease, .outlook = {}};
}

// One node, whose tasks run as long as the test says.
class LearningTest : public testing::Test {
 protected:
  LearningTest() : machine_(Options(), AFleet()) {
    NodeHello hello;
    hello.node = kNode;
    hello.session = 1;
    hello.instance = "i";
    hello.version = "0.1.0";
    hello.data_center = DataCenterId("dubai");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromCores(64), Bytes::FromGiB(64)};
    hello.address = "a:1";
    Apply(hello);
  }

  void Apply(const Command& command) {
    const absl::Status status = machine_.Apply(command, now_).reply.status;
    EXPECT_TRUE(status.ok()) << status;
  }

  const Job& Submit(const std::string& id, absl::Duration expected,
                    const std::string& account = "acme") {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId(account);
    spec->expected_duration = expected;
    spec->residency.any = true;
    spec->checkpoint.emplace();
    SubmitJob submit;
    submit.spec = spec;
    submit.id = JobId(id);
    Apply(submit);
    Apply(Tick{});
    return *machine_.FindJob(JobId(id));
  }

  void Report(const Job& job, AttemptPhase phase) {
    AttemptStatus status;
    status.key = {{job.uid, 0}, job.tasks[0].attempt};
    status.phase = phase;
    Apply(NodeReport{.node = kNode, .session = 1, .attempts = {status}, .checkpoints = {}});
    Apply(Tick{});
  }

  void Start(const Job& job) {
    // A plan that says to start it, if it does not start by itself.
    if (job.tasks[0].state == TaskState::kPending) {
      Apply(AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
      Apply(Tick{});
    }
    ASSERT_EQ(job.tasks[0].state, TaskState::kAssigned);
    Report(job, AttemptPhase::kRunning);
    ASSERT_EQ(job.tasks[0].state, TaskState::kRunning);
  }

  void Run(const std::string& id, absl::Duration expected, absl::Duration actual,
           const std::string& account = "acme") {
    const Job& job = Submit(id, expected, account);
    Start(job);
    now_ += actual;
    Report(job, AttemptPhase::kSucceeded);
    ASSERT_EQ(job.tasks[0].state, TaskState::kSucceeded);
  }

  Machine machine_;
  absl::Time now_ = kStart;
};

TEST_F(LearningTest, WhatSucceedsTeachesItsNameAndAccount) {
  for (int i = 0; i < 200; ++i) Run(absl::StrCat("nightly-", i), absl::Hours(1), absl::Hours(3));
  EXPECT_EQ(
      machine_.durations().Keys(),
      (std::vector<std::string>{"", std::string("acme\0", 5), std::string("acme\0nightly", 12)}));
  const Job& next = Submit("nightly-200", absl::Hours(1));
  EXPECT_NEAR(absl::ToDoubleHours(machine_.Remaining(next, next.tasks[0])), 3, 0.05);
  const Job& other = Submit("weekly-1", absl::Hours(1), "globex");
  const double hours = absl::ToDoubleHours(machine_.Remaining(other, other.tasks[0]));
  EXPECT_NEAR(hours, 3 - 2.0 / 11, 0.05) << "all tasks there are took thrice what was expected";
}

TEST_F(LearningTest, WhatFailsOrIsCancelledTeachesNothing) {
  const Job& failed = Submit("nightly-1", absl::Hours(1));
  Start(failed);
  now_ += absl::Hours(9);
  Report(failed, AttemptPhase::kFailed);
  EXPECT_EQ(failed.tasks[0].state, TaskState::kFailed);
  const Job& cancelled = Submit("nightly-2", absl::Hours(1));
  Start(cancelled);
  now_ += absl::Hours(9);
  Apply(CancelJob{cancelled.id});
  Report(cancelled, AttemptPhase::kStopped);
  EXPECT_EQ(cancelled.tasks[0].state, TaskState::kCancelled);
  EXPECT_EQ(machine_.durations().size(), 0u);
}

TEST_F(LearningTest, TheWorkOfAllAttemptsCounts) {
  const Job& job = Submit("nightly-1", absl::Hours(1));
  Start(job);
  now_ += absl::Hours(2);
  AttemptStatus left;
  left.key = {{job.uid, 0}, job.tasks[0].attempt};
  left.phase = AttemptPhase::kLeft;
  left.checkpoint = SealedCheckpoint{.key = {left.key, 1},
                                     .digest = std::string(32, 'd'),
                                     .size = Bytes::FromMiB(1),
                                     .run_time = absl::Hours(2)};
  Apply(NodeReport{.node = kNode, .session = 1, .attempts = {left}, .checkpoints = {}});
  Apply(Tick{});
  now_ += absl::Hours(5);
  Start(job);
  now_ += absl::Hours(2);
  Report(job, AttemptPhase::kSucceeded);
  ASSERT_EQ(job.tasks[0].state, TaskState::kSucceeded);
  const curve::DurationState state = machine_.durations().Save("");
  size_t bin = 0;
  while (state.weights[bin] == 0) ++bin;
  EXPECT_EQ(bin, 48u + 24u) << "four times what was expected";
}

TEST_F(LearningTest, ThePlannerSeesTheMeanAndWhatItMayTakeAtMost) {
  for (int i = 0; i < 300; ++i) {
    Run(absl::StrCat("nightly-", i), absl::Hours(1), i % 10 == 0 ? absl::Hours(5) : absl::Hours(2));
  }
  const Job& waiting = Submit("nightly-x", absl::Hours(1));
  const plan::Class task_class = machine_.ClassOf(waiting, waiting.tasks[0]);
  EXPECT_NEAR(absl::ToDoubleHours(task_class.remaining), 2.3, 0.3);
  EXPECT_NEAR(absl::ToDoubleHours(task_class.remaining_high), 5.1, 0.6);

  const Job& running = Submit("nightly-777", absl::Hours(1));
  Start(running);
  now_ += absl::Hours(2.5);
  const plan::Input input = machine_.PlanInput();
  ASSERT_EQ(input.running.size(), 2u - input.classes.size());
  for (const plan::RunningTask& task : input.running) {
    if (task.task.job != running.uid) continue;
    EXPECT_NEAR(absl::ToDoubleHours(task.remaining), 2.5, 0.3) << "it is one of the long ones";
    EXPECT_GE(task.remaining_high, task.remaining);
  }
}

TEST_F(LearningTest, ALargeTaskMayMissMoreLikely) {
  plan::Settings settings;
  EXPECT_EQ(plan::MissChance(settings, 0.1), 0.001);
  EXPECT_EQ(plan::MissChance(settings, 50), 0.02);
  EXPECT_EQ(plan::MissChance(settings, 10'000), 0.2);
  const Job& small = Submit("a-small", absl::Hours(1));
  const Job& large = Submit("a-large", absl::Hours(100));
  const auto high = [this](const Job& job) {
    return absl::ToDoubleHours(machine_.RemainingWork(job, job.tasks[0]).high);
  };
  EXPECT_NEAR(high(small), std::exp(0.3 * 3.09), 0.05);
  EXPECT_NEAR(high(large) / 100, std::exp(0.3 * 1.7507), 0.05);
}

TEST_F(LearningTest, AJobWithoutAnExpectationGetsItsAccounts) {
  const auto expected = [](const Job& job) { return job.spec->expected_duration; };
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(expected(Submit(absl::StrCat("ask-", i), absl::ZeroDuration())), absl::Hours(1));
    Run(absl::StrCat("tell-", i), absl::Minutes(30), absl::Minutes(20));
  }
  EXPECT_EQ(expected(Submit("ask-5", absl::ZeroDuration())), absl::Minutes(20));
  EXPECT_EQ(expected(Submit("ask-6", absl::Minutes(45))), absl::Minutes(45));
  EXPECT_EQ(expected(Submit("ask-7", absl::ZeroDuration(), "globex")), absl::Hours(1));
}

TEST_F(LearningTest, WhatIsSubmittedEveryDayIsForeseen) {
  const auto submit_to = [this](const std::string& id, const char* where) {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId("acme");
    spec->expected_duration = absl::Hours(2);
    spec->count = 10;
    spec->residency.any = *where == '\0';
    if (!spec->residency.any) spec->residency.words = {where};
    if (!spec->residency.any) spec->deadline = now_ + absl::Hours(12.2);
    SubmitJob submit;
    submit.spec = spec;
    submit.id = JobId(id);
    submit.validate_only = true;
    Apply(submit);
    submit.validate_only = false;
    Apply(submit);
  };
  now_ = kStart + absl::Hours(6.5);
  submit_to("one", "US");
  submit_to("two", "");
  now_ = kStart + absl::Hours(24);
  Apply(Tick{});
  const std::vector<plan::FutureWork> future = machine_.PlanInput().future;
  // Of each residency in three mornings of the next 60 hours.
  ASSERT_EQ(future.size(), 6u);
  EXPECT_EQ(future[0].allowed, 2u) << "in order of residency";
  EXPECT_EQ(future[0].release, kStart + absl::Hours(24 + 7.5));
  EXPECT_EQ(future[0].milli_core_seconds, 20 * 3600 * 1000);
  EXPECT_EQ(future[0].each, absl::Hours(2));
  EXPECT_EQ(future[0].slack, absl::Hours(10));
  EXPECT_EQ(future[3].allowed, 3u);
  EXPECT_EQ(future[3].slack, absl::Hours(168));

  // Learned again from the jobs that are kept.
  Image image;
  image.next_uid = machine_.next_uid();
  for (const auto& [uid, job] : machine_.jobs()) {
    Job copy;
    copy.uid = uid;
    copy.id = job->id;
    copy.spec = job->spec;
    copy.create_time = job->create_time;
    copy.tasks.resize(job->tasks.size());
    image.jobs.push_back(std::move(copy));
  }
  Machine recovered(Options(), AFleet());
  ASSERT_TRUE(recovered.Recover(std::move(image), now_).ok());
  const std::vector<plan::FutureWork> again = recovered.PlanInput().future;
  ASSERT_EQ(again.size(), future.size());
  for (size_t i = 0; i < future.size(); ++i) {
    EXPECT_EQ(again[i].release, future[i].release);
    EXPECT_EQ(again[i].milli_core_seconds, future[i].milli_core_seconds);
  }
}

}  // namespace
}  // namespace heliotrope::core
