#include "scheduler/os/signals.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace heliotrope::os {
namespace {

TEST(SignalsTest, BlockedSignalsAreTakenAsValues) {
  BlockSignals();
  EXPECT_EQ(WaitForSignal(absl::ZeroDuration()), std::nullopt);
  ASSERT_EQ(raise(SIGHUP), 0);
  EXPECT_EQ(WaitForSignal(absl::Seconds(10)), SIGHUP);
  ASSERT_EQ(raise(SIGTERM), 0);
  EXPECT_EQ(WaitForSignal(absl::InfiniteDuration()), SIGTERM);
  EXPECT_EQ(WaitForSignal(-absl::Seconds(1)), std::nullopt);
}

TEST(SignalsTest, AChildForSomeoneElseIsKillableAgain) {
  BlockSignals();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    UnblockSignals();
    raise(SIGTERM);
    _exit(1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

}  // namespace
}  // namespace heliotrope::os
