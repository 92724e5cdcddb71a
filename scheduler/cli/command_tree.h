// The tree of commands: nouns, their verbs with their flags, and what each verb does. Built on
// CLI11, whose errors and help are put into our words here. CLI11 itself stays behind this header:
// it is large, and only command_tree.cc, verb.cc and the completion scripts need to see it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/units.h"
#include "scheduler/cli/context.h"

namespace CLI {  // NOLINT(readability-identifier-naming): that is how CLI11 spells it.
class App;
}

namespace heliotrope::cli {

enum class Need { kRequired, kOptional };

// Bounds of a number, both included.
struct Range {
  int64_t min = 0;
  int64_t max = 0;
};

// Declares the flags and arguments of one verb. What they write to must outlive the parsing;
// optional targets are set only if the flag was given. A value that cannot be is a usage error.
class Verb {
 public:
  explicit Verb(CLI::App& app) : app_(&app) {}

  // A switch. `name` may be two: "-y,--yes".
  void Flag(const std::string& name, bool& target, const std::string& help);
  // Values; `type` is their word in the help. A default that is not empty is shown.
  void Text(const std::string& name, std::string& target, const std::string& type,
            const std::string& help);
  void Text(const std::string& name, std::optional<std::string>& target, const std::string& type,
            const std::string& help);
  // A flag that may be given several times, one value each.
  void Repeated(const std::string& name, std::vector<std::string>& target, const std::string& type,
                const std::string& help);
  void Number(const std::string& name, int& target, const Range& range, const std::string& help);
  void Number(const std::string& name, int64_t& target, const Range& range,
              const std::string& help);
  // Its bounds are the scheduler's business.
  void Number(const std::string& name, std::optional<int>& target, const std::string& help);
  void Real(const std::string& name, double& target, const std::string& help);
  // Above zero.
  void Duration(const std::string& name, std::optional<absl::Duration>& target,
                const std::string& help);
  void Size(const std::string& name, std::optional<Bytes>& target, const std::string& help);
  void Cores(const std::string& name, std::optional<MilliCores>& target, const std::string& help);

  // What stands without a flag, in the order of declaration.
  void Argument(const std::string& name, std::string& target, Need need, const std::string& help);
  void Arguments(const std::string& name, std::vector<std::string>& target, Need need,
                 const std::string& help);

  // The flag must be given. REQUIRES: declared.
  void Require(const std::string& name);

  CLI::App& app() const { return *app_; }

 private:
  CLI::App* app_;
};

struct Noun {
  CLI::App* app = nullptr;
};

// What completion offers for a positional argument: "job", "node", "datacenter", "region", or
// "" for nothing of ours.
using ValueKind = std::string;

struct VerbText {
  std::string name;
  // One line.
  std::string summary;
  // Command lines, shown first in the help.
  std::vector<std::string> examples;
  // What the verb's positional argument is, for completion.
  ValueKind completes;
};

class CommandTree {
 public:
  using Action = std::function<Outcome(Context&)>;

  // The global flags write to `flags`, which must outlive the tree.
  explicit CommandTree(GlobalFlags& flags);
  ~CommandTree();
  CommandTree(const CommandTree&) = delete;
  CommandTree& operator=(const CommandTree&) = delete;

  Noun AddNoun(const std::string& name, const std::string& summary);
  Verb AddVerb(Noun noun, VerbText text, Action action);
  // A noun that is a whole command, such as `version`. Without a summary it is hidden.
  Verb AddCommand(VerbText text, Action action);
  // Lets a verb take a command behind `--`.
  void LetTakeCommand(const Verb& verb);

  // Parses the command line, without what stands behind `--`. Nullopt: run Chosen(). Otherwise the
  // exit code, help or error having been written.
  std::optional<Exit> Parse(const std::vector<std::string>& args, Console& console);
  // The action of the verb that was parsed. REQUIRES: Parse returned nullopt.
  const Action& Chosen() const;
  // Whether that verb takes a command behind `--`.
  bool ChosenTakesCommand() const;

  const CLI::App& root() const;
  ValueKind CompletionOf(const CLI::App& verb) const;

 private:
  struct Parts;
  Verb Prepare(CLI::App& command, VerbText text, Action action);

  std::unique_ptr<Parts> parts_;
};

// What is wrong with the command line in our words, with the nearest known word; "" if nothing is
// found. Pure.
std::string Diagnose(const CLI::App& root, const std::vector<std::string>& args);

}  // namespace heliotrope::cli
