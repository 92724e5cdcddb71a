#include "scheduler/os/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "scheduler/os/files.h"

namespace heliotrope::os {
namespace {

// Plays systemd: a datagram socket, named in the environment.
class NotifyTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/ht_notify." + std::to_string(getpid());
    socket_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    unlink(path_.c_str());
    ASSERT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  void TearDown() override {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    unlink(path_.c_str());
  }

  std::string Received() const {
    char buffer[256];
    const ssize_t got = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? "" : std::string(buffer, static_cast<size_t>(got));
  }

  std::string path_;
  UniqueFd socket_;
};

TEST_F(NotifyTest, SaysWhatSystemdUnderstands) {
  NotifyReady();
  EXPECT_EQ(Received(), "READY=1");
  NotifyReloading();
  EXPECT_EQ(Received(), "RELOADING=1");
  NotifyStopping();
  EXPECT_EQ(Received(), "STOPPING=1");
  NotifyWatchdog();
  EXPECT_EQ(Received(), "WATCHDOG=1");
  NotifyExtendTimeout(absl::Seconds(30));
  EXPECT_EQ(Received(), "EXTEND_TIMEOUT_USEC=30000000");
}

TEST_F(NotifyTest, AStatusIsOneAssignment) {
  NotifyStatus("7 data centers\nREADY=1");
  EXPECT_EQ(Received(), "STATUS=7 data centers READY=1");
}

TEST_F(NotifyTest, TheWatchdogIsOffUnlessSystemdAsks) {
  EXPECT_FALSE(WatchdogInterval().has_value());
  setenv("WATCHDOG_USEC", "20000000", 1);
  EXPECT_EQ(WatchdogInterval(), absl::Seconds(20));
}

}  // namespace
}  // namespace heliotrope::os
