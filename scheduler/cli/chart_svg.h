// A load curve as a picture for a report. Pure: the script that draws it, see gnuplot.h.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "scheduler/cli/chart.h"

namespace heliotrope::cli {

// Measured load, the forecast's median, its band and its p97, over local civil time.
std::string ChartScript(const Chart& chart, absl::string_view title);

}  // namespace heliotrope::cli
