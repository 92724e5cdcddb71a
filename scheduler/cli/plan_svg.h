// The fleet's next days as a picture for a report. Pure: the script that draws it, see gnuplot.h.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "scheduler/cli/heat_map.h"

namespace heliotrope::cli {

// A panel per data center over its local civil time: foreground, batch and spare on each other in
// per cent of its cores, its target, and its price on an axis that all panels share.
std::string PlanScript(const HeatMap& map, absl::string_view title);

}  // namespace heliotrope::cli
