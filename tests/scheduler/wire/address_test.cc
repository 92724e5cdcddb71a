#include "scheduler/wire/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heliotrope::wire {
namespace {

using ::testing::HasSubstr;

TEST(ParseAddress, TakesWhatUsersWrite) {
  const struct {
    const char* name;
    const char* input;
    HostPort want;
  } cases[] = {
      {"IPv4", "127.0.0.1:7400", {"127.0.0.1", 7400}},
      {"a name", "scheduler.example.org:7400", {"scheduler.example.org", 7400}},
      {"IPv6 in brackets", "[::1]:7400", {"::1", 7400}},
      {"any free port", "localhost:0", {"localhost", 0}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto parsed = ParseAddress(c.input);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, c.want);
    EXPECT_EQ(FormatAddress(*parsed), c.input);
  }
}

TEST(ParseAddress, SaysWhatIsWrong) {
  const struct {
    const char* input;
    const char* want;
  } cases[] = {
      {"", "it is empty"},
      {"localhost", "the port is missing"},
      {"[::1]", "the port is missing"},
      {"::1:7400", "an IPv6 address needs brackets"},
      {"[zz]:7400", "not an IPv6 address"},
      {"http://a:7400", "it has a scheme"},
      {"host:", "the port must be"},
      {"host:65536", "the port must be 0 to 65535"},
      {"host:x1", "port \"x1\" is not a number"},
      {"host:-1", "is not a number"},
      {":7400", "\"\" is not a host"},
      {"300.1.2.3:7400", "is not a host"},
      {"a b:7400", "is not a host"},
      {"-a:7400", "is not a host"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.input);
    const auto parsed = ParseAddress(c.input);
    ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(c.want));
  }
}

TEST(CheckListenAddress, WithoutCertificatesOnlyLoopback) {
  for (const char* loopback : {"127.0.0.1:0", "127.8.8.8:1", "localhost:7400", "[::1]:7400"}) {
    EXPECT_TRUE(CheckListenAddress(loopback, /*has_tls=*/false).ok()) << loopback;
  }
  for (const char* open : {"0.0.0.0:7400", "10.0.0.1:7400", "[::]:7400", "example.org:7400"}) {
    const absl::Status refused = CheckListenAddress(open, /*has_tls=*/false);
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition) << open;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("tls.ca"));
    EXPECT_TRUE(CheckListenAddress(open, /*has_tls=*/true).ok()) << open;
  }
}

TEST(CheckDialAddress, NeedsAPort) {
  EXPECT_FALSE(CheckDialAddress("127.0.0.1:0", /*has_tls=*/true).ok());
  EXPECT_TRUE(CheckDialAddress("127.0.0.1:7400", /*has_tls=*/false).ok());
  EXPECT_FALSE(CheckDialAddress("10.0.0.1:7400", /*has_tls=*/false).ok());
}

}  // namespace
}  // namespace heliotrope::wire
