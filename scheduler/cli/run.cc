#include "scheduler/cli/run.h"

#include <algorithm>
#include <optional>

#include "scheduler/cli/command_tree.h"
#include "scheduler/cli/context.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/nouns.h"

namespace heliotrope::cli {
namespace {

Outcome Act(const CommandTree& tree, Context& context) {
  if (!context.after_dashes().empty() && !tree.ChosenTakesCommand()) {
    return Misuse("only `job submit` takes a command after --");
  }
  return tree.Chosen()(context);
}

}  // namespace

int Run(const std::vector<std::string>& args, Console& console) {
  // What stands behind `--` is a job's own command line and none of the parser's business.
  const auto dashes = std::find(args.begin(), args.end(), "--");
  const std::vector<std::string> ours(args.begin(), dashes);
  std::vector<std::string> command;
  if (dashes != args.end()) command.assign(dashes + 1, args.end());

  GlobalFlags flags;
  CommandTree tree(flags);
  AddAll(tree);
  const std::optional<Exit> done = tree.Parse(ours, console);
  if (done.has_value()) return static_cast<int>(*done);

  Context context(console, flags, std::move(command));
  const Outcome outcome = Act(tree, context);
  if (outcome.ok()) return static_cast<int>(*outcome);
  console.err << FailureText(outcome.status()) << std::flush;
  return static_cast<int>(IsMisuse(outcome.status()) ? Exit::kUsage : Exit::kFailed);
}

}  // namespace heliotrope::cli
