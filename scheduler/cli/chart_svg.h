// A load curve as a picture for a report. Pure: the script that draws it, see gnuplot.h.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/cli/chart.h"

namespace heliotrope::cli {

// Measured load, the forecast's median, its band and its p97, over local civil time.
std::string ChartScript(const Chart& chart, absl::string_view title);

// The arguments of `set xtics ()`: marks of the local day in Unix seconds, every 1, 3, 6 or 24
// hours, as few as leave room for their labels.
std::string LocalMarks(absl::Time start, absl::Time end, absl::TimeZone zone);

}  // namespace heliotrope::cli
