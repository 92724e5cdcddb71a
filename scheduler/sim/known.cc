#include "scheduler/sim/known.h"

#include <algorithm>

namespace heliotrope::sim {
namespace {

constexpr absl::Duration kPricesAhead = absl::Hours(24);
constexpr absl::Duration kPricesBehind = absl::Hours(24 * 28);

}  // namespace

std::vector<std::pair<absl::Time, double>> KnownPrices(const World& world, size_t data_center,
                                                       Seconds now) {
  const auto& signal = world.data_centers[data_center].signal;
  const auto before = [](const std::pair<absl::Time, double>& one, absl::Time time) {
    return one.first < time;
  };
  const absl::Time time = world.At(now);
  return {std::lower_bound(signal.begin(), signal.end(), time - kPricesBehind, before),
          std::lower_bound(signal.begin(), signal.end(), time + kPricesAhead, before)};
}

}  // namespace heliotrope::sim
