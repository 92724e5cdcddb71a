#include "scheduler/daemon/core_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "scheduler/core/describe.h"
#include "tests/scheduler/daemon/fleet.h"
#include "tests/scheduler/daemon/gated_store.h"
#include "tests/scheduler/daemon/waiting.h"

namespace heliotrope::daemon {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A loop over a gated store. Everything that comes out of it is written down in `heard`, in order.
class CoreLoopTest : public testing::Test, public rpc::EffectSink {
 protected:
  CoreLoopTest() : CoreLoopTest(SomeMachineOptions()) {}
  explicit CoreLoopTest(const core::MachineOptions& options)
      : machine_(options, AFleet()), metrics_(registry_) {
    CoreLoopHooks hooks;
    hooks.plan_wanted = [this] { ++plans_wanted_; };
    hooks.store_health = [this](const absl::Status& status) {
      heard_.Add(status.ok() ? "healthy" : "unhealthy");
    };
    hooks.fatal = [this](const absl::Status& status) {
      heard_.Add(absl::StrCat("fatal: ", status.message()));
    };
    hooks.beat = [] {};
    hooks.boottime = [this] { return os::Boottime() + absl::Milliseconds(skipped_ms_.load()); };
    loop_ = std::make_unique<CoreLoop>(CoreLoopParts{machine_, store_, clock_, metrics_},
                                       SomeFacts(), std::move(hooks));
    loop_->Start(*this);
  }
  void TearDown() override {
    store_.Open();
    loop_.reset();  // Before this, which it calls into, begins to go.
  }

  void OnEffects(std::vector<core::Effect> effects) override {
    effects_ += effects.size();
    for (const core::Effect& effect : effects) heard_.Add(core::Describe(effect));
  }

  void Submit(const std::string& id) {
    loop_->Post({ASubmission(id)}, [this, id](const std::vector<core::Reply>& replies) {
      heard_.Add(absl::StrCat(id, ": ", absl::StatusCodeToString(replies.front().status.code())));
    });
  }
  void FromAgent(core::Command command) {
    loop_->PostFromAgent(std::move(command), [this](const core::Reply& reply) {
      heard_.Add(absl::StrCat("agent: ", absl::StatusCodeToString(reply.status.code())));
    });
  }
  bool Heard(const std::string& line) {
    const auto lines = heard_.All();
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  // Fills the pipeline: one batch is being written and does not end, another waits behind it.
  void GetStuck() {
    store_.Close();
    Submit("stuck-1");
    ASSERT_TRUE(Eventually([this] { return store_.IsWaiting(); }));
    Submit("stuck-2");
    // Applied, though not written: the pipeline is full from then on.
    ASSERT_TRUE(Eventually([this] {
      bool there = false;
      EXPECT_TRUE(loop_
                      ->ReadNow([&there](const core::Machine& machine) {
                        there = machine.FindJob(JobId("stuck-2")) != nullptr;
                      })
                      .ok());
      return there;
    }));
  }

  GatedStore store_;
  core::Machine machine_;
  os::SchedulingClock clock_;
  os::MetricsRegistry registry_;
  Metrics metrics_;
  Log<std::string> heard_;
  std::atomic<size_t> effects_ = 0;
  std::atomic<int> plans_wanted_ = 0;
  std::atomic<int64_t> skipped_ms_ = 0;
  std::unique_ptr<CoreLoop> loop_;  // Ends first: it calls into all of the above.
};

TEST_F(CoreLoopTest, NothingIsSaidBeforeItIsDurableAndTheReplyComesBeforeTheEffects) {
  store_.Close();
  Submit("nightly");
  ASSERT_TRUE(Eventually([this] { return store_.IsWaiting(); }));
  EXPECT_THAT(heard_.All(), IsEmpty());
  store_.Open();
  ASSERT_TRUE(Eventually([this] { return heard_.size() >= 2; }));
  EXPECT_THAT(heard_.All(), ElementsAre("nightly: OK", "changed 1"));
  EXPECT_EQ(store_.jobs(), 1U);
}

TEST_F(CoreLoopTest, WhatWaitsWhileABatchIsWrittenBecomesOneBatch) {
  GetStuck();
  constexpr int kMore = 200;
  for (int i = 0; i < kMore; ++i) Submit(absl::StrCat("more-", i));
  store_.Open();
  ASSERT_TRUE(Eventually([this] { return Heard("more-199: OK"); }));
  EXPECT_EQ(store_.jobs(), kMore + 2U);
  EXPECT_LE(store_.attempts(), 5);  // Group commit: not one each.
}

TEST_F(CoreLoopTest, CommandsPostedTogetherAreInOneBatch) {
  std::vector<core::Command> jobs;
  for (int i = 0; i < 100; ++i) jobs.push_back(ASubmission(absl::StrCat("job-", i)));
  loop_->Post(std::move(jobs), [this](const std::vector<core::Reply>& replies) {
    EXPECT_THAT(replies, SizeIs(100));
    heard_.Add("all");
  });
  ASSERT_TRUE(Eventually([this] { return Heard("all"); }));
  size_t largest = 0;
  for (const store::Batch& batch : store_.batches()) largest = std::max(largest, batch.puts.size());
  EXPECT_GE(largest, 100U);
}

TEST_F(CoreLoopTest, AReadingWaitsForAllThatItCouldHaveSeen) {
  store_.Close();
  Submit("nightly");
  loop_->Query(
      [this](const core::Machine& machine) {
        heard_.Add(absl::StrCat("read ", machine.jobs().size(), " jobs"));
      },
      [this](const absl::Status& status) { heard_.Add(status.ok() ? "told" : "failed"); });
  ASSERT_TRUE(Eventually([this] { return Heard("read 1 jobs"); }));
  EXPECT_FALSE(Heard("told"));
  store_.Open();
  ASSERT_TRUE(Eventually([this] { return Heard("told"); }));
  EXPECT_TRUE(Heard("nightly: OK"));
}

TEST_F(CoreLoopTest, AReadingOfWhatIsDurableNeedsNoCommit) {
  loop_->Query([](const core::Machine&) {},
               [this](const absl::Status& status) { heard_.Add(status.ok() ? "told" : "failed"); });
  ASSERT_TRUE(Eventually([this] { return Heard("told"); }));
  EXPECT_EQ(store_.attempts(), 0);
}

// Promise 4: a stuck disk of ours is no fault of the nodes.
TEST_F(CoreLoopTest, AgentsGetTheirLeasesWhileTheStoreIsStuck) {
  GetStuck();
  FromAgent(AHello());
  for (int i = 0; i < 10; ++i) {
    FromAgent(core::NodeHeartbeat{
        .node = NodeId("du-a"), .session = 1, .attempts = {}, .checkpoints = {}});
  }
  ASSERT_TRUE(Eventually([this] { return heard_.size() >= 11; }));
  EXPECT_THAT(heard_.All(), testing::Each("agent: OK"));
  store_.Open();
  ASSERT_TRUE(Eventually([this] { return Heard("stuck-2: OK"); }));
}

// What agents say again and again while the store is stuck must not fill the memory.
TEST_F(CoreLoopTest, RepeatedOrdersThatAreHeldBackBecomeOne) {
  GetStuck();
  FromAgent(AHello());
  core::NodeHeartbeat heartbeat{
      .node = NodeId("du-a"), .session = 1, .attempts = {}, .checkpoints = {}};
  constexpr int kAttempts = 1000;
  for (int i = 0; i < kAttempts; ++i) {
    core::AttemptStatus unknown;
    unknown.key = {{JobUid(999), static_cast<uint32_t>(i)}, AttemptNumber(1)};
    unknown.phase = model::AttemptPhase::kSucceeded;
    heartbeat.attempts.push_back(unknown);
  }
  constexpr int kHeartbeats = 90;
  for (int i = 0; i < kHeartbeats; ++i) FromAgent(heartbeat);
  ASSERT_TRUE(Eventually([this] { return heard_.size() >= kHeartbeats + 1; }));
  EXPECT_EQ(effects_, 0U);
  store_.Open();
  ASSERT_TRUE(loop_->Stop().ok());
  EXPECT_GE(effects_, kAttempts);           // Each attempt still gets its order...
  EXPECT_LE(effects_, 70'000 + kAttempts);  // ...not 90,000.
}

TEST_F(CoreLoopTest, AFullQueueIsSaidAtOnceAndTheAgentsAreNotAffected) {
  GetStuck();
  std::atomic<int> refused = 0;
  for (size_t i = 0; i < kMaxQueuedCommands + 10; ++i) {
    loop_->Post({core::Command(core::CancelJob{JobId("none")})},
                [&refused](const std::vector<core::Reply>& replies) {
                  if (absl::IsResourceExhausted(replies.front().status)) ++refused;
                });
  }
  EXPECT_EQ(refused, 10);
  FromAgent(AHello());
  EXPECT_TRUE(Eventually([this] { return Heard("agent: OK"); }));
  EXPECT_THAT(registry_.Text(),
              HasSubstr("heliotrope_scheduler_queue_refusals_total{lane=\"clients\"} 10"));
  store_.Open();
  EXPECT_TRUE(loop_->Stop().ok());  // Before `refused` goes.
}

TEST_F(CoreLoopTest, AFullDiskIsTriedAgainUntilItHasRoomAndNothingIsAcknowledgedMeanwhile) {
  store_.FailWith(absl::UnavailableError("disk full"));
  Submit("nightly");
  ASSERT_TRUE(Eventually([this] { return store_.attempts() >= 3; }));
  // Those who come now need not wait to hear it.
  Submit("later");
  EXPECT_THAT(heard_.All(), ElementsAre("unhealthy", "later: UNAVAILABLE"));
  EXPECT_THAT(registry_.Text(), HasSubstr("heliotrope_scheduler_store_writable 0"));
  store_.FailWith(absl::OkStatus());
  ASSERT_TRUE(Eventually([this] { return Heard("nightly: OK"); }));
  EXPECT_THAT(heard_.All(), Contains("healthy"));
  EXPECT_EQ(store_.jobs(), 1U);
  Submit("after");
  EXPECT_TRUE(Eventually([this] { return Heard("after: OK"); }));
}

TEST_F(CoreLoopTest, AnotherWriterIsTheEndAndNothingIsAcknowledged) {
  store_.FailWith(absl::FailedPreconditionError("term is over"));
  Submit("nightly");
  ASSERT_TRUE(Eventually([this] { return heard_.size() >= 3; }));
  EXPECT_THAT(heard_.All(),
              ElementsAre("unhealthy", "fatal: term is over", "nightly: UNAVAILABLE"));
  EXPECT_EQ(store_.attempts(), 1);
}

TEST_F(CoreLoopTest, StoppingAnswersAllThatHadCome) {
  GetStuck();
  for (int i = 0; i < 50; ++i) Submit(absl::StrCat("last-", i));
  store_.Open();
  EXPECT_TRUE(loop_->Stop().ok());
  EXPECT_EQ(store_.jobs(), 52U);
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Heard(absl::StrCat("last-", i, ": OK")));
  Submit("too-late");
  FromAgent(AHello());
  EXPECT_TRUE(Heard("too-late: UNAVAILABLE"));
  EXPECT_TRUE(Heard("agent: UNAVAILABLE"));
  EXPECT_FALSE(loop_->ReadNow([](const core::Machine&) {}).ok());
}

TEST_F(CoreLoopTest, StoppingWithAFullDiskGivesUpAndSaysSo) {
  store_.FailWith(absl::UnavailableError("disk full"));
  Submit("first");
  ASSERT_TRUE(Eventually([this] { return Heard("unhealthy"); }));
  EXPECT_EQ(loop_->Stop().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Heard("first: UNAVAILABLE"));
  EXPECT_EQ(store_.jobs(), 0U);
}

// Promise 4, when this process itself was stopped or starved.
TEST_F(CoreLoopTest, AfterBeingHeldUpEveryLeaseCountsAnew) {
  FromAgent(AHello());
  ASSERT_TRUE(Eventually([this] { return Heard("agent: OK"); }));
  skipped_ms_ = 30'000;
  EXPECT_TRUE(Eventually([this] {
    return registry_.Text().find("heliotrope_scheduler_lease_refreshes_total 1") !=
           std::string::npos;
  }));
}

class ShortLeaseTest : public CoreLoopTest {
 protected:
  ShortLeaseTest()
      : CoreLoopTest({.lease_real = absl::Milliseconds(200),
                      .lease = absl::Milliseconds(200),
                      .lease_margin = absl::Milliseconds(20),
                      .major_version = 0}) {}
};

TEST_F(ShortLeaseTest, TimersFireWithoutAnyCommand) {
  FromAgent(AHello());
  ASSERT_TRUE(Eventually([this] {
    const auto lines = heard_.All();
    return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
      return line.find("LEASE_EXPIRED") != std::string::npos;
    });
  }));
}

}  // namespace
}  // namespace heliotrope::daemon
