// Draws a load curve in the terminal: what was measured as a line, what is forecast as a line in
// its band, over local civil time. Pure: braille where the terminal has it, ASCII elsewhere.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/cli/look.h"

namespace heliotrope::cli {

// Fractions of the capacity. A measured point has low == middle == high.
struct ChartPoint {
  absl::Time time = {};
  double low = 0;
  double middle = 0;
  double high = 0;
  double p97 = 0;  // Drawn in pictures only.
};

struct Chart {
  // Each sorted by time.
  std::vector<ChartPoint> measured = {};
  std::vector<ChartPoint> forecast = {};
  // What is drawn: [start, end), with a mark at `now`.
  absl::Time start = {};
  absl::Time end = {};
  absl::Time now = {};
  absl::TimeZone zone = {};
  // Lines of the drawing, without its axis.
  int height = 11;
};

// Lines of text, each ended, at most look.width columns (80 when that is 0) wide.
std::string DrawChart(const Chart& chart, const Look& look);

}  // namespace heliotrope::cli
