// Whether a start of this moment is sound, by what is measured and by what is forecast.
#include <algorithm>

#include "scheduler/base/check.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {
namespace {

// The headroom of now and of the blocks that the task must last for.
bool HeadroomLasts(const Input& input, const Class& task_class, const Site& site) {
  const absl::Duration sure = std::min(task_class.remaining, input.settings.minimum_run);
  const absl::Time leaves_after = input.now + sure;
  const absl::Time end =
      task_class.checkpointable ? leaves_after : input.now + task_class.remaining;
  for (size_t block = BlockIndex(input.grid, input.now); block < input.grid.size(); ++block) {
    const absl::Time start = input.grid[block].start;
    if (start >= end) break;
    // What can leave will have left by then if there is no headroom for it.
    const MilliCores held =
        start < leaves_after ? site.batch_now : std::min(site.batch_now, site.pinned_now);
    if (held + task_class.request.cores > site.headroom[block]) return false;
  }
  return true;
}

}  // namespace

bool FitsNow(const Input& input, const Class& task_class, size_t index, Mode mode) {
  HT_CHECK_LT(index, input.sites.size());
  const Site& site = input.sites[index];
  // Promise 6, whatever a plan says.
  if ((task_class.allowed >> index & 1) == 0) return false;
  if (!task_class.request.FitsIn(site.largest_task)) return false;
  const MilliCores used = site.foreground_now + site.batch_now + task_class.request.cores;
  switch (mode) {
    case Mode::kNever:
      return false;
    case Mode::kMustRun:
      return used <= site.capacity;
    case Mode::kAsSoonAsPossible:
    case Mode::kDeferred:
      return used <= site.capacity.ScaledBy(site.target_utilization) &&
             HeadroomLasts(input, task_class, site);
  }
  return false;
}

}  // namespace heliotrope::plan
