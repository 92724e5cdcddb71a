#include "agent/exec/log_reader.h"

#include "gtest/gtest.h"
#include "scratch.h"

namespace heliotrope::agent::exec {
namespace {

// The stream is 0123456789abcdefghij, of which the first five bytes are rotated away.
class LogReaderTest : public testing::Test {
 protected:
  LogReaderTest() {
    WriteText(scratch_ / "stdout.log.2", "56789");
    WriteText(scratch_ / "stdout.log.1", "abcde");
    WriteText(scratch_ / "stdout.log", "fghij");
    WriteText(scratch_ / "stdout.log.base", "15\n");
    paths_.root = scratch_.path();
  }

  const Scratch scratch_;
  AttemptPaths paths_;
};

TEST_F(LogReaderTest, ReadsByOffset) {
  const struct {
    const char* name;
    int64_t offset;
    int64_t max_bytes;
    int64_t want_offset;
    const char* want;
  } cases[] = {
      {"all that is there", 0, 100, 5, "56789abcdefghij"},
      {"what is left of a lost part", 3, 3, 5, "567"},
      {"across files", 8, 4, 8, "89ab"},
      {"inside one", 16, 2, 16, "gh"},
      {"at a border", 10, 5, 10, "abcde"},
      {"the end", 20, 10, 20, ""},
      {"beyond it", 1000, 10, 20, ""},
      {"the last bytes", -3, 100, 17, "hij"},
      {"more last bytes than there are", -1000, 100, 5, "56789abcdefghij"},
      {"nothing asked", 7, 0, 7, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto part = ReadLog(paths_, LogName::kStdout, c.offset, c.max_bytes);
    ASSERT_TRUE(part.ok()) << part.status();
    EXPECT_EQ(part->offset, c.want_offset);
    EXPECT_EQ(part->data, c.want);
    EXPECT_EQ(part->end, 20);
  }
}

TEST_F(LogReaderTest, SilenceIsAnEmptyLog) {
  const auto part = ReadLog(paths_, LogName::kStderr, 0, 100);
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(part->data, "");
  EXPECT_EQ(part->end, 0);
}

}  // namespace
}  // namespace heliotrope::agent::exec
