// The client side of a connection: one channel per peer, reused.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "scheduler/wire/credentials.h"

namespace heliotrope::wire {

// A lazy channel with our message limits, keepalive and reconnection backoff. Errors of the address
// are those of CheckDialAddress; that nobody answers shows only in the first call.
absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const Credentials& credentials);

}  // namespace heliotrope::wire
