// What the greedy policy knows of the hours ahead: prices and room in each data center, less what
// it has given away. It reads curves and known prices, never the truth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "scheduler/curve/forecaster.h"
#include "scheduler/sim/world.h"

namespace heliotrope::sim {

// An hour in a data center; hours count from the world's start.
struct Cell {
  int64_t hour = 0;
  size_t place = 0;
};

// What a job asks of the hours ahead.
struct Ask {
  uint64_t allowed = 0;
  double cpus = 0;
  Seconds need = 0;    // Running time, with a margin.
  Seconds before = 0;  // When it must have been given.
};

class GreedyLedger {
 public:
  explicit GreedyLedger(const World& world);

  // The load of the bin that has ended at `now`.
  void Learn(Seconds now);
  // Looks ahead anew from a whole hour; nothing is given away.
  void Begin(Seconds now);

  // The cheapest unbroken stretch from `now` on, taken; its first cell. Nothing if there is none.
  std::optional<Cell> TakeStretch(const Ask& ask, Seconds now);
  // The cheapest hours, each wherever it is cheapest; `at` is where the job is, and it stays there
  // unless another place is clearly cheaper. Empty if there are too few.
  std::vector<Cell> TakeHours(const Ask& ask, std::optional<size_t> at, Seconds now);
  // What runs until `until` whatever happens.
  void TakeRunning(size_t place, double cpus, Seconds now, Seconds until);

 private:
  struct Hour {
    double price = 0;
    double sure = 0;    // Room by a high quantile of the load: for what cannot be stopped.
    double likely = 0;  // Room by a middling one: for what can.
  };

  size_t IndexOf(Seconds time) const { return static_cast<size_t>(time / kHour - first_hour_); }
  void Take(const Cell& cell, double cpus);

  const World& world_;
  std::vector<curve::Forecaster> curves_;
  std::vector<std::vector<Hour>> hours_;  // [place][hour from first_hour_].
  int64_t first_hour_ = 0;
};

}  // namespace heliotrope::sim
