// The min-cost flow against a linear program of the same problem, solved by Clp: worlds, whose
// program is written from their jobs and hours and knows nothing of the bound's network; networks
// of any shape; and assignments that may leave work out at a price. All data are integers, so equal
// means equal.
#include "tests/scheduler/sim/linear_program.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "scheduler/base/random.h"
#include "scheduler/sim/bound.h"
#include "scheduler/sim/flow_solver.h"
#include "tests/scheduler/sim/worlds.h"

namespace heliotrope::sim {
namespace {

constexpr int64_t kNoLimit = int64_t{1} << 40;

int64_t Between(Random& random, int64_t least, int64_t most) {
  return least + static_cast<int64_t>(random.Uniform(static_cast<uint64_t>(most - least + 1)));
}

std::optional<int64_t> FlowCost(const FlowNetwork& network) {
  const std::optional<double> cost = LeastCost(network);
  if (!cost) return std::nullopt;
  EXPECT_EQ(*cost, std::round(*cost));
  return std::llround(*cost);
}

// How the samples of a shape came out: a shape that never fits, or that fits without thinking,
// tests less than it says.
struct Tally {
  int fits = 0;
  int does_not = 0;

  void Count(const std::optional<int64_t>& cost) { ++(cost ? fits : does_not); }
};

// --- Worlds ---

// Loads and the target are eighths of cores that are a multiple of eight, so that what is spare is
// whole cores; a load above the target leaves nothing.
constexpr double kTarget = 0.75;
constexpr int64_t kSpareEighths = 6;

struct WorldShape {
  int places = 1;
  int hours = 24;
  int jobs = 1;
  int most_load_eighths = 7;  // The least is 0.
  int most_price = 100;       // USD per MWh; 0: no price differs from any other.
  int longest_hours = 6;      // Of a job's work.
  int days = 400;             // Of whose jobs the bound is.
};

// Loads by their bins, in eighths: what the program counts with. [place][bin].
using Eighths = std::vector<std::vector<int64_t>>;

Job AJob(Random& random, const WorldShape& shape, size_t residencies) {
  Job job;
  job.submit = Between(random, 0, shape.hours * kHour - kHour);
  job.duration = Between(random, 1, shape.longest_hours * kHour);
  job.cpus = static_cast<int>(Between(random, 1, 8));
  // Some are due at once, which an hour rounds up; some after the world's end.
  job.deadline = job.submit + job.duration + Between(random, 1, shape.hours * kHour);
  if (random.Chance(0.1)) {
    job.duration = Between(random, 1, 900);
    job.deadline = job.submit + 1;
  }
  job.residency = random.Uniform(residencies);
  return job;
}

World AWorld(Random& random, const WorldShape& shape, Eighths& loads) {
  World world = TwoPlaces();
  const DataCenter place = world.data_centers.front();
  world.horizon = shape.hours * kHour;
  world.target_utilization = kTarget;
  world.data_centers.assign(static_cast<size_t>(shape.places), place);
  loads.assign(world.data_centers.size(), {});
  for (size_t i = 0; i < world.data_centers.size(); ++i) {
    DataCenter& one = world.data_centers[i];
    one.nodes = static_cast<int>(Between(random, 2, 6));
    one.load.clear();
    one.price.clear();
    for (Seconds at = 0; at < world.horizon; at += curve::kBinSeconds) {
      loads[i].push_back(Between(random, 0, shape.most_load_eighths));
      one.load.push_back(static_cast<double>(loads[i].back()) / 8);
    }
    for (int hour = 0; hour < shape.hours; ++hour) {
      // A price below nothing happens on such markets.
      one.price.push_back(
          static_cast<double>(Between(random, -shape.most_price / 5, shape.most_price)));
    }
  }
  world.residencies.clear();
  for (int i = 0; i < 4; ++i) {
    const auto allowed = Between(random, 1, (int64_t{1} << shape.places) - 1);
    world.residencies.push_back({model::Residency(), static_cast<uint64_t>(allowed)});
  }
  for (int i = 0; i < shape.jobs; ++i) {
    world.jobs.push_back(AJob(random, shape, world.residencies.size()));
  }
  return world;
}

// Core-seconds of each job in each hour that is not before its submission nor after its deadline,
// in each place that it may be in. Costs are of a core-second, in USD per MWh.
LinearProgram ProgramOf(const World& world, const Eighths& loads, int days) {
  LinearProgram program;
  const Seconds bins_per_hour = kHour / curve::kBinSeconds;
  std::vector<std::vector<int>> room(loads.size());  // [place][hour].
  for (size_t place = 0; place < loads.size(); ++place) {
    for (Seconds hour = 0; hour < world.horizon / kHour; ++hour) {
      int64_t eighths = 0;
      for (Seconds bin = hour * bins_per_hour; bin < (hour + 1) * bins_per_hour; ++bin) {
        eighths += std::max<int64_t>(0, kSpareEighths - loads[place][static_cast<size_t>(bin)]);
      }
      const int64_t spare = eighths * world.data_centers[place].cores() / 8 * curve::kBinSeconds;
      room[place].push_back(program.AddRow(0, spare));
    }
  }
  for (const Job& job : world.jobs) {
    if (job.submit >= days * kDay) continue;
    const int64_t work = job.cpus * job.duration;
    const int all_of_it = program.AddRow(work, work);
    for (size_t place = 0; place < loads.size(); ++place) {
      if (!world.Allows(job, place)) continue;
      for (size_t hour = 0; hour < room[place].size(); ++hour) {
        const Seconds begin = static_cast<Seconds>(hour) * kHour;
        if (begin + kHour <= job.submit || begin >= job.deadline) continue;
        program.AddColumn(kNoLimit, std::llround(world.data_centers[place].price[hour]),
                          {{all_of_it, 1}, {room[place][hour], 1}});
      }
    }
  }
  return program;
}

TEST(LinearProgramTest, TheBoundOfAWorldIsItsJobsLeastCost) {
  constexpr int64_t kCostScale = 100'000;  // That of BoundNetwork.
  const std::vector<WorldShape> shapes = {
      {.places = 1, .hours = 24, .jobs = 4},
      {.places = 3, .hours = 24, .jobs = 12},
      {.places = 7, .hours = 24, .jobs = 60},
      {.places = 2, .hours = 49, .jobs = 20},  // More hours than a power of two.
      {.places = 3, .hours = 48, .jobs = 40, .days = 1},
      {.places = 3, .hours = 24, .jobs = 12, .most_price = 0},         // Only ties.
      {.places = 3, .hours = 24, .jobs = 12, .most_price = 2},         // Many ties.
      {.places = 4, .hours = 24, .jobs = 8, .most_load_eighths = 60},  // Hardly room.
      {.places = 3, .hours = 24, .jobs = 8, .most_load_eighths = 3, .longest_hours = 2},  // Much.
      {.places = 5, .hours = 1, .jobs = 6, .longest_hours = 1},  // One hour.
  };
  Random random(20260302);
  Tally tally;
  for (size_t shape = 0; shape < shapes.size(); ++shape) {
    for (int sample = 0; sample < 5; ++sample) {
      SCOPED_TRACE(testing::Message() << "shape " << shape << ", sample " << sample);
      Eighths loads;
      const World world = AWorld(random, shapes[shape], loads);
      std::optional<int64_t> want = ProgramOf(world, loads, shapes[shape].days).LeastCost();
      tally.Count(want);
      if (want) *want *= kCostScale;
      EXPECT_EQ(FlowCost(BoundNetwork(world, shapes[shape].days)), want);
    }
  }
  EXPECT_GE(tally.fits, 25);
  EXPECT_GE(tally.does_not, 5);
}

// --- Networks ---

struct NetworkShape {
  int nodes = 5;
  int arcs = 10;
  int most_capacity = 50;  // The least is 0.
  int least_cost = 0;
  int most_cost = 100;
  int most_supply = 20;
};

// Arcs between any two nodes, there and back and more than one of a kind, and a path through all
// nodes that is dear but always enough, unless `tight`.
FlowNetwork ANetwork(Random& random, const NetworkShape& shape, bool tight) {
  FlowNetwork network;
  for (int i = 0; i + 1 < shape.nodes; ++i) {
    const int64_t supply = random.Chance(0.5) ? Between(random, 0, shape.most_supply) : 0;
    network.supply.push_back(supply);
    network.work += supply;
  }
  network.supply.push_back(-network.work);
  for (int i = 0; i < shape.arcs; ++i) {
    const auto from = static_cast<int>(Between(random, 0, shape.nodes - 1));
    const auto to = static_cast<int>(Between(random, 0, shape.nodes - 1));
    if (from == to) continue;
    network.arcs.push_back({from, to, Between(random, 0, shape.most_capacity),
                            Between(random, shape.least_cost, shape.most_cost)});
  }
  for (int i = 0; !tight && i + 1 < shape.nodes; ++i) {
    network.arcs.push_back({i, i + 1, network.work, 10 * int64_t{shape.most_cost} + 1});
  }
  return network;
}

// What leaves a node less what comes in is its supply.
LinearProgram ProgramOf(const FlowNetwork& network) {
  LinearProgram program;
  for (const int64_t supply : network.supply) program.AddRow(supply, supply);
  for (const FlowArc& arc : network.arcs) {
    program.AddColumn(arc.capacity, arc.cost, {{arc.from, 1}, {arc.to, -1}});
  }
  return program;
}

TEST(LinearProgramTest, ANetworksFlowIsItsLeastCost) {
  const std::vector<NetworkShape> shapes = {
      {.nodes = 2, .arcs = 3},
      {.nodes = 6, .arcs = 20},
      {.nodes = 30, .arcs = 200},
      {.nodes = 100, .arcs = 1500, .most_supply = 100},
      {.nodes = 20, .arcs = 100, .most_cost = 0},                     // Ties everywhere.
      {.nodes = 20, .arcs = 100, .most_capacity = 1},                 // Half of the arcs are shut.
      {.nodes = 15, .arcs = 60, .least_cost = -50, .most_cost = 50},  // Circles that pay.
      {.nodes = 15, .arcs = 60, .most_supply = 0},                    // Nothing to send.
  };
  Random random(4);
  Tally tally;
  for (size_t shape = 0; shape < shapes.size(); ++shape) {
    for (int sample = 0; sample < 6; ++sample) {
      SCOPED_TRACE(testing::Message() << "shape " << shape << ", sample " << sample);
      const FlowNetwork network = ANetwork(random, shapes[shape], /*tight=*/sample % 3 == 2);
      const std::optional<int64_t> want = ProgramOf(network).LeastCost();
      tally.Count(want);
      EXPECT_EQ(FlowCost(network), want);
    }
  }
  EXPECT_GE(tally.fits, 30);
  EXPECT_GE(tally.does_not, 5);
}

// --- Work that may be left out ---

// Kinds of work, cells with room, what a unit of a kind costs in a cell, and what leaving one out
// does.
struct Assignment {
  std::vector<int64_t> work;
  std::vector<int64_t> room;
  std::vector<std::vector<std::optional<int64_t>>> cost;  // [kind][cell]; nothing: not allowed.
  int64_t penalty = 0;
};

Assignment AnAssignment(Random& random, int64_t kinds, int64_t cells, int64_t penalty) {
  Assignment made;
  made.penalty = penalty;
  for (int64_t cell = 0; cell < cells; ++cell) {
    made.room.push_back(random.Chance(0.2) ? 0 : Between(random, 1, 60));
  }
  for (int64_t kind = 0; kind < kinds; ++kind) {
    made.work.push_back(Between(random, 0, 100));
    made.cost.emplace_back();
    for (int64_t cell = 0; cell < cells; ++cell) {
      std::optional<int64_t> cost;
      if (random.Chance(0.6)) cost = Between(random, 0, 40);
      made.cost.back().push_back(cost);
    }
  }
  return made;
}

// Kinds to cells to the sink, and from each kind a dear way around the cells.
FlowNetwork NetworkOf(const Assignment& assignment) {
  FlowNetwork network;
  const auto kinds = static_cast<int>(assignment.work.size());
  const auto cells = static_cast<int>(assignment.room.size());
  const int sink = kinds + cells;
  network.supply = assignment.work;
  for (const int64_t work : assignment.work) network.work += work;
  network.supply.insert(network.supply.end(), assignment.room.size(), 0);
  network.supply.push_back(-network.work);
  for (int kind = 0; kind < kinds; ++kind) {
    network.arcs.push_back({kind, sink, network.work, assignment.penalty});
    for (int cell = 0; cell < cells; ++cell) {
      const auto& cost = assignment.cost[static_cast<size_t>(kind)][static_cast<size_t>(cell)];
      if (cost) network.arcs.push_back({kind, kinds + cell, network.work, *cost});
    }
  }
  for (int cell = 0; cell < cells; ++cell) {
    network.arcs.push_back({kinds + cell, sink, assignment.room[static_cast<size_t>(cell)], 0});
  }
  return network;
}

// The same without a way around: all work is paid for as left out, and what is done saves the
// difference.
int64_t LeastCostOf(const Assignment& assignment) {
  LinearProgram program;
  int64_t nothing_done = 0;
  std::vector<int> room;
  for (const int64_t units : assignment.room) room.push_back(program.AddRow(0, units));
  for (size_t kind = 0; kind < assignment.work.size(); ++kind) {
    nothing_done += assignment.penalty * assignment.work[kind];
    const int done = program.AddRow(0, assignment.work[kind]);
    for (size_t cell = 0; cell < room.size(); ++cell) {
      const std::optional<int64_t>& cost = assignment.cost[kind][cell];
      if (!cost) continue;
      program.AddColumn(kNoLimit, *cost - assignment.penalty, {{done, 1}, {room[cell], 1}});
    }
  }
  return nothing_done + program.LeastCost().value();
}

TEST(LinearProgramTest, WorkIsLeftOutWhenThatIsTheLeastCost) {
  Random random(5);
  int some_left_out = 0;
  for (int sample = 0; sample < 24; ++sample) {
    SCOPED_TRACE(testing::Message() << "sample " << sample);
    // With the small penalty it is cheaper to leave work out even where there is room.
    const int64_t penalty = sample % 4 == 0 ? 20 : 1000;
    const Assignment assignment =
        AnAssignment(random, Between(random, 1, 20), Between(random, 1, 30), penalty);
    const FlowNetwork network = NetworkOf(assignment);
    const int64_t want = LeastCostOf(assignment);
    EXPECT_EQ(FlowCost(network), want);
    if (want > 40 * network.work) ++some_left_out;
  }
  EXPECT_GE(some_left_out, 5);
}

}  // namespace
}  // namespace heliotrope::sim
