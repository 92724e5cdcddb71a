#include "agent/core/yield.h"

#include <algorithm>
#include <numeric>

namespace heliotrope::agent {
namespace {

// Indices, oldest first.
std::vector<size_t> ByAge(const std::vector<YieldCandidate>& candidates) {
  std::vector<size_t> indices(candidates.size());
  std::iota(indices.begin(), indices.end(), size_t{0});
  std::sort(indices.begin(), indices.end(),
            [&](size_t a, size_t b) { return candidates[a].order < candidates[b].order; });
  return indices;
}

MilliCores Promised(const std::vector<YieldCandidate>& candidates) {
  MilliCores sum;
  for (const YieldCandidate& candidate : candidates) {
    if (!candidate.frozen) sum += candidate.cores;
  }
  return sum;
}

}  // namespace

YieldDecision DecideYield(const NodeSpec& node, const LoadSample& sample,
                          const std::vector<YieldCandidate>& candidates) {
  const YieldRules& rules = node.yield;
  const MilliCores freeze_above = node.cores.ScaledBy(rules.freeze_above);
  const MilliCores thaw_below = node.cores.ScaledBy(rules.thaw_below);
  const MilliCores slack = node.cores - freeze_above;
  const MilliCores promised = Promised(candidates);
  MilliCores batch = sample.batch.has_value() ? std::min(*sample.batch, promised) : promised;

  const bool foreground_is_there = sample.foreground > slack;
  const double pressure_limit = rules.freeze_above_pressure_percent;
  const bool pressed =
      foreground_is_there && pressure_limit > 0 && sample.pressure_percent > pressure_limit;
  const bool crowded = foreground_is_there && sample.foreground + batch > freeze_above;

  YieldDecision decision;
  const std::vector<size_t> by_age = ByAge(candidates);
  if (pressed || crowded) {
    for (auto it = by_age.rbegin(); it != by_age.rend(); ++it) {
      if (!pressed && sample.foreground + batch <= freeze_above) break;
      if (candidates[*it].frozen) continue;
      decision.freeze.push_back(*it);
      batch -= std::min(batch, candidates[*it].cores);
    }
    return decision;
  }
  const bool pressure_over =
      pressure_limit <= 0 || sample.pressure_percent * 6 < pressure_limit * 5;
  const bool foreground_gone = sample.foreground + sample.foreground <= slack;
  for (const size_t index : by_age) {
    if (!candidates[index].frozen || !pressure_over) continue;
    const MilliCores then = sample.foreground + batch + candidates[index].cores;
    if (!foreground_gone && then > thaw_below) continue;
    decision.thaw.push_back(index);
    break;
  }
  return decision;
}

}  // namespace heliotrope::agent
