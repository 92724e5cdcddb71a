#include "scheduler/cli/nouns.h"

namespace heliotrope::cli {

void AddAll(CommandTree& tree) {
  AddJob(tree);
  AddNode(tree);
  AddRegion(tree);
  AddDataCenter(tree);
  AddAccount(tree);
  AddCurve(tree);
  AddPlan(tree);
  AddDecision(tree);
  AddSimulate(tree);
  AddVersion(tree);
  AddCompletion(tree);
}

}  // namespace heliotrope::cli
