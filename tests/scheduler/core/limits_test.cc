// The bounds that the core itself keeps.
#include <gtest/gtest.h>

#include "scheduler/base/errors.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

TEST(LimitsTest, NoMoreTasksMayWaitThanTheLimit) {
  FleetConfig fleet;
  model::DataCenter dubai;
  dubai.id = DataCenterId("dubai");
  dubai.time_zone = absl::UTCTimeZone();
  dubai.jurisdiction = JurisdictionCode("AE");
  fleet.data_centers = {dubai};
  fleet.jurisdictions = model::JurisdictionTable({}, {dubai.jurisdiction});
  MachineOptions options;
  options.max_pending_tasks = 10;
  Machine machine(options, fleet);
  const auto submit = [&](const char* id, uint32_t count) {
    model::JobSpec spec;
    spec.command = {"true"};
    spec.account = AccountId("default");
    spec.count = count;
    spec.residency.any = true;
    SubmitJob command;
    command.spec = std::make_shared<model::JobSpec>(spec);
    command.id = JobId(id);
    return machine.Apply(command, absl::UnixEpoch()).reply.status;
  };
  EXPECT_TRUE(submit("seven", 7).ok());
  const absl::Status refused = submit("four", 4);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GetReason(refused), "TOO_MANY_TASKS");
  EXPECT_TRUE(submit("three", 3).ok());
}

}  // namespace
}  // namespace heliotrope::core
