// One history from one seed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/sim/marks.h"
#include "tests/sim/promises.h"
#include "tests/sim/settings.h"
#include "tests/sim/trace.h"

namespace heliotrope::faultsim {

struct Result {
  std::optional<Broken> broken;
  uint64_t hash = 0;
  uint64_t steps = 0;
  absl::Duration length;  // Simulated.
  size_t jobs = 0;
  size_t attempts = 0;
  std::array<uint64_t, kFaultCount> faults{};
  uint64_t step_crashes = 0;
  MarkSet marks;                     // Those that it reached.
  std::vector<std::string> history;  // The newest lines, if text was asked for.
};

Result RunHistory(const Settings& settings, const Trace::Options& tracing = {});

}  // namespace heliotrope::faultsim
