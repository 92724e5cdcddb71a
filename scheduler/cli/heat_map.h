// Draws the fleet as a heat map: a row per data center under its own local clock, the colour for
// the foreground, digits for planned batch. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/cli/look.h"

namespace heliotrope::cli {

// One block of time; fractions of the row's capacity.
struct HeatCell {
  absl::Time start = {};
  absl::Duration length = {};
  double foreground = 0;
  double headroom = 0;
  double planned = 0;
};

struct HeatRow {
  std::string name = {};
  absl::TimeZone zone = {};
  // Sorted by start.
  std::vector<HeatCell> cells = {};
};

struct HeatMap {
  absl::Time start = {};
  absl::Duration horizon = {};
  std::vector<HeatRow> rows = {};
};

// Lines of text with a legend, each ended. Without colour the foreground shows as shade wherever no
// batch is planned.
std::string DrawHeatMap(const HeatMap& map, const Look& look);

}  // namespace heliotrope::cli
