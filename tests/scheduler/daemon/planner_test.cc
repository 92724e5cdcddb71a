#include "scheduler/daemon/planner.h"

#include <gtest/gtest.h>

#include "tests/scheduler/daemon/fleet.h"
#include "tests/scheduler/daemon/gated_store.h"
#include "tests/scheduler/daemon/waiting.h"

namespace heliotrope::daemon {
namespace {

class PlannerTest : public testing::Test, public rpc::EffectSink {
 protected:
  PlannerTest()
      : machine_(SomeMachineOptions(), AFleet()),
        metrics_(registry_),
        loop_(CoreLoopParts{machine_, store_, clock_, metrics_}, SomeFacts(),
              {.plan_wanted = [this] { planner_.Want(); },
               .store_health = [](const absl::Status&) {},
               .fatal = [](const absl::Status&) {},
               .beat = [] {}}),
        planner_(loop_, metrics_) {
    loop_.Start(*this);
    planner_.Start();
  }
  void TearDown() override {
    planner_.Stop();
    loop_.Stop().IgnoreError();  // Before the planner and this go: it calls into both.
  }

  void OnEffects(std::vector<core::Effect> effects) override {
    for (core::Effect& effect : effects) {
      if (const auto* order = std::get_if<core::OrderAttempt>(&effect)) orders_.Add(*order);
    }
  }
  absl::Time PlanMade() {
    absl::Time made;
    EXPECT_TRUE(
        loop_.ReadNow([&made](const core::Machine& machine) { made = machine.current_plan().made; })
            .ok());
    return made;
  }

  GatedStore store_;
  core::Machine machine_;
  os::SchedulingClock clock_;
  os::MetricsRegistry registry_;
  Metrics metrics_;
  Log<core::OrderAttempt> orders_;
  CoreLoop loop_;
  Planner planner_;
};

TEST_F(PlannerTest, APlanThatIsWantedIsMadeAndAdopted) {
  EXPECT_EQ(PlanMade(), absl::InfinitePast());
  planner_.Want();
  EXPECT_TRUE(Eventually([this] { return PlanMade() > absl::InfinitePast(); }));
}

// The whole of the shell: submission, plan, placement, order, without any clock of the test's own.
TEST_F(PlannerTest, AJobOnAnIdleNodeIsOrderedToStart) {
  loop_.PostFromAgent(AHello(), nullptr);
  planner_.Want();
  loop_.Post({ASubmission("nightly")}, [](const std::vector<core::Reply>& replies) {
    EXPECT_TRUE(replies.front().status.ok()) << replies.front().status;
  });
  ASSERT_TRUE(Eventually([this] { return orders_.size() > 0; }));
  const core::OrderAttempt order = orders_.All().front();
  EXPECT_EQ(order.node, NodeId("du-a"));
  EXPECT_EQ(order.action, core::AttemptAction::kStart);
  EXPECT_EQ(order.start->job, JobId("nightly"));
}

TEST_F(PlannerTest, StopsWhileIdleAndTwice) {
  planner_.Stop();
  planner_.Stop();
}

}  // namespace
}  // namespace heliotrope::daemon
