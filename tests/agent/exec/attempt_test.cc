#include "agent/exec/attempt.h"

#include <unistd.h>

#include "gtest/gtest.h"

namespace heliotrope::agent::exec {
namespace {

AttemptKey Key(uint64_t job, uint32_t index, uint32_t attempt) {
  return {.task = {.job = JobUid(job), .index = index}, .attempt = AttemptNumber(attempt)};
}

TEST(AttemptTest, DirectoryNamesComeBack) {
  for (const AttemptKey& key : {Key(12, 7, 3), Key(~uint64_t{0}, ~uint32_t{0}, ~uint32_t{0})}) {
    const auto parsed = ParseDirectoryName(DirectoryName(key));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, key);
  }
  EXPECT_EQ(DirectoryName(Key(12, 7, 3)), "12.7-3");
}

TEST(AttemptTest, RefusesOtherNames) {
  for (const char* name :
       {"", ".", "12", "12.7", "12.7-", "12.7-x", "12.7-3 ", " 12.7-3", "012.7-3", "12.7-3.tmp",
        "+1.2-3", "-1.2-3", "12.7-4294967296", "12-7.3"}) {
    EXPECT_FALSE(ParseDirectoryName(name).ok()) << name;
  }
}

TEST(AttemptTest, FindsUsersOfTheHost) {
  const auto root = FindJobUser("root");
  ASSERT_TRUE(root.ok()) << root.status();
  EXPECT_EQ(root->uid, 0u);
  EXPECT_TRUE(absl::IsNotFound(FindJobUser("no-such-user").status()));
}

TEST(AttemptTest, DescribesAnEndInOneLine) {
  AttemptEnd end;
  end.kind = AttemptEnd::Kind::kExited;
  end.exit_code = 85;
  end.stop_cause = StopCause::kLeaveRequested;
  end.checkpointed = true;
  EXPECT_EQ(Describe(end), "exited 85 leave-requested checkpointed");
  end = {};
  end.error = "its shim is gone";
  EXPECT_EQ(Describe(end), "lost (its shim is gone)");
}

}  // namespace
}  // namespace heliotrope::agent::exec
