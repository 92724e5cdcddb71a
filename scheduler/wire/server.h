// The server side of a connection: limits, keepalive, standard health checking and reflection.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "scheduler/wire/credentials.h"

namespace heliotrope::wire {

// A server that serves until it is shut down. The services must outlive it.
struct Server {
  std::unique_ptr<grpc::Server> server;
  // As bound: with the port that the kernel chose where port 0 was asked for.
  std::string address;
};

// Starts serving. Errors of the address are those of CheckListenAddress; UNAVAILABLE: it cannot be
// bound (taken, or not an address of this machine). Health is SERVING at once for every service;
// a daemon that is not ready yet starts its server later.
absl::StatusOr<Server> StartServer(const std::string& address, const Credentials& credentials,
                                   const std::vector<grpc::Service*>& services);

}  // namespace heliotrope::wire
