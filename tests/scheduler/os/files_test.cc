#include "scheduler/os/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace heliotrope::os {
namespace {

class FilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/ht_files_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return directory_ + "/" + name; }
  size_t EntryCount() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(directory_)) {
      ++count;
    }
    return count;
  }

  std::string directory_;
};

TEST_F(FilesTest, WritesReplaceWholeAndLeaveNothingBeside) {
  const std::string bytes("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "old and longer").ok());
  ASSERT_TRUE(WriteFileAtomically(Path("f"), bytes, {.mode = 0640}).ok());
  EXPECT_EQ(*ReadFile(Path("f"), 4), bytes);
  struct stat found {};
  ASSERT_EQ(stat(Path("f").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0640u);
  EXPECT_EQ(EntryCount(), 1u);
}

TEST_F(FilesTest, AFailedWriteKeepsTheOldAndLeavesNothingBeside) {
  ASSERT_EQ(mkdir(Path("taken").c_str(), 0700), 0);
  const absl::Status status = WriteFileAtomically(Path("taken"), "x");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("taken"), std::string::npos);
  EXPECT_EQ(EntryCount(), 1u);
  EXPECT_EQ(WriteFileAtomically(Path("none/f"), "x").code(), absl::StatusCode::kNotFound);
}

TEST_F(FilesTest, ReadsAreBounded) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), std::string(100, 'x'), {.sync = false}).ok());
  EXPECT_EQ(ReadFile(Path("f"), 100)->size(), 100u);
  EXPECT_EQ(ReadFile(Path("f"), 99).status().code(), absl::StatusCode::kResourceExhausted);
  // Files whose size nobody knows before.
  EXPECT_EQ(ReadFile("/dev/zero", 1 << 20).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(Path("none"), 1).status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(ReadFile(directory_, 1).ok());
}

TEST_F(FilesTest, AFullDiskIsResourceExhausted) {
  const auto full = OpenFile("/dev/full", O_WRONLY);
  if (!full.ok()) return;
  EXPECT_EQ(WriteAll(full->get(), "x", "/dev/full").code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(FilesTest, EnsureDirectoryMakesAllAbove) {
  EXPECT_TRUE(EnsureDirectory(Path("a/b/c")).ok());
  EXPECT_TRUE(EnsureDirectory(Path("a/b/c")).ok());
  EXPECT_TRUE(EnsureDirectory(Path("a/b/d/")).ok());
  EXPECT_TRUE(std::filesystem::is_directory(Path("a/b/d")));
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "x").ok());
  EXPECT_FALSE(EnsureDirectory(Path("f")).ok());
  EXPECT_FALSE(EnsureDirectory(Path("f/g")).ok());
  EXPECT_FALSE(EnsureDirectory("").ok());
}

TEST_F(FilesTest, UniqueFdClosesOnceAndMoves) {
  auto opened = OpenFile("/dev/null", O_RDONLY);
  ASSERT_TRUE(opened.ok());
  const int number = opened->get();
  EXPECT_NE(fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
  {
    UniqueFd moved = *std::move(opened);
    EXPECT_TRUE(moved.valid());
  }
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
  UniqueFd none;
  EXPECT_FALSE(none.valid());
  EXPECT_EQ(none.Release(), -1);
}

}  // namespace
}  // namespace heliotrope::os
