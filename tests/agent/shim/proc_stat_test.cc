#include "agent/shim/proc_stat.h"

#include <unistd.h>

#include <cstring>

#include "agent/shim/process_tree.h"
#include "agent/shim/record_format.h"
#include "gtest/gtest.h"

namespace heliotrope::agent::shim {
namespace {

// A program may call itself anything, also something that looks like the fields that follow.
TEST(ProcStatTest, ReadsPastAnyName) {
  char text[] =
      "42 (a) b 1 (2 ) S 7 42 42 0 -1 4194560 1 0 0 0 11 12 13 14 20 0 1 0 987654 1 2 3\n";
  ProcStat stat{};
  ASSERT_TRUE(ParseProcStat(text, &stat));
  EXPECT_EQ(stat.state, 'S');
  EXPECT_EQ(stat.parent, 7);
  EXPECT_EQ(stat.cpu_ticks, 23u);
  EXPECT_EQ(stat.children_cpu_ticks, 27u);
  EXPECT_EQ(stat.start_ticks, 987654u);
}

TEST(ProcStatTest, RefusesWhatIsCutShort) {
  char text[] = "42 (a) S 7 42 42 0 -1";
  ProcStat stat{};
  EXPECT_FALSE(ParseProcStat(text, &stat));
  char no_name[] = "42 S 7";
  EXPECT_FALSE(ParseProcStat(no_name, &stat));
}

TEST(ProcStatTest, FindsOurself) {
  ProcStat stat{};
  ASSERT_TRUE(ReadProcStat(getpid(), &stat));
  EXPECT_EQ(stat.parent, getppid());
  EXPECT_GT(stat.start_ticks, 0u);
  EXPECT_FALSE(ReadProcStat(0x7ffffff0, &stat));
}

TEST(ProcStatTest, BootIdIsThere) {
  char boot_id[kBootIdBytes];
  ReadBootId(boot_id);
  EXPECT_EQ(strlen(boot_id), kBootIdBytes - 1);
}

TEST(ProcessTreeTest, OurParentIsNotOurDescendant) {
  EXPECT_FALSE(IsDescendant(getpid(), getppid()));
  EXPECT_FALSE(IsDescendant(getpid(), getpid()));
  EXPECT_TRUE(IsDescendant(getppid(), getpid()));
}

}  // namespace
}  // namespace heliotrope::agent::shim
