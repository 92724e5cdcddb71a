#include "agent/shim/record_format.h"

#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace heliotrope::agent::shim {
namespace {

ExitRecord AnExit() {
  ExitRecord record{};
  record.incarnation = 3;
  record.kind = ExitKind::kExited;
  record.code = 85;
  record.stop_cause = StopCause::kLeaveRequested;
  record.checkpointed = true;
  record.started_ns = 1'700'000'000'000'000'001;
  record.ended_ns = 1'700'000'001'000'000'002;
  record.user_us = 12;
  record.system_us = 34;
  record.max_rss_bytes = 56;
  record.log_lost_bytes = 78;
  return record;
}

std::string Text(const ExitRecord& record) {
  char buffer[kRecordBytesMax];
  return std::string(buffer, FormatExit(record, buffer));
}

TEST(RecordFormatTest, ExitComesBack) {
  ExitRecord read{};
  const std::string text = Text(AnExit());
  ASSERT_TRUE(ParseExit(text.data(), text.size(), &read));
  EXPECT_EQ(Text(read), text);
  EXPECT_EQ(read.kind, ExitKind::kExited);
  EXPECT_EQ(read.code, 85);
  EXPECT_EQ(read.stop_cause, StopCause::kLeaveRequested);
  EXPECT_TRUE(read.checkpointed);
  EXPECT_FALSE(read.grace_exceeded);
  EXPECT_EQ(read.log_lost_bytes, 78);
}

TEST(RecordFormatTest, EveryKindAndCauseComesBack) {
  for (const ExitKind kind : {ExitKind::kExited, ExitKind::kSignaled, ExitKind::kFailedToStart}) {
    for (const StopCause cause :
         {StopCause::kNone, StopCause::kLeaseExpired, StopCause::kLeaveRequested,
          StopCause::kStopRequested, StopCause::kKillRequested}) {
      ExitRecord record = AnExit();
      record.kind = kind;
      record.signal = kind == ExitKind::kSignaled ? 9 : 0;
      record.stop_cause = cause;
      ExitRecord read{};
      const std::string text = Text(record);
      ASSERT_TRUE(ParseExit(text.data(), text.size(), &read)) << text;
      EXPECT_EQ(read.kind, kind);
      EXPECT_EQ(read.stop_cause, cause);
    }
  }
}

// An error's text comes from paths that a user chose: it must not forge lines.
TEST(RecordFormatTest, ErrorTextStaysOneLineAndBounded) {
  ExitRecord record = AnExit();
  record.kind = ExitKind::kFailedToStart;
  memset(record.error, 'x', sizeof(record.error) - 1);
  strcpy(record.error, "exec a\nend\nkind exited");
  const std::string text = Text(record);
  ExitRecord read{};
  ASSERT_TRUE(ParseExit(text.data(), text.size(), &read));
  EXPECT_STREQ(read.error, "exec a end kind exited");
  EXPECT_EQ(read.kind, ExitKind::kFailedToStart);
}

TEST(RecordFormatTest, EveryPrefixIsRefused) {
  const std::string text = Text(AnExit());
  ExitRecord read{};
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(ParseExit(text.data(), size, &read)) << size;
  }
  EXPECT_FALSE(ParseExit((text + "x").data(), text.size() + 1, &read));
}

// What says nothing of how the job ended must not read as one that ended well.
TEST(RecordFormatTest, ARecordWithoutAFieldOrWithAnImpossibleOneIsRefused) {
  const std::string text = Text(AnExit());
  ExitRecord read{};
  for (size_t line = text.find('\n') + 1; text.substr(line, 4) != "end\n";) {
    const size_t next = text.find('\n', line) + 1;
    const std::string name = text.substr(line, text.find(' ', line) - line);
    const std::string without = text.substr(0, line) + text.substr(next);
    EXPECT_FALSE(ParseExit(without.data(), without.size(), &read)) << name;
    const std::string twice = text.substr(0, next) + text.substr(line);
    EXPECT_FALSE(ParseExit(twice.data(), twice.size(), &read)) << name;
    line = next;
  }
  for (const auto& [good, bad] : {std::pair{"code 85", "code 4294967296"},
                                  {"incarnation 3", "incarnation 0"},
                                  {"user_us 12", "user_us -12"},
                                  {"checkpointed 1", "checkpointed 2"},
                                  {"kind exited", "kind signaled"}}) {
    std::string changed = text;
    changed.replace(changed.find(good), strlen(good), bad);
    EXPECT_FALSE(ParseExit(changed.data(), changed.size(), &read)) << bad;
  }
  std::string later = text;
  later.insert(later.find("kind"), "color blue\n");
  EXPECT_TRUE(ParseExit(later.data(), later.size(), &read)) << "of a later version";
}

TEST(RecordFormatTest, StatusComesBack) {
  StatusRecord record{};
  record.incarnation = 2;
  strcpy(record.boot_id, "1838df7e-8575-43f8-b8b7-f8a5709781cf");
  record.shim_pid = 10;
  record.shim_start_ticks = 11;
  record.job_pid = 12;
  record.job_start_ticks = 13;
  record.started_ns = 14;
  char buffer[kRecordBytesMax];
  const size_t size = FormatStatus(record, buffer);
  StatusRecord read{};
  ASSERT_TRUE(ParseStatus(buffer, size, &read));
  EXPECT_STREQ(read.boot_id, record.boot_id);
  EXPECT_EQ(read.shim_pid, 10);
  EXPECT_EQ(read.shim_start_ticks, 11u);
  EXPECT_EQ(read.job_pid, 12);
  EXPECT_EQ(read.job_start_ticks, 13u);
  EXPECT_EQ(read.started_ns, 14);
  EXPECT_FALSE(ParseStatus(buffer, size - 1, &read));
}

TEST(RecordFormatTest, StatusRefusesRubbish) {
  StatusRecord read{};
  for (const char* text :
       {"", "end\n", "heliotrope-status 2\nend\n", "heliotrope-status 1\nshim_pid x\nend\n",
        "heliotrope-status 1\nshim_pid -5\nend\n", "heliotrope-status 1\nshim_pid\nend\n",
        "heliotrope-status 1\nincarnation 1\nboot b\nshim_pid 4294967295\nshim_start 1\n"
        "job_pid 1\njob_start 1\nstarted_ns 1\nend\n",
        "heliotrope-status 1\nboot 1838df7e-8575-43f8-b8b7-f8a5709781cf-and-more\nend\n"}) {
    EXPECT_FALSE(ParseStatus(text, strlen(text), &read)) << text;
  }
}

}  // namespace
}  // namespace heliotrope::agent::shim
