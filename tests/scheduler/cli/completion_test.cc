// The completion scripts: those in deploy/completions are the ones that the command writes, and
// bash offers the right words with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "scheduler/cli/run.h"

namespace heliotrope::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

const std::string kScripts = std::string(HT_SOURCE_DIR) + "/deploy/completions/";

std::string Written(const char* shell) {
  std::istringstream in;
  std::ostringstream out;
  Console console{.in = in, .out = out, .err = out};
  EXPECT_EQ(Run({"completion", shell}, console), 0);
  return out.str();
}

std::string FileText(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(CompletionTest, TheShippedScriptsAreCurrent) {
  const std::string how = "write it anew: heliotrope completion ";
  EXPECT_EQ(FileText(kScripts + "heliotrope.bash"), Written("bash")) << how << "bash";
  EXPECT_EQ(FileText(kScripts + "_heliotrope"), Written("zsh")) << how << "zsh";
}

// What bash offers for the last of these words. The scheduler's part is played by a function.
std::vector<std::string> Offered(const std::string& words) {
  const std::string script = absl::StrCat(
      "heliotrope() { [ \"$1 $2\" = '__complete job' ] && echo nightly-7 sweep; }; source ",
      kScripts, "heliotrope.bash; COMP_WORDS=(", words,
      "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _heliotrope; printf '%s\\n' \"${COMPREPLY[@]}\"");
  const std::string command =
      absl::StrCat("bash --norc -c '", absl::StrReplaceAll(script, {{"'", "'\\''"}}), "'");
  FILE* pipe = popen(command.c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  std::string out;
  char part[4096];
  while (const size_t got = fread(part, 1, sizeof part, pipe)) out.append(part, got);
  EXPECT_EQ(pclose(pipe), 0) << script;
  return absl::StrSplit(out, '\n', absl::SkipEmpty());
}

TEST(CompletionTest, BashOffersNounsVerbsFlagsAndNames) {
  EXPECT_THAT(Offered("heliotrope no"), ElementsAre("node"));
  EXPECT_THAT(Offered("heliotrope job w"), ElementsAre("watch", "wait"));
  EXPECT_THAT(Offered("heliotrope job submit --checkpoint-g"), ElementsAre("--checkpoint-grace"));
  EXPECT_THAT(Offered("heliotrope job list --addr"), ElementsAre("--address"));
  EXPECT_THAT(Offered("heliotrope job get ''"), ElementsAre("nightly-7", "sweep"));
  EXPECT_THAT(Offered("heliotrope --address here:1 job get ni"), ElementsAre("nightly-7"));
  EXPECT_THAT(Offered("heliotrope decision list --job s"), ElementsAre("sweep"));
}

TEST(CompletionTest, BashOffersNothingWhereItCannotKnow) {
  EXPECT_THAT(Offered("heliotrope job submit --count ''"), IsEmpty());
  EXPECT_THAT(Offered("heliotrope ''"), Not(Contains("__complete")));
}

}  // namespace
}  // namespace heliotrope::cli
