// The nouns of the command: each adds itself with its verbs to the tree.
#pragma once

#include "scheduler/cli/command_tree.h"

namespace heliotrope::cli {

void AddJob(CommandTree& tree);
void AddNode(CommandTree& tree);
void AddRegion(CommandTree& tree);
void AddAccount(CommandTree& tree);
void AddDataCenter(CommandTree& tree);
void AddCurve(CommandTree& tree);
void AddPlan(CommandTree& tree);
void AddDecision(CommandTree& tree);
void AddSimulate(CommandTree& tree);
void AddVersion(CommandTree& tree);
void AddCompletion(CommandTree& tree);

// The whole tree, in the order of the help.
void AddAll(CommandTree& tree);

}  // namespace heliotrope::cli
