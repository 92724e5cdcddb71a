#include "scheduler/wire/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/wire/address.h"
#include "scheduler/wire/keepalive.h"

namespace heliotrope::wire {
namespace {

// Calls of one connection at once; more wait in HTTP/2's own flow control.
constexpr int kMaxConcurrentStreams = 1024;

void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
  builder.SetMaxSendMessageSize(static_cast<int>(kMaxGrpcMessageBytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinPingIntervalMs);
  // Two daemons on one port would each get half of the calls; the second is to fail instead.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

absl::StatusOr<Server> StartServer(const std::string& address, const Credentials& credentials,
                                   const std::vector<grpc::Service*>& services) {
  HT_RETURN_IF_ERROR(CheckListenAddress(address, credentials.has_tls));
  HT_ASSIGN_OR_RETURN(HostPort bound, ParseAddress(address));
  // Both are process-wide switches that must be set before the builder is made.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  SetLimits(builder);
  int port = 0;
  builder.AddListeningPort(address, credentials.server, &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  Server result;
  result.server = builder.BuildAndStart();
  if (result.server == nullptr || port == 0) {
    return Unavailable("CANNOT_LISTEN",
                       absl::StrCat("cannot listen on ", address,
                                    ": it is taken, or not an address of this machine"),
                       {{"address", address}});
  }
  bound.port = port;
  result.address = FormatAddress(bound);
  return result;
}

}  // namespace heliotrope::wire
