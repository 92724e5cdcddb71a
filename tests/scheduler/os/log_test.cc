#include "scheduler/os/log.h"

#include <string>

#include "gtest/gtest.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"

namespace heliotrope::os {
namespace {

TEST(LogTest, FieldsPrintByTheirType) {
  const std::string text = "plain";
  const absl::string_view view = "view";
  EXPECT_EQ(LogLine("task started", {{"task", TaskId{JobUid(12), 7}},
                                     {"node", NodeId("f1-a")},
                                     {"text", text},
                                     {"view", view},
                                     {"literal", "l"},
                                     {"yes", true},
                                     {"count", 3},
                                     {"share", 0.5},
                                     {"after", absl::Minutes(90)},
                                     {"at", absl::UnixEpoch()},
                                     {"memory", Bytes::FromMiB(4)},
                                     {"status", absl::OkStatus()}}),
            "task started task=12/7 node=f1-a text=plain view=view literal=l yes=true count=3 "
            "share=0.5 after=1h30m at=1970-01-01T00:00:00Z memory=\"4 MiB\" status=ok");
}

// Whatever a job calls itself, it cannot forge a line or a field.
TEST(LogTest, ValuesAreQuotedWhereTheyMust) {
  EXPECT_EQ(LogLine("e", {{"a", ""}}), "e a=\"\"");
  EXPECT_EQ(LogLine("e", {{"a", "x y"}}), "e a=\"x y\"");
  EXPECT_EQ(LogLine("e", {{"a", "x\" b=\"y"}}), "e a=\"x\\\" b=\\\"y\"");
  EXPECT_EQ(LogLine("e", {{"a", "1\n<0>panic"}}), "e a=\"1\\n<0>panic\"");
  EXPECT_EQ(LogLine("e\nf", {{"a", std::string("\x1b[31m\0", 6)}}), "e\\nf a=\"\\x1b[31m\\x00\"");
  EXPECT_EQ(LogLine("e", {{"a", "back\\slash"}}), "e a=\"back\\\\slash\"");
  EXPECT_EQ(LogLine("e", {{"a", "Zürich"}}), "e a=\"Zürich\"");
}

TEST(LogTest, LevelsDropWhatIsBelow) {
  EXPECT_TRUE(SetLogLevel("warning").ok());
  testing::internal::CaptureStderr();
  LogInfo("quiet");
  LogWarning("loud", {{"n", 1}});
  LogError("louder");
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_EQ(lines.find("quiet"), std::string::npos) << lines;
  EXPECT_NE(lines.find("loud n=1\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find("louder\n"), std::string::npos) << lines;
  SetLogLevel(LogLevel::kInfo);
}

TEST(LogTest, AnUnknownLevelIsRefused) {
  EXPECT_TRUE(SetLogLevel("").ok());
  const absl::Status status = SetLogLevel("warnign");
  EXPECT_EQ(std::string(status.message()),
            "\"warnign\" is not a log level: use debug, info, warning or error; did you mean "
            "\"warning\"?");
}

// spdlog formats with fmt: text with braces must come out as it went in.
TEST(LogTest, BracesAreText) {
  testing::internal::CaptureStderr();
  LogInfo("{} {0} {nope}", {{"a", "{}"}});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("{} {0} {nope} a={}\n"), std::string::npos);
}

}  // namespace
}  // namespace heliotrope::os
