// Completion for shells, made from the tree of commands, so that it never lags behind it. Names of
// jobs and the like are asked of the scheduler when needed, by `heliotrope __complete NOUN`. Pure.
#pragma once

#include <string>

#include "scheduler/cli/command_tree.h"

namespace heliotrope::cli {

std::string BashCompletion(const CommandTree& tree);
std::string ZshCompletion(const CommandTree& tree);

}  // namespace heliotrope::cli
