// The grid of blocks.
#include <algorithm>

#include "scheduler/plan/plan.h"

namespace heliotrope::plan {
namespace {

struct Run {
  int count;
  absl::Duration length;
};

// Fine where it will be acted upon, coarse where the forecast is.
constexpr Run kRuns[] = {
    {24, absl::Minutes(5)}, {40, absl::Minutes(15)}, {36, absl::Hours(1)}, {40, absl::Hours(3)}};

}  // namespace

std::vector<Block> MakeGrid(absl::Time now) {
  constexpr absl::Duration kMark = absl::Minutes(5);
  const absl::Duration since_epoch = now - absl::UnixEpoch();
  absl::Time start = absl::UnixEpoch() + absl::Floor(since_epoch, kMark);
  std::vector<Block> grid;
  for (const Run& run : kRuns) {
    for (int i = 0; i < run.count; ++i) {
      grid.push_back({.start = start, .length = run.length});
      start += run.length;
    }
  }
  return grid;
}

size_t BlockIndex(const std::vector<Block>& grid, absl::Time time) {
  const auto after =
      std::upper_bound(grid.begin(), grid.end(), time,
                       [](absl::Time t, const Block& block) { return t < block.start; });
  if (after == grid.begin()) return 0;
  const auto holds = std::prev(after);
  if (time >= holds->start + holds->length) return grid.size();
  return static_cast<size_t>(holds - grid.begin());
}

}  // namespace heliotrope::plan
