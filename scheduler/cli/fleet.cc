#include "scheduler/cli/fleet.h"

#include "scheduler/cli/pages.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {

absl::StatusOr<v1::ListDataCentersResponse> ListDataCenters(Client& scheduler) {
  return ListAll(
      scheduler, &v1::FleetService::Stub::ListDataCenters, v1::ListDataCentersRequest(),
      +[](const v1::ListDataCentersResponse& r) { return r.data_centers_size(); });
}

absl::StatusOr<absl::Time> SchedulerNow(Client& scheduler) {
  HT_ASSIGN_OR_RETURN(
      const v1::Scheduler state,
      scheduler.Read(&v1::FleetService::Stub::GetScheduler, v1::GetSchedulerRequest()));
  return TimeOf(state.now());
}

}  // namespace heliotrope::cli
