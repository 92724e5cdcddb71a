// The agent's ports.
#include <gmock/gmock.h>
#include <grpcpp/client_context.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/random.h"
#include "scheduler/wire/address.h"
#include "tests/agent/daemon/agent_fixture.h"

namespace heliotrope::agent::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Serve = AgentTest;
using v1::AttemptStatus;

TEST_F(Serve, ALogIsFollowedToTheEnd) {
  StartAgent("node-a");
  const v1::AttemptOrder order =
      Start(1, 1, "for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_RUNNING));
  EXPECT_EQ(Output("node-a", order, /*follow=*/true), "line 1\nline 2\nline 3\nline 4\nline 5\n");
}

TEST_F(Serve, ALogThatWasRotatedIsReadAcrossItsFiles) {
  StartAgent("node-a", {.extra = "log_bytes: 64KiB\n"});
  const v1::AttemptOrder order = Start(1, 1, "seq 1 30000");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_SUCCEEDED));
  const std::string text = Output("node-a", order);
  EXPECT_GE(text.size(), 40'000u);
  EXPECT_LE(text.size(), 90'000u);
  EXPECT_THAT(text, HasSubstr("\n28000\n28001\n"));
  EXPECT_EQ(text.substr(text.size() - 6), "30000\n");
}

TEST_F(Serve, GarbageOnItsPortsDoesNoHarm) {
  StartAgent("node-a");
  Random random(5);
  const auto address = wire::ParseAddress(Address("node-a"));
  for (int i = 0; i < 50; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<uint16_t>(address->port));
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    std::string bytes = i % 2 == 0 ? "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" : "";
    for (int n = 0; n < 2000; ++n) bytes.push_back(static_cast<char>(random.Next()));
    EXPECT_GT(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    close(fd);
  }
  const v1::AttemptOrder order = Start(1, 1, "echo alive");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_SUCCEEDED));
  EXPECT_EQ(Output("node-a", order), "alive\n");
}

TEST_F(Serve, MetricsNameNoJob) {
  StartAgent("node-a");
  const v1::AttemptOrder order = Start(77, 1, "true");
  ASSERT_TRUE(scheduler_.Send("node-a", order));
  ASSERT_TRUE(Reaches(order, AttemptStatus::PHASE_SUCCEEDED));
  const std::string metrics = Metrics("node-a");
  EXPECT_THAT(metrics, HasSubstr("heliotrope_agent_connected 1"));
  EXPECT_THAT(metrics, HasSubstr("heliotrope_agent_attempts{phase=\"succeeded\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("heliotrope_agent_lease_remaining_seconds"));
  EXPECT_THAT(metrics, HasSubstr("heliotrope_build_info"));
  EXPECT_THAT(metrics, Not(HasSubstr("job-77")));
}

TEST(Command, ChecksItsConfiguration) {
  const std::string program = absl::StrCat(HT_BIN_DIR, "/heliotrope-agent");
  const auto run = [&](const std::string& arguments) {
    FILE* pipe = popen((program + " " + arguments + " 2>&1").c_str(), "r");
    std::string text(4096, '\0');
    text.resize(fread(text.data(), 1, text.size(), pipe));
    return std::make_pair(WEXITSTATUS(pclose(pipe)), text);
  };
  char path[] = "/tmp/agent_config.XXXXXX";
  const int fd = mkstemp(path);
  const auto with = [&](const std::string& yaml) {
    EXPECT_EQ(ftruncate(fd, 0), 0);
    EXPECT_EQ(pwrite(fd, yaml.data(), yaml.size(), 0), static_cast<ssize_t>(yaml.size()));
    return run(absl::StrCat("--check-config --config ", path));
  };
  const std::string sound = "node: a\ndata_center: frankfurt-1\njurisdiction: DE\n";
  EXPECT_EQ(with(sound).first, 0) << with(sound).second;
  const auto unknown = with(sound + "schedulr: 127.0.0.1:1\n");
  EXPECT_EQ(unknown.first, 1);
  EXPECT_THAT(unknown.second, HasSubstr(":4: unknown key \"schedulr\""));
  EXPECT_THAT(unknown.second, HasSubstr("did you mean \"scheduler\""));
  const auto none = with(sound + "scheduler: nowhere\n");
  EXPECT_EQ(none.first, 1);
  EXPECT_THAT(none.second, HasSubstr(":4: \"scheduler\": \"nowhere\" is not an address"));
  EXPECT_EQ(run("--version").first, 0);
  EXPECT_THAT(run("--help").second, HasSubstr("Examples:"));
  EXPECT_EQ(run("--nonsense").first, 2);
  close(fd);
  unlink(path);
}

}  // namespace
}  // namespace heliotrope::agent::daemon
