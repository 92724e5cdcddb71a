#include "agent/exec/attempt_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "absl/strings/match.h"
#include "agent/exec/attempt_directories.h"
#include "agent/shim/launch_format.h"
#include "gtest/gtest.h"
#include "scratch.h"

namespace heliotrope::agent::exec {
namespace {

AttemptLaunch ALaunch() {
  AttemptLaunch launch;
  launch.key = {.task = {.job = JobUid(1), .index = 2}, .attempt = AttemptNumber(3)};
  launch.command = {"program", "argument"};
  launch.environment = {{"A", "1"}};
  return launch;
}

constexpr char kState[] = "/state";

absl::StatusOr<std::string> TextOf(const AttemptLaunch& launch) {
  return LaunchText(launch, PathsOf(kState, launch.key),
                    {.cgroup = "/cg/1.2-3",
                     .lease = "/state/lease",
                     .mark = "m4rk",
                     .incarnation = 9,
                     .kill_margin = absl::Seconds(1)});
}

TEST(LaunchTextTest, SaysEverythingToTheShim) {
  AttemptLaunch launch = ALaunch();
  launch.user = JobUser{.name = "x", .uid = 5, .gid = 6, .groups = {7}};
  launch.grace = absl::Milliseconds(1500);
  launch.checkpoint_signal = SIGUSR1;
  launch.log_size = Bytes::FromBytes(4000);
  auto text = TextOf(launch);
  ASSERT_TRUE(text.ok()) << text.status();
  auto parsed = std::make_unique<shim::Launch>();
  ASSERT_EQ(shim::ParseLaunch(text->data(), text->size(), parsed.get()), nullptr);
  EXPECT_STREQ(parsed->argv[1], "argument");
  EXPECT_STREQ(parsed->working_directory, "/state/attempts/1.2-3/work");
  EXPECT_EQ(parsed->uid, 5u);
  EXPECT_EQ(parsed->gid, 6u);
  EXPECT_EQ(parsed->group_count, 1u);
  EXPECT_TRUE(parsed->no_new_privileges);
  EXPECT_EQ(parsed->grace_ms, 1500);
  EXPECT_EQ(parsed->stop_signal, SIGUSR1);
  EXPECT_EQ(parsed->log_bytes, 1000);
  EXPECT_EQ(parsed->log_files, 3);
  EXPECT_STREQ(parsed->lease, "/state/lease");
  EXPECT_EQ(parsed->incarnation, 9u);
  std::string environment;
  for (size_t i = 0; i < parsed->envc; ++i) environment += std::string(parsed->env[i]) + "\n";
  EXPECT_EQ(environment,
            "A=1\n"
            "HELIOTROPE_ATTEMPT_MARK=m4rk\n"
            "HELIOTROPE_CHECKPOINT_DIR=/state/attempts/1.2-3/checkpoint\n"
            "HELIOTROPE_OUTPUT_DIR=/state/attempts/1.2-3/output\n"
            "HOME=/state/attempts/1.2-3/work\n"
            "PATH=/usr/local/bin:/usr/bin:/bin\n"
            "TMPDIR=/state/attempts/1.2-3/work\n");
}

TEST(LaunchTextTest, RefusesWhatTheShimWouldRefuse) {
  const struct {
    const char* name;
    std::function<void(AttemptLaunch&)> change;
    const char* text;
  } cases[] = {
      {"no program", [](AttemptLaunch& l) { l.command.clear(); }, "no program"},
      {"NUL", [](AttemptLaunch& l) { l.command.push_back(std::string("\0", 1)); }, "NUL"},
      {"too many", [](AttemptLaunch& l) { l.command.resize(2000, "x"); }, "too many arguments"},
      {"too large", [](AttemptLaunch& l) { l.command.push_back(std::string(2 << 20, 'x')); },
       "too large"},
      {"relative", [](AttemptLaunch& l) { l.working_directory = "here"; }, "not absolute"},
      {"a name with =", [](AttemptLaunch& l) { l.environment["A=B"] = "1"; }, "not the name"},
      {"signal", [](AttemptLaunch& l) { l.checkpoint_signal = 0; }, "out of its range"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    AttemptLaunch launch = ALaunch();
    c.change(launch);
    const auto text = TextOf(launch);
    EXPECT_TRUE(absl::IsInvalidArgument(text.status())) << text.status();
    EXPECT_TRUE(absl::StrContains(text.status().message(), c.text)) << text.status();
  }
}

TEST(LaunchFactsTest, ComeBackFromTheFile) {
  const Scratch scratch;
  const AttemptPaths paths{.root = scratch.path(), .work = "", .checkpoint = "", .output = ""};
  EXPECT_TRUE(absl::IsNotFound(ReadLaunchFacts(paths).status()));
  WriteText(scratch / "launch", *TextOf(ALaunch()));
  const auto facts = ReadLaunchFacts(paths);
  ASSERT_TRUE(facts.ok());
  EXPECT_EQ(facts->cgroup, "/cg/1.2-3");
  EXPECT_EQ(facts->mark, "m4rk");
  EXPECT_EQ(facts->incarnation, 9u);
  WriteText(scratch / "launch", "rubbish");
  EXPECT_TRUE(absl::IsDataLoss(ReadLaunchFacts(paths).status()));
}

TEST(RecordTest, ATornRecordIsLossNotAnEnd) {
  const Scratch scratch;
  const AttemptPaths paths{.root = scratch.path(), .work = "", .checkpoint = "", .output = ""};
  EXPECT_TRUE(absl::IsNotFound(ReadExitRecord(paths, 1).status()));
  WriteText(scratch / "exit", "heliotrope-exit 1\nincarnation 1\nkind exited\ncode 0\n");
  EXPECT_TRUE(absl::IsDataLoss(ReadExitRecord(paths, 1).status()));
  WriteText(scratch / "status", "");
  EXPECT_TRUE(absl::IsDataLoss(ReadStatusRecord(paths, 1).status()));
}

// A job owns its three directories, and cannot touch records, logs and launch beside them.
TEST(AttemptDirectoriesTest, OnlyThreeAreTheJobs) {
  if (getuid() != 0) GTEST_SKIP() << "needs root";
  const Scratch scratch;
  const AttemptPaths paths = PathsOf(scratch.path(), ALaunch().key);
  const JobUser user{.name = "x", .uid = 65534, .gid = 65533, .groups = {}};
  ASSERT_TRUE(MakeAttemptDirectories(paths, user).ok());
  struct stat info {};
  for (const std::string& path : {paths.work, paths.checkpoint, paths.output}) {
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 65534u);
    EXPECT_EQ(info.st_gid, 65533u);
    EXPECT_EQ(info.st_mode & 07777, 0700u);
  }
  ASSERT_EQ(stat(paths.root.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
  EXPECT_EQ(info.st_mode & 07777, 0711u);
  // Twice is as good as once; but a link in the place of a directory is not followed.
  EXPECT_TRUE(MakeAttemptDirectories(paths, user).ok());
  ASSERT_EQ(rmdir(paths.work.c_str()), 0);
  ASSERT_EQ(symlink("/etc", paths.work.c_str()), 0);
  EXPECT_FALSE(MakeAttemptDirectories(paths, user).ok());
  ASSERT_EQ(stat("/etc", &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
}

}  // namespace
}  // namespace heliotrope::agent::exec
