#include "scheduler/os/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "scheduler/os/files.h"

namespace heliotrope::os {
namespace {

enum class Then { kListen, kHangUp };

// Sends the bytes as they are and returns all that comes back. With kHangUp the server learns that
// nothing more will come, so that it need not wait for it.
std::string Raw(int port, const std::string& bytes, Then then) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval timeout{.tv_sec = 20, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return "";
  (void)send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (then == Then::kHangUp) shutdown(fd.get(), SHUT_WR);
  std::string all;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = recv(fd.get(), buffer, sizeof buffer, 0)) > 0) {
    all.append(buffer, static_cast<size_t>(got));
  }
  return all;
}

std::string Get(int port, const std::string& target) {
  return Raw(port,
             absl::StrCat("GET ", target, " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
             Then::kListen);
}

bool IsStatus(const std::string& answer, int status) {
  return answer.rfind(absl::StrCat("HTTP/1.1 ", status, " "), 0) == 0;
}

bool EndsIn(const std::string& answer, const std::string& body) {
  return answer.size() >= body.size() &&
         answer.compare(answer.size() - body.size(), body.size(), body) == 0;
}

TEST(HttpServerTest, ServesMetricsHealthAndMore) {
  std::atomic<bool> ready{false};
  HttpServer server(
      {.address = "127.0.0.1:0",
       .metrics = [] { return std::string("heliotrope_x 1\n"); },
       .healthy = {},
       .ready =
           [&ready] { return ready ? absl::OkStatus() : absl::UnavailableError("recovering"); },
       .handlers = {{"/hello", [](const HttpRequest& request) {
                       const auto name = request.parameters.find("name");
                       return HttpResponse{.body = name == request.parameters.end() ? "who?"
                                                                                    : name->second};
                     }}}});
  ASSERT_TRUE(server.Start().ok());
  ASSERT_GT(server.port(), 0);
  const std::string metrics = Get(server.port(), "/metrics");
  EXPECT_TRUE(IsStatus(metrics, 200)) << metrics;
  EXPECT_NE(metrics.find("text/plain; version=0.0.4"), std::string::npos) << metrics;
  EXPECT_TRUE(EndsIn(metrics, "\r\n\r\nheliotrope_x 1\n")) << metrics;
  EXPECT_TRUE(IsStatus(Get(server.port(), "/healthz"), 200));
  const std::string not_ready = Get(server.port(), "/readyz");
  EXPECT_TRUE(IsStatus(not_ready, 503)) << not_ready;
  EXPECT_TRUE(EndsIn(not_ready, "recovering\n")) << not_ready;
  ready = true;
  EXPECT_TRUE(IsStatus(Get(server.port(), "/readyz"), 200));
  EXPECT_TRUE(EndsIn(Get(server.port(), "/hello?name=a%20b"), "a b"));
  EXPECT_TRUE(IsStatus(Get(server.port(), "/nope"), 404));
}

TEST(HttpServerTest, GarbageHarmsNobody) {
  HttpServer server(
      {.address = "127.0.0.1:0", .metrics = {}, .healthy = {}, .ready = {}, .handlers = {}});
  ASSERT_TRUE(server.Start().ok());
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x02garbage\r\n\r\n"), std::string("GET\r\n\r\n"),
        std::string(20'000, 'A') + "\r\n\r\n",
        "POST /healthz HTTP/1.1\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n" +
            std::string(10'000, 'x'),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
    EXPECT_FALSE(IsStatus(Raw(server.port(), bytes, Then::kHangUp), 200));
  }
  EXPECT_TRUE(IsStatus(Get(server.port(), "/healthz"), 200));
}

TEST(HttpServerTest, AHandlerThatThrowsIsAnInternalError) {
  HttpServer server({.address = "127.0.0.1:0",
                     .metrics = []() -> std::string { throw std::runtime_error("broken"); },
                     .healthy = {},
                     .ready = {},
                     .handlers = {}});
  ASSERT_TRUE(server.Start().ok());
  const std::string answer = Get(server.port(), "/metrics");
  EXPECT_TRUE(IsStatus(answer, 500)) << answer;
  EXPECT_EQ(answer.find("broken"), std::string::npos) << answer;
}

TEST(HttpServerTest, ATakenPortIsAnError) {
  HttpServer first(
      {.address = "127.0.0.1:0", .metrics = {}, .healthy = {}, .ready = {}, .handlers = {}});
  ASSERT_TRUE(first.Start().ok());
  HttpServer second({.address = absl::StrCat("127.0.0.1:", first.port()),
                     .metrics = {},
                     .healthy = {},
                     .ready = {},
                     .handlers = {}});
  const absl::Status status = second.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_NE(std::string(status.message()).find("Address already in use"), std::string::npos)
      << status;
  EXPECT_EQ(second.port(), 0);
}

TEST(HttpServerTest, StoppingFreesThePort) {
  HttpServer first(
      {.address = "127.0.0.1:0", .metrics = {}, .healthy = {}, .ready = {}, .handlers = {}});
  ASSERT_TRUE(first.Start().ok());
  const int port = first.port();
  first.Stop();
  first.Stop();
  HttpServer second({.address = absl::StrCat("127.0.0.1:", port),
                     .metrics = {},
                     .healthy = {},
                     .ready = {},
                     .handlers = {}});
  EXPECT_TRUE(second.Start().ok());
}

TEST(HostPortTest, TakesAddressesAndRefusesTheRest) {
  HostPort got;
  ASSERT_TRUE(ParseHostPort("localhost:7401", got).ok());
  EXPECT_EQ(got.host, "localhost");
  EXPECT_EQ(got.port, 7401);
  ASSERT_TRUE(ParseHostPort("[::1]:0", got).ok());
  EXPECT_EQ(got.host, "::1");
  EXPECT_EQ(got.port, 0);
  for (const char* address :
       {"", ":", "host", ":80", "host:", "host:x", "host:65536", "host:-1", "::1:80", "[]:80",
        "[::1]", "host: 80", "http://host:80", "host:080"}) {
    EXPECT_EQ(ParseHostPort(address, got).code(), absl::StatusCode::kInvalidArgument) << address;
  }
}

}  // namespace
}  // namespace heliotrope::os
