// Min-cost flow by LEMON's network simplex, which only one file sees: its headers are
// C++17, and so is this one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace heliotrope::sim {

struct FlowArc {
  int from = 0;
  int to = 0;
  int64_t capacity = 0;
  int64_t cost = 0;  // Of one unit.
};
struct FlowNetwork {
  std::vector<int64_t> supply;  // By node; the last one takes what the others give.
  std::vector<FlowArc> arcs;
  int64_t work = 0;  // All supply.
};

// The least cost of sending all supply to the last node. Nothing if it cannot all be sent.
std::optional<double> LeastCost(const FlowNetwork& network);

}  // namespace heliotrope::sim
