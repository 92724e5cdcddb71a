#include "scheduler/curve/bin_accumulator.h"

#include <algorithm>
#include <cstddef>

namespace heliotrope::curve {
namespace {

constexpr size_t kMaxOpenBins = kSlotsPerDay;

}  // namespace

BinAccumulator::Outcome BinAccumulator::Judge(const NodeSample& sample, int64_t bin) const {
  const bool infinite =
      sample.time == absl::InfinitePast() || sample.time == absl::InfiniteFuture();
  if (infinite || sample.node.empty() || sample.foreground < MilliCores::Zero() ||
      sample.capacity <= MilliCores::Zero()) {
    return Outcome::kRefused;
  }
  if (bin <= closed_through_) return Outcome::kLate;
  const bool clock_known = last_close_ != absl::InfinitePast();
  if (clock_known && sample.time > last_close_ + options_.max_ahead) return Outcome::kAhead;
  if (!open_.contains(bin) && open_.size() >= kMaxOpenBins) return Outcome::kAhead;
  return Outcome::kTaken;
}

BinAccumulator::Outcome BinAccumulator::Add(const NodeSample& sample) {
  const int64_t bin = BinIndex(sample.time);
  const Outcome outcome = Judge(sample, bin);
  if (outcome != Outcome::kTaken) {
    ++dropped_;
    return outcome;
  }
  Sums& sums = open_[bin][sample.node];
  sums.foreground += sample.foreground;
  sums.capacity += sample.capacity;
  ++sums.samples;
  return outcome;
}

std::vector<Bin> BinAccumulator::Close(absl::Time now) {
  last_close_ = std::max(last_close_, now);
  const int64_t through = BinIndex(last_close_ - options_.allowance) - 1;
  std::vector<Bin> bins;
  while (!open_.empty() && open_.begin()->first <= through) {
    const auto& [bin, nodes] = *open_.begin();
    double foreground = 0;
    double capacity = 0;
    for (const auto& [node, sums] : nodes) {
      const double samples = static_cast<double>(sums.samples);
      foreground += sums.foreground.cores() / samples;
      capacity += sums.capacity.cores() / samples;
    }
    bins.push_back({BinStart(bin), foreground / capacity});
    open_.erase(open_.begin());
  }
  closed_through_ = std::max(closed_through_, through);
  return bins;
}

}  // namespace heliotrope::curve
