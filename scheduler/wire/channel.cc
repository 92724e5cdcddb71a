#include "scheduler/wire/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/wire/address.h"
#include "scheduler/wire/keepalive.h"

namespace heliotrope::wire {

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const std::string& address,
                                                           const Credentials& credentials) {
  HT_RETURN_IF_ERROR(CheckDialAddress(address, credentials.has_tls));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
  arguments.SetMaxSendMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kInitialReconnectBackoffMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kMinConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectBackoffMs);
  // An HTTP proxy of the environment has no business between a fleet's own daemons.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A service configuration from DNS could change our deadlines and retries.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return grpc::CreateCustomChannel(address, credentials.client, arguments);
}

}  // namespace heliotrope::wire
