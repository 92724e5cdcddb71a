#include "agent/exec/cgroup_tree.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "scratch.h"

namespace heliotrope::agent::exec {
namespace {

// A /proc whose cgroup mount is as the test says.
std::string FakeProc(const Scratch& scratch, const std::string& mountinfo) {
  std::filesystem::create_directories(scratch / "self");
  WriteText(scratch / "self/mountinfo", mountinfo);
  WriteText(scratch / "self/cgroup", "0::/\n");
  return scratch.path();
}

TEST(CgroupTreeTest, SaysWhyThereIsNone) {
  const Scratch scratch;
  const auto none = CgroupTree::Open({.agent = "a", .proc = FakeProc(scratch, "")});
  EXPECT_TRUE(absl::IsFailedPrecondition(none.status())) << none.status();
  // A mount that is not really one: nothing stays behind in it.
  std::filesystem::create_directory(scratch / "cg");
  const auto plain =
      CgroupTree::Open({.agent = "a",
                        .proc = FakeProc(scratch, absl::StrCat("41 31 0:38 / ", scratch / "cg",
                                                               " rw - cgroup2 cgroup2 rw\n"))});
  EXPECT_TRUE(absl::IsFailedPrecondition(plain.status())) << plain.status();
  EXPECT_TRUE(absl::StrContains(plain.status().message(), "cgroup.procs")) << plain.status();
  EXPECT_TRUE(std::filesystem::is_empty(scratch / "cg"));
}

class RealCgroupTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    auto tree = CgroupTree::Open({.agent = absl::StrCat("tree-test-", getpid())});
    if (!tree.ok()) GTEST_SKIP() << tree.status();
    tree_ = *std::move(tree);
  }
  void TearDown() override {
    if (tree_ == nullptr) return;
    const std::string directory = tree_->directory();
    tree_ = nullptr;
    EXPECT_FALSE(std::filesystem::exists(directory)) << "left behind";
  }

  std::unique_ptr<CgroupTree> tree_;
};

TEST_F(RealCgroupTreeTest, KillsCountsAndRemoves) {
  const auto path =
      tree_->Create("1.2-3", {.cores = MilliCores::FromMilli(1500), .memory = Bytes::FromMiB(64)});
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_TRUE(IsCgroupEmpty(*path));
  const pid_t child = fork();
  if (child == 0) {
    WriteText(*path + "/cgroup.procs", "0");
    while (true) getppid();
  }
  while (IsCgroupEmpty(*path)) usleep(1000);
  EXPECT_TRUE(absl::IsFailedPrecondition(RemoveCgroup(*path)));
  while (*CgroupCpuUsed(*path) < absl::Milliseconds(20)) usleep(1000);
  EXPECT_TRUE(KillCgroup(*path).ok());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_TRUE(IsCgroupEmpty(*path));
  EXPECT_TRUE(RemoveCgroup(*path).ok());
  EXPECT_TRUE(RemoveCgroup(*path).ok()) << "gone is gone";
  EXPECT_TRUE(IsCgroupEmpty(*path));
  EXPECT_TRUE(absl::IsNotFound(KillCgroup(*path)));
  // What an ended attempt has used still counts.
  EXPECT_GE(*tree_->CpuUsed(), absl::Milliseconds(20));
}

TEST_F(RealCgroupTreeTest, ASecondOneOfTheSameNameIsFresh) {
  const auto first = tree_->Create("1.2-3", {});
  ASSERT_TRUE(first.ok());
  WriteText(*first + "/cgroup.freeze", "1");
  const auto second = tree_->Create("1.2-3", {});
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(ReadText(*second + "/cgroup.freeze"), "0\n");
  EXPECT_TRUE(RemoveCgroup(*second).ok());
}

TEST_F(RealCgroupTreeTest, TheNextAgentFindsItAndCleansUp) {
  ASSERT_TRUE(tree_->Create("1.2-3", {}).ok());
  const auto next = CgroupTree::Open({.agent = absl::StrCat("tree-test-", getpid())});
  ASSERT_TRUE(next.ok());
  EXPECT_EQ((*next)->directory(), tree_->directory());
  EXPECT_FALSE(std::filesystem::exists(tree_->PathOf("1.2-3")));
}

TEST_F(RealCgroupTreeTest, SaysWhatItCannotDo) {
  EXPECT_EQ(tree_->Shortfall().empty(), tree_->has_cpu() && tree_->has_memory());
  EXPECT_EQ(tree_->MemoryUsed().ok(), tree_->has_memory());
}

}  // namespace
}  // namespace heliotrope::agent::exec
