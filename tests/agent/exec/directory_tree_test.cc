#include "agent/exec/directory_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "scratch.h"

namespace heliotrope::agent::exec {
namespace {

namespace fs = std::filesystem;

// A chain of directories deeper than the longest path, with a file in each.
void MakeDeep(const std::string& top, int depth) {
  int fd = open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < depth; ++i) {
    close(openat(fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    const std::string name(100, 'd');
    ASSERT_EQ(mkdirat(fd, name.c_str(), 0700), 0);
    const int next = openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    close(fd);
    fd = next;
  }
  close(fd);
}

TEST(RemoveTreeTest, RemovesATreeAndNothingElse) {
  const Scratch scratch;
  fs::create_directories(scratch / "keep/inner");
  WriteText(scratch / "keep/inner/file", "kept");
  fs::create_directories(scratch / "tree/a/b");
  WriteText(scratch / "tree/a/file", "x");
  fs::create_symlink(scratch / "keep", scratch / "tree/link");
  fs::create_symlink("../../keep", scratch / "tree/a/relative");
  fs::create_symlink("/", scratch / "tree/a/b/root");
  ASSERT_EQ(mkfifo((scratch / "tree/fifo").c_str(), 0600), 0);
  EXPECT_TRUE(RemoveTree(scratch / "tree").ok());
  EXPECT_FALSE(fs::exists(scratch / "tree"));
  EXPECT_EQ(ReadText(scratch / "keep/inner/file"), "kept");
}

TEST(RemoveTreeTest, GoneIsGone) {
  const Scratch scratch;
  EXPECT_TRUE(RemoveTree(scratch / "nothing").ok());
}

TEST(RemoveTreeTest, ALinkInsteadOfTheTreeIsNotFollowed) {
  const Scratch scratch;
  fs::create_directories(scratch / "keep");
  WriteText(scratch / "keep/file", "kept");
  fs::create_directory_symlink(scratch / "keep", scratch / "tree");
  EXPECT_FALSE(RemoveTree(scratch / "tree").ok());
  EXPECT_EQ(ReadText(scratch / "keep/file"), "kept");
}

TEST(RemoveTreeTest, DepthIsNoObstacle) {
  const Scratch scratch;
  fs::create_directory(scratch / "tree");
  MakeDeep(scratch / "tree", 300);
  // A job that has taken the names that are used on the way.
  WriteText(scratch / "tree/.deep.0", "mine");
  fs::create_directories(scratch / "tree/.deep.1/x");
  const absl::Status removed = RemoveTree(scratch / "tree");
  EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_FALSE(fs::exists(scratch / "tree"));
}

TEST(RemoveTreeTest, WidthIsBoundedAndGoesOnWhereItStopped) {
  const Scratch scratch;
  fs::create_directories(scratch / "tree");
  for (int i = 0; i < 100; ++i) WriteText(scratch / ("tree/" + std::to_string(i)), "");
  EXPECT_TRUE(absl::IsResourceExhausted(RemoveTree(scratch / "tree", {.entries = 60})));
  EXPECT_TRUE(fs::exists(scratch / "tree"));
  EXPECT_TRUE(RemoveTree(scratch / "tree", {.entries = 60}).ok());
}

TEST(RemoveTreeTest, ForbiddenDirectoriesAreRemoved) {
  const Scratch scratch;
  fs::create_directories(scratch / "tree/closed/inner");
  WriteText(scratch / "tree/closed/inner/file", "x");
  chmod((scratch / "tree/closed/inner").c_str(), 0);
  chmod((scratch / "tree/closed").c_str(), 0500);
  const absl::Status removed = RemoveTree(scratch / "tree");
  EXPECT_TRUE(removed.ok()) << removed;
}

TEST(MeasureTreeTest, CountsFilesNotLinks) {
  const Scratch scratch;
  fs::create_directories(scratch / "big");
  WriteText(scratch / "big/file", std::string(1 << 20, 'x'));
  fs::create_directories(scratch / "tree/a");
  fs::create_directory_symlink(scratch / "big", scratch / "tree/link");
  WriteText(scratch / "tree/a/file", std::string(100'000, 'x'));
  const auto size = MeasureTree(scratch / "tree");
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_GE(*size, Bytes::FromBytes(100'000));
  EXPECT_LT(*size, Bytes::FromBytes(500'000));
  EXPECT_TRUE(absl::IsNotFound(MeasureTree(scratch / "nothing").status()));
}

TEST(MeasureTreeTest, BeyondTheBoundItTellsWhatItHasCounted) {
  const Scratch scratch;
  fs::create_directories(scratch / "tree");
  for (int i = 0; i < 4; ++i) {
    WriteText(scratch / absl::StrCat("tree/", i), std::string(100'000, 'x'));
  }
  const auto size = MeasureTree(scratch / "tree", {.entries = 2});
  ASSERT_TRUE(size.ok()) << size.status();
  EXPECT_GE(*size, Bytes::FromBytes(200'000));
  EXPECT_LT(*size, Bytes::FromBytes(300'000));
}

}  // namespace
}  // namespace heliotrope::agent::exec
