// The HTTP port of a daemon: GET /metrics, /healthz, /readyz, and what else the daemon adds.
// A few threads, no request bodies, short time-outs: garbage on the port costs little.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"

namespace heliotrope::os {

struct HttpRequest {
  std::string path;
  // Of the query; the first value where a name comes twice.
  std::map<std::string, std::string> parameters;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

// Called by several threads at once. What it throws becomes status 500.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

struct HttpServerOptions {
  // "host:port" or "[::1]:port"; port 0 lets the system choose.
  std::string address;
  // The text of /metrics.
  std::function<std::string()> metrics;
  // /healthz and /readyz: 200 "ok", or 503 with the status's message. Unset means always OK.
  std::function<absl::Status()> healthy;
  std::function<absl::Status()> ready;
  // Further paths.
  std::map<std::string, HttpHandler> handlers;
};

class HttpServer {
 public:
  explicit HttpServer(HttpServerOptions options);
  // Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and serves in threads of its own. INVALID_ARGUMENT for an address that is none,
  // UNAVAILABLE when it cannot be bound. Call once.
  absl::Status Start();
  // The port that was bound; 0 before Start.
  int port() const;
  // Answers what it began, takes no more, joins its threads. Twice does no harm.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Splits "host:port" and "[v6]:port". INVALID_ARGUMENT when it is neither or the port is no port.
struct HostPort {
  std::string host;
  int port = 0;
};
absl::Status ParseHostPort(const std::string& address, HostPort& out);

}  // namespace heliotrope::os
