#include "agent/link/outputs.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/checkpoint/file_tree.h"
#include "agent/exec/directory_tree.h"

namespace heliotrope::agent::link {
namespace {

class OutputsTest : public ::testing::Test {
 protected:
  OutputsTest() {
    char pattern[] = "/tmp/outputs_test.XXXXXX";
    root_ = mkdtemp(pattern);
    outputs_ = root_ + "/output";
    Write("result.csv");
    Write("deep/part.csv");
    Write("scratch.tmp");
    EXPECT_TRUE(os::WriteFileAtomically(root_ + "/secret", "secret").ok());
    EXPECT_EQ(symlink("../secret", (outputs_ + "/link.csv").c_str()), 0);
    EXPECT_EQ(symlink("..", (outputs_ + "/up").c_str()), 0);
  }
  ~OutputsTest() override { EXPECT_TRUE(exec::RemoveTree(root_).ok()); }

  void Write(const std::string& path) {
    const std::string full = outputs_ + "/" + path;
    EXPECT_TRUE(os::EnsureDirectory(full.substr(0, full.rfind('/'))).ok());
    EXPECT_TRUE(os::WriteFileAtomically(full, path).ok());
  }

  std::vector<std::string> Listed(const std::vector<std::string>& patterns) {
    std::vector<std::string> paths;
    const auto list = ListOutputs(outputs_, patterns);
    for (const OutputFile& file : list->files) {
      paths.push_back(file.path);
    }
    return paths;
  }

  std::string root_;
  std::string outputs_;
};

TEST_F(OutputsTest, ListsPlainFilesThatMatch) {
  using Paths = std::vector<std::string>;
  EXPECT_EQ(Listed({}), (Paths{"deep/part.csv", "result.csv", "scratch.tmp"}));
  EXPECT_EQ(Listed({"**/*.csv"}), (Paths{"deep/part.csv", "result.csv"}));
  EXPECT_EQ(Listed({"none"}), Paths{});
  EXPECT_EQ(ListOutputs(outputs_, {})->files[1].size_bytes, 10);
  EXPECT_TRUE(ListOutputs(root_ + "/missing", {})->files.empty());
}

TEST_F(OutputsTest, LongPatternsOnLongPathsEndTheListing) {
  std::string pattern = "b";
  while (pattern.size() < 4000) pattern += "*a";
  std::string folder;
  for (int i = 0; i < 12; ++i) folder += std::string(250, 'a') + "/";
  for (int i = 0; i < 20; ++i) Write(folder + std::to_string(i));
  EXPECT_FALSE(ListOutputs(outputs_, {pattern})->truncated);
  EXPECT_TRUE(ListOutputs(outputs_, std::vector<std::string>(64, pattern))->truncated);
}

TEST_F(OutputsTest, OpensNothingElse) {
  EXPECT_TRUE(OpenOutput(outputs_, "deep/part.csv", {"**"}).ok());
  for (const char* path : {"scratch.tmp", "missing.csv", "link.csv", "up/secret", "deep"}) {
    EXPECT_TRUE(absl::IsNotFound(OpenOutput(outputs_, path, {"**/*.csv", "up/*", "deep"}).status()))
        << path;
  }
  for (const char* path : {"../secret", "/etc/passwd", "deep/../../secret", ""}) {
    EXPECT_TRUE(absl::IsInvalidArgument(OpenOutput(outputs_, path, {"**"}).status())) << path;
  }
}

TEST_F(OutputsTest, PrunesWhatIsNotToBeKept) {
  ASSERT_TRUE(PruneOutputs(outputs_, {"*.csv"}).ok());
  EXPECT_EQ(Listed({}), std::vector<std::string>{"result.csv"});
  EXPECT_EQ(access((root_ + "/secret").c_str(), F_OK), 0) << "links are not followed";
  // Not even where a folder has become one since it was listed.
  EXPECT_FALSE(checkpoint::UnlinkBelow(outputs_, "up/secret").ok());
  EXPECT_EQ(access((root_ + "/secret").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace heliotrope::agent::link
