// Who may start what, and who is told so before: what the fault simulation (tests/sim) has found.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/core/machine.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::core {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'772'409'600);

FleetConfig Fleet(std::vector<JurisdictionCode> europe) {
  FleetConfig fleet;
  for (const auto& [id, code] : {std::pair{"frankfurt", "DE"}, {"paris", "FR"}}) {
    model::DataCenter data_center;
    data_center.id = DataCenterId(id);
    data_center.region = RegionId("emea");
    data_center.jurisdiction = JurisdictionCode(code);
    data_center.time_zone = absl::UTCTimeZone();
    fleet.data_centers.push_back(std::move(data_center));
  }
  fleet.jurisdictions = model::JurisdictionTable({{"EU", std::move(europe)}},
                                                 {JurisdictionCode("DE"), JurisdictionCode("FR")});
  return fleet;
}

FleetConfig Wide() { return Fleet({JurisdictionCode("DE"), JurisdictionCode("FR")}); }
FleetConfig Narrow() { return Fleet({JurisdictionCode("DE")}); }

class FencingTest : public testing::Test {
 protected:
  FencingTest()
      : machine_({.lease_real = absl::Seconds(60),
                  .lease = absl::Seconds(60),
                  .lease_margin = absl::Seconds(6),
                  .outlook = {}},
                 Wide()) {}

  Outcome Do(const Command& command) {
    Outcome outcome = machine_.Apply(command, now_);
    // Plans are made at once, until none is wanted.
    for (bool wanted = true; wanted;) {
      const Outcome tick = machine_.Apply(Tick{}, now_);
      outcome.effects.insert(outcome.effects.end(), tick.effects.begin(), tick.effects.end());
      wanted = std::erase_if(outcome.effects, [](const Effect& effect) {
                 return std::holds_alternative<PlanWanted>(effect);
               }) > 0;
      if (!wanted) break;
      auto plan = std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()));
      const Outcome adopted = machine_.Apply(AdoptPlan{std::move(plan)}, now_);
      outcome.effects.insert(outcome.effects.end(), adopted.effects.begin(), adopted.effects.end());
    }
    return outcome;
  }

  Outcome Hello(const std::string& data_center, uint64_t session) {
    NodeHello hello;
    hello.node = NodeId(absl::StrCat(data_center, "-a"));
    hello.session = session;
    hello.instance = data_center;
    hello.version = "0.1.0";
    hello.data_center = DataCenterId(data_center);
    hello.jurisdiction = JurisdictionCode(data_center == "paris" ? "FR" : "DE");
    hello.capacity = {MilliCores::FromCores(8), Bytes::FromGiB(8)};
    hello.address = data_center;
    return Do(hello);
  }

  void Submit() {
    model::JobSpec spec;
    spec.command = {"true"};
    spec.account = AccountId("default");
    spec.residency.words = {"EU"};
    SubmitJob submit;
    submit.spec = std::make_shared<model::JobSpec>(spec);
    submit.id = JobId("nightly");
    ASSERT_TRUE(Do(submit).reply.status.ok());
  }

  const model::Task& TheTask() const { return machine_.FindJob(JobUid(1))->tasks[0]; }

  Machine machine_;
  absl::Time now_ = kStart;
};

// A lease that waits for no disk came before the stop that waits for one: an attempt that had not
// started when its node fell silent started then, beside the one that had taken its place.
TEST_F(FencingTest, ALeaseComesWithTheStopsOfWhatMayNotStartAnyMore) {
  Hello("paris", 1);
  Submit();
  ASSERT_EQ(TheTask().attempt, AttemptNumber(1));
  now_ += absl::Minutes(2);
  Hello("frankfurt", 2);
  ASSERT_EQ(TheTask().attempt, AttemptNumber(2));

  Hello("paris", 3);
  AttemptStatus waits;
  waits.key = {TaskId{JobUid(1), 0}, AttemptNumber(1)};
  waits.phase = model::AttemptPhase::kVerified;
  NodeHeartbeat heartbeat{NodeId("paris-a"), 3, {waits}, {}};
  const Reply granted = Do(heartbeat).reply;
  ASSERT_TRUE(granted.status.ok());
  EXPECT_EQ(granted.stale, std::vector<model::AttemptKey>{waits.key});

  // Once it has ended there is nothing to stop.
  heartbeat.attempts[0].phase = model::AttemptPhase::kStopped;
  EXPECT_TRUE(Do(heartbeat).reply.stale.empty());
}

// Its order was lost, and since then its node is outside: it is not ordered again.
TEST_F(FencingTest, WhatMayNotRunThereAnyMoreIsNotOrderedAgain) {
  Hello("paris", 1);
  Submit();
  ASSERT_EQ(TheTask().state, model::TaskState::kAssigned);
  Do(SetFleet{Narrow()});

  bool stopped = false;
  for (const Effect& effect : Hello("paris", 2).effects) {
    const auto* order = std::get_if<OrderAttempt>(&effect);
    if (order == nullptr) continue;
    EXPECT_NE(order->action, AttemptAction::kStart);
    stopped = stopped || order->action == AttemptAction::kStop;
  }
  EXPECT_TRUE(stopped);
}

// Else the store would say for ever that a node holds what it was told to release.
TEST_F(FencingTest, WhatAStartFindsOutsideIsAChangeToBeKept) {
  Image image;
  image.next_uid = JobUid(2);
  for (const char* data_center : {"frankfurt", "paris"}) {
    Node node;
    node.id = NodeId(absl::StrCat(data_center, "-a"));
    node.data_center = DataCenterId(data_center);
    image.nodes.push_back(node);
  }
  Job& job = image.jobs.emplace_back();
  job.uid = JobUid(1);
  job.id = JobId("nightly");
  auto spec = std::make_shared<model::JobSpec>();
  spec->residency.words = {"EU"};
  job.spec = spec;
  job.tasks.resize(1);
  job.tasks[0].attempt = AttemptNumber(1);
  job.tasks[0].run = std::make_unique<model::TaskRun>();
  job.tasks[0].run->checkpoint.emplace();
  job.tasks[0].run->checkpoint->key = {{TaskId{JobUid(1), 0}, AttemptNumber(1)}, 1};
  job.tasks[0].run->checkpoint->holders = {NodeId("frankfurt-a"), NodeId("paris-a")};

  Machine machine({.lease_real = absl::Seconds(60),
                   .lease = absl::Seconds(60),
                   .lease_margin = absl::Seconds(6),
                   .outlook = {}},
                  Narrow());
  ASSERT_TRUE(machine.Recover(std::move(image), now_).ok());
  const model::Task& task = machine.FindJob(JobUid(1))->tasks[0];
  EXPECT_EQ(task.run->checkpoint->holders, std::vector<NodeId>{NodeId("frankfurt-a")});
  EXPECT_TRUE(machine.TakeChanges().tasks.contains(TaskId{JobUid(1), 0}));
}

// The node's clock is a quarter of an hour ahead; its load is what it says, and so is its end.
TEST_F(FencingTest, ALoadIsWhatWasSaidLastWhateverTheClockOfTheNode) {
  Hello("paris", 1);
  const auto say = [this](absl::Time time, double cores) {
    Do(NodeLoad{NodeId("paris-a"), 1, {{time, MilliCores::FromCores(cores), Bytes::Zero()}}});
  };
  const Node& node = machine_.nodes().at(NodeId("paris-a"));
  say(now_ + absl::Minutes(4), 8);
  EXPECT_EQ(node.foreground.cores, MilliCores::FromCores(8));
  say(now_ + absl::Minutes(15), 1);
  EXPECT_EQ(node.foreground.cores, MilliCores::FromCores(1));
  say(now_ - absl::Minutes(15), 2);
  EXPECT_EQ(node.foreground.cores, MilliCores::FromCores(2));
}

}  // namespace
}  // namespace heliotrope::core
