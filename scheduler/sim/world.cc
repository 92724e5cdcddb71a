#include "scheduler/sim/world.h"

#include <algorithm>

namespace heliotrope::sim {

double World::SpareAt(size_t data_center, Seconds time) const {
  return std::max(0.0, target_utilization - LoadAt(data_center, time)) *
         static_cast<double>(data_centers[data_center].cores());
}

std::vector<size_t> ArrivalOrder(const World& world, int days) {
  std::vector<size_t> rows;
  for (size_t row = 0; row < world.jobs.size(); ++row) {
    if (world.jobs[row].submit < days * kDay) rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [&](size_t a, size_t b) { return world.jobs[a].submit < world.jobs[b].submit; });
  return rows;
}

Seconds RestoreTime(const Job& job, bool carried) {
  if (!carried) return kRestoreTime;
  return kRestoreTime +
         (job.checkpoint_mb + kCarryMegabytesPerSecond - 1) / kCarryMegabytesPerSecond;
}

}  // namespace heliotrope::sim
