#include "scheduler/os/http_server.h"

#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "httplib.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/log.h"

namespace heliotrope::os {
namespace {

HttpResponse Probe(const std::function<absl::Status()>& probe) {
  const absl::Status status = probe ? probe() : absl::OkStatus();
  if (status.ok()) return {.body = "ok\n"};
  return {.status = 503, .body = absl::StrCat(status.message(), "\n")};
}

httplib::Server::Handler Adapted(HttpHandler handler) {
  return
      [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
        HttpRequest ours{.path = request.path, .parameters = {}};
        for (const auto& [name, value] : request.params) ours.parameters.emplace(name, value);
        const HttpResponse answer = handler(ours);
        response.status = answer.status;
        response.set_content(answer.body, answer.content_type);
      };
}

}  // namespace

struct HttpServer::Impl {
  HttpServerOptions options;
  httplib::Server server;
  std::thread thread;
  std::atomic<bool> ended{false};
  int port = 0;
};

HttpServer::HttpServer(HttpServerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
  httplib::Server& server = impl_->server;
  // The library's own options add SO_REUSEPORT, by which two daemons would share one port.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.new_task_queue = [] { return new httplib::ThreadPool(kMaxHttpThreads); };
  server.set_payload_max_length(kMaxHttpBodyBytes);
  // A thread that waits for a slow or silent caller is one of few.
  server.set_read_timeout(std::chrono::seconds(2));
  server.set_write_timeout(std::chrono::seconds(5));
  server.set_keep_alive_timeout(1);
  server.set_exception_handler(
      [](const httplib::Request& request, httplib::Response& response, std::exception_ptr thrown) {
        std::string what = "unknown";
        try {
          std::rethrow_exception(std::move(thrown));
        } catch (const std::exception& error) {
          what = error.what();
        } catch (...) {
        }
        LogError("http handler failed", {{"path", request.path}, {"error", what}});
        response.status = 500;
        response.set_content("internal error\n", "text/plain; charset=utf-8");
      });
  if (impl_->options.metrics) {
    server.Get("/metrics", Adapted([this](const HttpRequest&) {
                 return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                     .body = impl_->options.metrics()};
               }));
  }
  server.Get("/healthz",
             Adapted([this](const HttpRequest&) { return Probe(impl_->options.healthy); }));
  server.Get("/readyz",
             Adapted([this](const HttpRequest&) { return Probe(impl_->options.ready); }));
  for (const auto& [path, handler] : impl_->options.handlers) server.Get(path, Adapted(handler));
}

HttpServer::~HttpServer() { Stop(); }

absl::Status HttpServer::Start() {
  HostPort place;
  HT_RETURN_IF_ERROR(ParseHostPort(impl_->options.address, place));
  errno = 0;
  bool bound = false;
  if (place.port == 0) {
    impl_->port = impl_->server.bind_to_any_port(place.host);
    bound = impl_->port > 0;
  } else {
    bound = impl_->server.bind_to_port(place.host, place.port);
    impl_->port = bound ? place.port : 0;
  }
  if (!bound) {
    const std::string why =
        errno == 0 ? "" : absl::StrCat(": ", std::generic_category().message(errno));
    impl_->port = 0;
    return Unavailable("ADDRESS_NOT_BOUND",
                       absl::StrCat("cannot listen on ", impl_->options.address, " for HTTP", why));
  }
  impl_->thread = std::thread([this] {
    impl_->server.listen_after_bind();
    impl_->ended = true;
  });
  // stop() before the loop runs would be lost: Start returns when it does.
  while (!impl_->server.is_running() && !impl_->ended) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return absl::OkStatus();
}

int HttpServer::port() const { return impl_->port; }

void HttpServer::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->server.stop();
  impl_->thread.join();
}

absl::Status ParseHostPort(const std::string& address, HostPort& out) {
  const absl::Status error = absl::InvalidArgumentError(
      absl::StrCat("\"", address, "\" is not an address: write host:port, such as 127.0.0.1:7401"));
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return error;
  std::string host = address.substr(0, colon);
  if (host.front() == '[') {
    if (host.size() < 3 || host.back() != ']') return error;
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return error;
  }
  const std::string digits = address.substr(colon + 1);
  int port = 0;
  constexpr int kMaxPort = 65535;
  if (!absl::SimpleAtoi(digits, &port) || port < 0 || port > kMaxPort ||
      absl::StrCat(port) != digits || host.find_first_of(" /\t\n") != std::string::npos) {
    return error;
  }
  out = {std::move(host), port};
  return absl::OkStatus();
}

}  // namespace heliotrope::os
