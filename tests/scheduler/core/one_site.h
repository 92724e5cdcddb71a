// A core of one data center without history, where batch may use 16 of 20 cores, for tests of what
// is dispatched by a plan that they draw by hand.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

class OneSiteTest : public testing::Test {
 protected:
  static constexpr absl::Duration kLease = absl::Hours(24 * 365);

  OneSiteTest() : machine_(std::make_unique<Machine>(Options(), OneSite())) {
    Hello();
    Plan(plan::Compute(machine_->PlanInput()));
  }

  static MachineOptions Options() {
    return {.lease_real = kLease, .lease = kLease, .lease_margin = kLease, .outlook = {}};
  }

  static FleetConfig OneSite() {
    FleetConfig fleet;
    model::DataCenter dubai;
    dubai.id = DataCenterId("dubai");
    dubai.time_zone = absl::UTCTimeZone();
    dubai.jurisdiction = JurisdictionCode("AE");
    fleet.data_centers = {dubai};
    fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
    return fleet;
  }

  void Hello() {
    NodeHello hello;
    hello.node = NodeId("dubai-a");
    hello.session = ++session_;
    hello.instance = "dubai-a";
    hello.version = "0.1.0";
    hello.data_center = DataCenterId("dubai");
    hello.jurisdiction = JurisdictionCode("AE");
    hello.capacity = {MilliCores::FromCores(20), Bytes::FromGiB(64)};
    hello.address = "127.0.0.1:1";
    ASSERT_TRUE(Apply(hello).status.ok());
  }

  // Without a Tick: nothing is dispatched yet.
  Reply Take(const Command& command) { return machine_->Apply(command, now_).reply; }
  Reply Apply(const Command& command) {
    Reply reply = Take(command);
    Take(Tick{});
    return reply;
  }
  void Plan(plan::Plan made) {
    made.basis = machine_->PlanInput().basis;
    Apply(AdoptPlan{std::make_shared<const plan::Plan>(std::move(made))});
    machine_->PrepareToRead();
  }
  void Replan() { Plan(plan::Compute(machine_->PlanInput())); }

  // Tasks of one core an hour unless told otherwise, by `account`.
  struct Shape {
    double cores = 1;
    uint32_t count = 1;
    std::string account = "acme";
    absl::Time deadline = absl::InfiniteFuture();
    bool checkpoint = true;
    Bytes memory = Bytes::FromGiB(1);
  };
  static SubmitJob AJob(const std::string& id, const Shape& shape) {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"true"};
    spec->account = AccountId(shape.account);
    spec->residency.any = true;
    spec->request = {MilliCores::FromCores(shape.cores), shape.memory};
    spec->expected_duration = absl::Hours(1);
    spec->count = shape.count;
    spec->deadline = shape.deadline;
    if (shape.checkpoint) spec->checkpoint.emplace();
    SubmitJob submit;
    submit.spec = std::move(spec);
    submit.id = JobId(id);
    return submit;
  }
  void Submit(const std::string& id, const Shape& shape) {
    const absl::Status taken = Take(AJob(id, shape)).status;
    ASSERT_TRUE(taken.ok()) << taken;
  }

  const Job& JobOf(const std::string& id) const { return *machine_->FindJob(JobId(id)); }
  uint32_t Started(const std::string& id) const {
    const TaskCounts& counts = JobOf(id).counts;
    return counts.assigned + counts.running + counts.checkpointing;
  }

  // The live attempt of a task tells how it is or how it ended.
  void Report(const std::string& id, uint32_t index, model::AttemptPhase phase) {
    const Job& job = JobOf(id);
    AttemptStatus status;
    status.key = {TaskId{job.uid, index}, job.tasks[index].attempt};
    status.phase = phase;
    status.start_time = now_;
    Take(NodeReport{NodeId("dubai-a"), session_, {status}, {}});
  }

  std::unique_ptr<Machine> machine_;
  absl::Time now_ = absl::FromUnixSeconds(1'772'409'600);  // 2026-03-02T00:00:00Z.
  uint64_t session_ = 0;
};

}  // namespace heliotrope::core
