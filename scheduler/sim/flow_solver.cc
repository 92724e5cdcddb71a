#include "scheduler/sim/flow_solver.h"

#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

#include <cstddef>
#include <vector>

namespace heliotrope::sim {

std::optional<double> LeastCost(const FlowNetwork& network) {
  using Graph = lemon::SmartDigraph;
  Graph graph;
  graph.reserveNode(static_cast<int>(network.supply.size()));
  graph.reserveArc(static_cast<int>(network.arcs.size()));
  std::vector<Graph::Node> nodes;
  nodes.reserve(network.supply.size());
  for (size_t i = 0; i < network.supply.size(); ++i) nodes.push_back(graph.addNode());
  Graph::NodeMap<int64_t> supply(graph);
  for (size_t i = 0; i < nodes.size(); ++i) supply[nodes[i]] = network.supply[i];
  Graph::ArcMap<int64_t> capacity(graph);
  Graph::ArcMap<int64_t> cost(graph);
  for (const FlowArc& one : network.arcs) {
    const Graph::Arc arc =
        graph.addArc(nodes[static_cast<size_t>(one.from)], nodes[static_cast<size_t>(one.to)]);
    capacity[arc] = one.capacity;
    cost[arc] = one.cost;
  }
  using Simplex = lemon::NetworkSimplex<Graph, int64_t, int64_t>;
  Simplex simplex(graph);
  simplex.upperMap(capacity).costMap(cost).supplyMap(supply);
  if (simplex.run() != Simplex::OPTIMAL) return std::nullopt;
  return simplex.totalCost<double>();
}

}  // namespace heliotrope::sim
