// Draws the fleet's next days as a heat map: four lines per data center under its own local clock:
// the foreground, the batch that is planned, what is spare, and the price. Pure.
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
  double price = 0;  // Of a core-hour, in the map's unit.

  double spare() const { return headroom > planned ? headroom - planned : 0; }
};

struct HeatRow {
  std::string name = {};
  absl::TimeZone zone = {};
  double target = 1;  // What foreground and batch together should not exceed.
  // Sorted by start.
  std::vector<HeatCell> cells = {};
};

struct HeatMap {
  absl::Time start = {};
  absl::Duration horizon = {};
  std::vector<HeatRow> rows = {};
  std::string price_unit = {};  // As it is shown: "USD per MWh".
};

// Of all prices of the map; both 0 if there are none.
struct PriceRange {
  double least = 0;
  double most = 0;
};
PriceRange PricesOf(const HeatMap& map);

// Lines of text with a legend, each ended.
std::string DrawHeatMap(const HeatMap& map, const Look& look);

}  // namespace heliotrope::cli
