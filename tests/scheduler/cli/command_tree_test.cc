// What the command line says when it is wrong, and its help.
#include "scheduler/cli/command_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "scheduler/cli/nouns.h"

namespace heliotrope::cli {
namespace {

using testing::HasSubstr;

struct Tree {
  Tree() { AddAll(tree); }
  GlobalFlags flags;
  CommandTree tree{flags};
};

std::vector<std::string> Words(const std::string& line) {
  return absl::StrSplit(line, ' ', absl::SkipEmpty());
}

TEST(DiagnoseTest, NamesTheNearestWord) {
  struct Case {
    const char* line;
    const char* want;
  };
  const Case cases[] = {
      {"jbo list", "unknown command \"jbo\"; did you mean \"job\"?"},
      {"job lst", "unknown verb \"lst\" of job; did you mean \"list\"?"},
      {"job list --lmit 3", "unknown flag --lmit; did you mean \"--limit\"?"},
      {"job list --adress x", "unknown flag --adress; did you mean \"--address\"?"},
      {"job submit --chekpoint", "unknown flag --chekpoint; did you mean \"--checkpoint\"?"},
      {"--json job lits", "unknown verb \"lits\" of job; did you mean \"list\"?"},
      {"--address here:1 nod list", "unknown command \"nod\"; did you mean \"node\"?"},
      {"--address=here:1 nod list", "unknown command \"nod\"; did you mean \"node\"?"},
      {"region frobnicate", "unknown verb \"frobnicate\" of region; there is list"},
      {"curve", "curve needs a verb: show, import, arrivals, backtest"},
      {"job list -q", "unknown flag -q"},
      {"job submit --priority -5", ""},
      {"job list --limit 3", ""},
  };
  const Tree tree;
  for (const Case& c : cases) {
    EXPECT_EQ(Diagnose(tree.tree.root(), Words(c.line)), c.want) << c.line;
  }
}

TEST(DiagnoseTest, HiddenCommandsAreNotOffered) {
  const Tree tree;
  EXPECT_THAT(Diagnose(tree.tree.root(), {}), testing::Not(HasSubstr("__complete")));
}

struct Parsed {
  std::optional<Exit> exit;
  std::string out;
  std::string err;
};

Parsed Parse(Tree& tree, const std::string& line) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Console console{.in = in, .out = out, .err = err};
  Parsed parsed;
  parsed.exit = tree.tree.Parse(Words(line), console);
  parsed.out = out.str();
  parsed.err = err.str();
  return parsed;
}

TEST(ParseTest, GlobalFlagsStandAnywhere) {
  for (const char* line :
       {"--json --timeout 3s --address a:1 job list", "job --json list --address a:1 --timeout 3s",
        "job list --json --address=a:1 --timeout=3s"}) {
    Tree tree;
    EXPECT_EQ(Parse(tree, line).exit, std::nullopt) << line;
    EXPECT_TRUE(tree.flags.json);
    EXPECT_EQ(tree.flags.address, "a:1");
    EXPECT_EQ(tree.flags.timeout, absl::Seconds(3));
  }
}

TEST(ParseTest, UsageErrorsAreSaidOnStderrWithExitCode2) {
  for (const char* line : {"", "job", "jbo", "job get", "job list --limit many",
                           "job list --limit 0", "job submit --cores none", "--timeout 5 job list",
                           "job submit --expected -5m", "job get a b", "job submit --memory 4xx"}) {
    Tree tree;
    const Parsed parsed = Parse(tree, line);
    EXPECT_EQ(parsed.exit, Exit::kUsage) << line;
    EXPECT_THAT(parsed.err, HasSubstr("heliotrope: ")) << line;
    EXPECT_THAT(parsed.err, HasSubstr("\nsee: heliotrope")) << line;
    EXPECT_EQ(parsed.out, "") << line;
  }
}

// Help of a command and all below it.
void CheckHelp(const CLI::App& app, const std::string& path) {
  if (app.get_group().empty()) return;
  Tree tree;
  const Parsed parsed = Parse(tree, path + " --help");
  EXPECT_EQ(parsed.exit, Exit::kOk) << path;
  EXPECT_EQ(parsed.err, "") << path;
  EXPECT_THAT(parsed.out, HasSubstr("usage: heliotrope" + path)) << path;
  for (const absl::string_view line : absl::StrSplit(parsed.out, '\n')) {
    EXPECT_LE(line.size(), 100U) << path << ": " << line;
  }
  const auto below = app.get_subcommands(std::function<bool(const CLI::App*)>());
  if (below.empty()) {
    EXPECT_THAT(parsed.out, HasSubstr("\n\nexamples:\n  ")) << path;
    EXPECT_LT(parsed.out.find("examples:"), parsed.out.find("usage:")) << path;
  }
  for (const CLI::App* command : below) CheckHelp(*command, path + " " + command->get_name());
}

TEST(HelpTest, EveryVerbOpensWithExamples) {
  const Tree tree;
  CheckHelp(tree.tree.root(), "");
}

TEST(HelpTest, SubmitShowsWhereTheCommandGoes) {
  Tree tree;
  EXPECT_THAT(Parse(tree, "job submit --help").out,
              HasSubstr("usage: heliotrope job submit [flags] -- COMMAND ARG...\n"));
}

}  // namespace
}  // namespace heliotrope::cli
