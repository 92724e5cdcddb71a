// Whether a start of this moment is sound, by what is measured and by what is forecast.
#include <algorithm>

#include "scheduler/base/check.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {
namespace {

// So far ahead a forecast is held to its high quantile; beyond it what is likely is enough, since
// what can leave will.
constexpr absl::Duration kSharp = absl::Hours(2);

// The headroom of now and of the blocks that the task must last for.
bool HeadroomLasts(const Input& input, const Class& task_class, const Site& site,
                   MilliCores granted) {
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
    const bool sharp = start < input.now + kSharp;
    const MilliCores room =
        sharp ? site.headroom[block] : std::max(site.headroom[block], site.likely[block]);
    if (held + granted + task_class.request.cores > room) return false;
  }
  return true;
}

}  // namespace

bool FitsNow(const Input& input, const Class& task_class, size_t index, Mode mode,
             const model::Resources& granted) {
  HT_CHECK_LT(index, input.sites.size());
  const Site& site = input.sites[index];
  // Promise 6, whatever a plan says.
  if ((task_class.allowed >> index & 1) == 0) return false;
  if (!task_class.request.FitsIn(site.largest_task)) return false;
  const MilliCores used = site.foreground_now + site.batch_now + task_class.request.cores;
  const Bytes memory = site.foreground_memory + site.batch_memory + task_class.request.memory;
  switch (mode) {
    case Mode::kNever:
      return false;
    case Mode::kMustRun:
      return used <= site.capacity && memory <= site.memory;
    case Mode::kAsSoonAsPossible:
    case Mode::kDeferred:
      return used + granted.cores <= site.capacity.ScaledBy(site.target_utilization) &&
             memory + granted.memory <= site.memory &&
             HeadroomLasts(input, task_class, site, granted.cores);
  }
  return false;
}

}  // namespace heliotrope::plan
