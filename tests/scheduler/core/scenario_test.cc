// Golden transcripts. HT_REWRITE=1 rewrites them: commit a rewrite only if you can explain each
// line of its difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/scheduler/core/scenario.h"

namespace heliotrope::core {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The transcript as it comes out now.
std::string Replay(const std::string& transcript) {
  Scenario scenario;
  std::string out;
  bool below = false;
  std::string did;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(transcript, '\n'))) {
    if (line == "----") {
      absl::StrAppend(&out, "----\n", did);
      did.clear();
      below = true;
    } else if (below) {
      if (line.empty()) {
        below = false;
        out += "\n";
      }
    } else {
      absl::StrAppend(&out, line, "\n");
      if (!line.empty() && line[0] != '#') did += scenario.Run(line);
    }
  }
  while (out.size() > 1 && out[out.size() - 2] == '\n') out.pop_back();
  return out;
}

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(HT_SOURCE_DIR) + "/tests/scenarios")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class ScenarioTest : public testing::TestWithParam<std::string> {};

TEST_P(ScenarioTest, ComesOutAsWritten) {
  const std::string want = ReadAll(GetParam());
  const std::string got = Replay(want);
  if (std::getenv("HT_REWRITE") != nullptr) {
    std::ofstream(GetParam()) << got;
    return;
  }
  EXPECT_EQ(got, want) << "HT_REWRITE=1 rewrites " << GetParam();
}

// Same commands, same times: the same effects, byte for byte.
TEST_P(ScenarioTest, ComesOutTheSameTwice) {
  const std::string transcript = ReadAll(GetParam());
  EXPECT_EQ(Replay(transcript), Replay(transcript));
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, testing::ValuesIn(Files()), [](const auto& parameter) {
  std::string name = std::filesystem::path(parameter.param).stem();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace heliotrope::core
