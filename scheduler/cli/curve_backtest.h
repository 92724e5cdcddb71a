// heliotrope curve backtest: the forecaster over a recorded series, without a scheduler.
#pragma once

#include "scheduler/cli/command_tree.h"

namespace heliotrope::cli {

void AddCurveBacktest(CommandTree& tree, Noun noun);

}  // namespace heliotrope::cli
