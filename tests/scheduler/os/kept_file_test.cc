#include "scheduler/os/kept_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "scheduler/os/files.h"

namespace heliotrope::os {
namespace {

class KeptFileTest : public ::testing::Test {
 protected:
  KeptFileTest() {
    char pattern[] = "/tmp/kept_file_test.XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  ~KeptFileTest() override { std::filesystem::remove_all(directory_); }
  std::string Path(const std::string& name) { return directory_ + "/" + name; }
  absl::Status Read(const std::string& name) { return ReadKeptFile(Path(name), 4).status(); }
  std::string directory_;
};

TEST_F(KeptFileTest, WhatStaysSoIsDamage) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "1234").ok());
  EXPECT_EQ(*ReadKeptFile(Path("f"), 4), "1234");
  EXPECT_TRUE(absl::IsDataLoss(ReadKeptFile(Path("f"), 3).status())) << "too large";
  EXPECT_TRUE(absl::IsNotFound(Read("none")));
  EXPECT_TRUE(absl::IsDataLoss(Read("f/f"))) << "a file in the folder's place";
  ASSERT_EQ(mkdir(Path("folder").c_str(), 0700), 0);
  EXPECT_TRUE(absl::IsDataLoss(Read("folder")));
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsDataLoss(Read("pipe")));
  ASSERT_EQ(symlink("loop", Path("loop").c_str()), 0);
  EXPECT_TRUE(absl::IsDataLoss(Read("loop")));
}

TEST_F(KeptFileTest, WhatPassesIsNot) {
  ASSERT_TRUE(WriteFileAtomically(Path("f"), "1234").ok());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const absl::Status status = Read("f");
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_TRUE(Read("f").ok());
}

}  // namespace
}  // namespace heliotrope::os
