// What several verbs ask of the fleet.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "scheduler/cli/client.h"

namespace heliotrope::cli {

absl::StatusOr<v1::ListDataCentersResponse> ListDataCenters(Client& scheduler);

// The scheduler's clock: what deadlines are in.
absl::StatusOr<absl::Time> SchedulerNow(Client& scheduler);

}  // namespace heliotrope::cli
