// heliotrope job submit|get|list|watch|wait|logs|output|cancel|explain
#include "scheduler/cli/job.h"

#include "scheduler/cli/nouns.h"

namespace heliotrope::cli {

void AddJob(CommandTree& tree) {
  const Noun noun = tree.AddNoun("job", "batch work: submit it, follow it, read what it wrote");
  AddJobSubmit(tree, noun);
  AddJobGet(tree, noun);
  AddJobList(tree, noun);
  AddJobWatch(tree, noun);
  AddJobWait(tree, noun);
  AddJobLogs(tree, noun);
  AddJobOutput(tree, noun);
  AddJobCancel(tree, noun);
  AddJobExplain(tree, noun);
}

}  // namespace heliotrope::cli
