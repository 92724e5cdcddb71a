#include "scheduler/sim/bound.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

namespace heliotrope::sim {
namespace {

constexpr double kCostScale = 1e5;

class NetworkBuilder {
 public:
  explicit NetworkBuilder(const World& world)
      : world_(world), hours_(static_cast<int>(world.horizon / kHour)) {
    while (leaves_ < hours_) leaves_ *= 2;
  }

  FlowNetwork Build(int days) {
    std::map<std::tuple<uint64_t, int, int>, int64_t> work;
    for (const size_t row : ArrivalOrder(world_, days)) {
      const Job& job = world_.jobs[row];
      const auto first = static_cast<int>(job.submit / kHour);
      const auto last = static_cast<int>((job.deadline + kHour - 1) / kHour);
      const int64_t amount = job.cpus * job.duration;
      work[{world_.AllowedOf(job), first, std::min(last, hours_)}] += amount;
      network_.work += amount;
    }
    AddCells();
    for (const auto& [key, amount] : work) {
      const auto& [allowed, first, last] = key;
      const int node = AddNode(amount);
      Spread(node, TreeOf(allowed), first, last);
    }
    const int sink = AddNode(-network_.work);
    for (FlowArc& arc : network_.arcs) {
      if (arc.to < 0) arc.to = sink;
    }
    return std::move(network_);
  }

 private:
  int AddNode(int64_t supply) {
    network_.supply.push_back(supply);
    return static_cast<int>(network_.supply.size()) - 1;
  }

  void AddArc(int from, int to) { network_.arcs.push_back({from, to, network_.work, 0}); }

  // Cells towards the sink, which is not known yet.
  void AddCells() {
    cells_.resize(world_.data_centers.size());
    for (size_t place = 0; place < cells_.size(); ++place) {
      for (int hour = 0; hour < hours_; ++hour) {
        double spare = 0;
        for (Seconds at = hour * kHour; at < (hour + 1) * kHour; at += curve::kBinSeconds) {
          spare += world_.SpareAt(place, at) * curve::kBinSeconds;
        }
        const int cell = AddNode(0);
        cells_[place].push_back(cell);
        const auto cost =
            static_cast<int64_t>(std::llround(world_.PriceAt(place, hour * kHour) * kCostScale));
        network_.arcs.push_back({cell, -1, static_cast<int64_t>(std::ceil(spare)), cost});
      }
    }
  }

  // A binary tree over the hours for work of one residency: any stretch is a few of its nodes, so
  // that the arcs are as many as jobs times the logarithm of the hours. Returns node 1 of it, whose
  // children are 2 and 3 and so on; the leaves lead to the cells.
  int TreeOf(uint64_t allowed) {
    const auto known = trees_.find(allowed);
    if (known != trees_.end()) return known->second;
    const int base = static_cast<int>(network_.supply.size());
    for (int i = 0; i < 2 * leaves_; ++i) AddNode(0);
    for (int i = 2; i < 2 * leaves_; ++i) AddArc(base + i / 2, base + i);
    for (int hour = 0; hour < hours_; ++hour) {
      for (size_t place = 0; place < cells_.size(); ++place) {
        if ((allowed >> place & 1) == 0) continue;
        AddArc(base + leaves_ + hour, cells_[place][static_cast<size_t>(hour)]);
      }
    }
    return trees_.emplace(allowed, base).first->second;
  }

  // Arcs to the tree nodes that make up the hours [first, last).
  void Spread(int node, int base, int first, int last) {
    int low = first + leaves_;
    int high = last + leaves_;
    for (; low < high; low /= 2, high /= 2) {
      if (low % 2 == 1) AddArc(node, base + low++);
      if (high % 2 == 1) AddArc(node, base + --high);
    }
  }

  const World& world_;
  int hours_;
  int leaves_ = 1;
  FlowNetwork network_;
  std::vector<std::vector<int>> cells_;  // [place][hour].
  std::map<uint64_t, int> trees_;
};

}  // namespace

FlowNetwork BoundNetwork(const World& world, int days) { return NetworkBuilder(world).Build(days); }

std::optional<double> BoundPrice(const World& world, int days) {
  const FlowNetwork network = BoundNetwork(world, days);
  if (network.work == 0) return 0.0;
  const std::optional<double> cost = LeastCost(network);
  if (!cost) return std::nullopt;
  return *cost / kCostScale / static_cast<double>(network.work);
}

}  // namespace heliotrope::sim
