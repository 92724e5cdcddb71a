#include "agent/shim/launch_format.h"

#include <memory>
#include <string>
#include <vector>

#include "agent/shim/launch_writer.h"
#include "gtest/gtest.h"

namespace heliotrope::agent::shim {
namespace {

LaunchWriter AWriter() {
  LaunchWriter writer;
  writer.Text("arg", "/bin/true").Text("cwd", "/");
  return writer;
}

// Parses a copy; the launch points into it.
struct Parsed {
  explicit Parsed(const std::string& text) : data(text.begin(), text.end()) {
    const char* why = ParseLaunch(data.data(), data.size(), launch.get());
    error = why == nullptr ? "" : why;
  }
  std::vector<char> data;
  std::unique_ptr<Launch> launch = std::make_unique<Launch>();
  std::string error;
};

TEST(LaunchFormatTest, EverythingWrittenComesBack) {
  LaunchWriter writer;
  writer.Text("arg", "sh").Text("arg", "-c").Text("arg", "echo \"a b\"\nend 0:\n");
  writer.Text("env", "A=1").Text("env", "EMPTY=").Text("cwd", "/work");
  writer.Number("uid", 65534).Number("gid", 65533).Number("group", 7).Number("group", 8);
  writer.Text("cgroup", "/sys/fs/cgroup/x").Text("lease", "/state/lease");
  writer.Number("stop_signal", 10).Number("grace_ms", 30000).Number("stop_grace_ms", 500);
  writer.Number("kill_margin_ms", 750).Number("checkpoint_exit_code", 99);
  writer.Number("log_bytes", 4096).Number("log_files", 2).Number("umask", 027);
  writer.Number("nice", -5).Number("idle_scheduling", 1).Number("no_new_privileges", 1);
  writer.Number("oom_score_adj", 900).Number("incarnation", 12);
  writer.Number("durable_exit", 0);
  const Parsed parsed(writer.Finish());
  ASSERT_EQ(parsed.error, "");
  const Launch& launch = *parsed.launch;
  ASSERT_EQ(launch.argc, 3u);
  EXPECT_STREQ(launch.argv[2], "echo \"a b\"\nend 0:\n");
  EXPECT_EQ(launch.argv[3], nullptr);
  ASSERT_EQ(launch.envc, 2u);
  EXPECT_STREQ(launch.env[1], "EMPTY=");
  EXPECT_EQ(launch.env[2], nullptr);
  EXPECT_STREQ(launch.working_directory, "/work");
  EXPECT_TRUE(launch.change_user);
  EXPECT_EQ(launch.uid, 65534u);
  EXPECT_EQ(launch.gid, 65533u);
  ASSERT_EQ(launch.group_count, 2u);
  EXPECT_EQ(launch.groups[1], 8u);
  EXPECT_STREQ(launch.cgroup, "/sys/fs/cgroup/x");
  EXPECT_STREQ(launch.lease, "/state/lease");
  EXPECT_EQ(launch.stop_signal, 10);
  EXPECT_EQ(launch.grace_ms, 30000);
  EXPECT_EQ(launch.stop_grace_ms, 500);
  EXPECT_EQ(launch.kill_margin_ms, 750);
  EXPECT_EQ(launch.checkpoint_exit_code, 99);
  EXPECT_EQ(launch.log_bytes, 4096);
  EXPECT_EQ(launch.log_files, 2);
  EXPECT_EQ(launch.umask, 027u);
  EXPECT_EQ(launch.nice, -5);
  EXPECT_TRUE(launch.idle_scheduling);
  EXPECT_TRUE(launch.no_new_privileges);
  EXPECT_EQ(launch.oom_score_adj, 900);
  EXPECT_EQ(launch.incarnation, 12u);
  EXPECT_FALSE(launch.durable_exit);
}

TEST(LaunchFormatTest, WhatIsLeftOutHasSafeDefaults) {
  const Parsed parsed(AWriter().Finish());
  ASSERT_EQ(parsed.error, "");
  EXPECT_FALSE(parsed.launch->change_user);
  EXPECT_EQ(parsed.launch->stop_signal, 15);
  EXPECT_TRUE(parsed.launch->durable_exit);
  EXPECT_EQ(parsed.launch->checkpoint_exit_code, 85);
  EXPECT_STREQ(parsed.launch->lease, "");
  EXPECT_STREQ(parsed.launch->cgroup, "");
}

TEST(LaunchFormatTest, RefusesWhatIsNotWhole) {
  const struct {
    const char* name;
    std::string text;
    const char* error;
  } cases[] = {
      {"nothing", "", "not a launch file"},
      {"another version", "heliotrope-launch 2\nend 0:\n", "not a launch file"},
      {"no end", std::string(kLaunchMagic) + "arg 1:a\n", "field without a name, or no end"},
      {"no program", LaunchWriter().Text("cwd", "/").Finish(), "no program"},
      {"no directory", LaunchWriter().Text("arg", "a").Finish(), "no working directory"},
      {"a length that is none", std::string(kLaunchMagic) + "arg x:a\n", "field without a length"},
      {"a negative length", std::string(kLaunchMagic) + "arg -1:a\n", "field without a length"},
      {"a huge length", std::string(kLaunchMagic) + "arg 99999999999999999999:a\n",
       "field without a length"},
      {"a length over the end", std::string(kLaunchMagic) + "arg 9:a\nend 0:\n",
       "field longer than the file"},
      {"a length too short", std::string(kLaunchMagic) + "arg 1:ab\nend 0:\n",
       "field not ended by a newline"},
      {"NUL inside", AWriter().Text("env", std::string("A=\0b", 4)).Finish(), "NUL in a field"},
      {"an unknown field", AWriter().Text("color", "red").Finish(), "unknown field"},
      {"bytes after the end", AWriter().Finish() + "x", "bytes after the end"},
      {"environment without a value", AWriter().Text("env", "A").Finish(),
       "environment entry without \"=\""},
      {"a relative directory", AWriter().Text("cwd", "work").Finish(), "path that is not absolute"},
      {"a number out of range", AWriter().Number("nice", 20).Finish(), "number out of its range"},
      {"a number with rubbish", AWriter().Text("nice", "1x").Finish(), "number out of its range"},
      {"the uid that means unchanged", AWriter().Number("uid", 0xffffffff).Finish(),
       "number out of its range"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Parsed(c.text).error, c.error);
  }
}

TEST(LaunchFormatTest, RefusesMoreThanItHasRoomFor) {
  LaunchWriter arguments = AWriter();
  for (size_t i = 0; i < kLaunchArgsMax; ++i) arguments.Text("arg", "x");
  EXPECT_EQ(Parsed(arguments.Finish()).error, "too many arguments");
  LaunchWriter environment = AWriter();
  for (size_t i = 0; i <= kLaunchEnvMax; ++i) environment.Text("env", "A=");
  EXPECT_EQ(Parsed(environment.Finish()).error, "too many environment entries");
  LaunchWriter groups = AWriter();
  for (size_t i = 0; i <= kLaunchGroupsMax; ++i) groups.Number("group", 1);
  EXPECT_EQ(Parsed(groups.Finish()).error, "too many groups");
}

// Cut anywhere, a launch must be refused, never started in part.
TEST(LaunchFormatTest, EveryPrefixIsRefused) {
  const std::string whole = AWriter().Text("env", "A=1").Number("uid", 5).Finish();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(Parsed(whole.substr(0, size)).error, "") << size;
  }
}

// Any one byte changed gives a launch or a refusal, and no access out of bounds (for sanitizers).
TEST(LaunchFormatTest, SurvivesEveryChangedByte) {
  const std::string whole = AWriter().Text("env", "A=1").Number("uid", 5).Finish();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = whole;
      changed[at] = static_cast<char>(value);
      const Parsed parsed(changed);
      if (parsed.error.empty()) {
        EXPECT_GE(parsed.launch->argc, 1u);
      }
    }
  }
}

}  // namespace
}  // namespace heliotrope::agent::shim
