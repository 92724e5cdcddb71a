// Calls to one server, the scheduler or an agent: every call has a deadline, and broken ones are
// repeated only where that is safe. Errors are absl's, with reasons and fields where the server
// gave them, and name the server when nobody answered. Not thread-safe.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>
#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/wire/credentials.h"

namespace heliotrope::cli {

// The error of following that ended with the time that was given for it.
absl::Status TimeUp();
bool IsTimeUp(const absl::Status& status);

struct ClientOptions {
  // "the scheduler", "the agent".
  std::string peer;
  std::string address;
  wire::TlsFiles tls;
  // For one call, with its repetitions.
  absl::Duration call_timeout = absl::Seconds(10);
  // When following ends, whatever happens.
  absl::Time follow_until = absl::InfiniteFuture();
  // Told once when the connection is lost and tried again.
  std::function<void(const std::string&)> say = [](const std::string&) {};
};

class Client {
 public:
  // INVALID_ARGUMENT: the address or the certificates are wrong.
  static absl::StatusOr<std::unique_ptr<Client>> Make(ClientOptions options);

  template <class Stub, class Request, class Response>
  using Method = grpc::Status (Stub::*)(grpc::ClientContext*, const Request&, Response*);
  template <class Stub, class Request, class Response>
  using StreamMethod = std::unique_ptr<grpc::ClientReader<Response>> (Stub::*)(grpc::ClientContext*,
                                                                               const Request&);

  // One try.
  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Read(Method<Stub, Request, Response> method, const Request& request) {
    Response response;
    HT_RETURN_IF_ERROR(Try(method, request, response, absl::Now() + options_.call_timeout));
    return response;
  }

  // Repeats while the server is UNAVAILABLE. REQUIRES: the request is safe to repeat, by its
  // request id or by what it does.
  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Change(Method<Stub, Request, Response> method, const Request& request) {
    const absl::Time until = absl::Now() + options_.call_timeout;
    Response response;
    Retry retry;
    while (true) {
      const absl::Status status = Try(method, request, response, until);
      if (status.ok()) return response;
      if (!WaitToRetry(status, until, retry)) return status;
    }
  }

  // Reads a stream to its end, or until `on_message` returns false.
  template <class Stub, class Request, class Response>
  absl::Status Stream(StreamMethod<Stub, Request, Response> method, const Request& request,
                      absl::Time deadline, const std::function<bool(const Response&)>& on_message) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    Stub stub(channel_);
    const auto reader = (stub.*method)(&context, request);
    Response response;
    while (reader->Read(&response)) {
      if (on_message(response)) continue;
      context.TryCancel();
      while (reader->Read(&response)) {
      }
      reader->Finish();
      return absl::OkStatus();
    }
    return FromGrpc(reader->Finish());
  }

  // As Stream, but opens the stream again when the connection is lost, for at most one call's
  // timeout before the first message and `patience` after each. `make_request` says from where to
  // go on.
  template <class Stub, class Request, class Response>
  absl::Status Follow(StreamMethod<Stub, Request, Response> method,
                      const std::function<Request()>& make_request,
                      const std::function<bool(const Response&)>& on_message,
                      absl::Duration patience = absl::InfiniteDuration()) {
    Retry retry;
    absl::Time give_up = std::min(absl::Now() + options_.call_timeout, options_.follow_until);
    const std::function<bool(const Response&)> counted = [&](const Response& response) {
      retry = Retry{};
      give_up = std::min(absl::Now() + patience, options_.follow_until);
      return on_message(response);
    };
    while (true) {
      const absl::Time deadline = std::min(options_.follow_until, absl::Now() + kStreamLifetime);
      absl::Status status = Stream(method, make_request(), deadline, counted);
      const bool lapsed = absl::IsDeadlineExceeded(status) && absl::Now() < options_.follow_until;
      if (lapsed || WaitToRetry(status, give_up, retry)) continue;
      return absl::Now() >= options_.follow_until && !status.ok() ? TimeUp() : status;
    }
  }

  const std::string& address() const { return options_.address; }
  absl::Time follow_until() const { return options_.follow_until; }

 private:
  // A stream is opened anew after this long, so that no call is without a deadline.
  static constexpr absl::Duration kStreamLifetime = absl::Hours(1);

  // How often a call was repeated.
  struct Retry {
    absl::Duration pause = absl::Milliseconds(100);
    bool said = false;
  };

  Client(ClientOptions options, std::shared_ptr<grpc::Channel> channel)
      : options_(std::move(options)), channel_(std::move(channel)) {}

  template <class Stub, class Request, class Response>
  absl::Status Try(Method<Stub, Request, Response> method, const Request& request,
                   Response& response, absl::Time deadline) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(deadline));
    Stub stub(channel_);
    return FromGrpc((stub.*method)(&context, request, &response));
  }

  // The error with the server's name where it says nothing about itself.
  absl::Status FromGrpc(const grpc::Status& status) const;
  // Waits and returns true if the call may be repeated.
  bool WaitToRetry(const absl::Status& status, absl::Time until, Retry& retry) const;

  ClientOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace heliotrope::cli
