// The policies that a world is simulated under, and what each run is told.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "scheduler/sim/journal.h"
#include "scheduler/sim/world.h"

namespace heliotrope::sim {

enum class Policy : unsigned char {
  kHeliotrope,
  kHome,
  kLeastLoaded,
  kCheapestNow,
  kNightWindow,
  kGreedy,
};

// What the scheduler is told of the load to come.
enum class Forecast : unsigned char {
  kLearned,   // Its own curves: the product.
  kTruth,     // The load as it will be, in every quantile.
  kConstant,  // The mean of the history, always.
  kInverted,  // High when it will be low.
  kShifted,   // Twelve hours late.
};

struct Options {
  Policy policy = Policy::kHeliotrope;
  Forecast forecast = Forecast::kLearned;
  int days = 400;  // Of arrivals; what has arrived is run to its end.
  uint64_t seed = 1;
  // Told now and then how much of the calendar is done, 0 to 1.
  std::function<void(double)> progress;
};

std::vector<std::string> PolicyNames();
absl::StatusOr<Policy> ParsePolicy(absl::string_view name);
std::string PolicyName(Policy policy);
std::vector<std::string> ForecastNames();
absl::StatusOr<Forecast> ParseForecast(absl::string_view name);

// Runs the world under a policy. Deterministic: same world and options, same journal.
Journal Simulate(const World& world, const Options& options);

}  // namespace heliotrope::sim
