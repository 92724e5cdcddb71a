// What a peer attaches to an error: the details of a google.rpc.Status.
#include <grpcpp/support/status.h>

#include "scheduler/base/errors.h"
#include "scheduler/wire/status.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Input input(data, size);
  // What a peer sends that is none of these, gRPC gives as UNKNOWN.
  const auto code = static_cast<grpc::StatusCode>(input.Below(17));
  const std::string message(input.Text());
  const grpc::Status received(code, message, std::string(input.Rest()));
  const absl::Status status = heliotrope::wire::FromGrpc(received);
  HT_CHECK_EQ(status.ok(), received.ok());
  if (status.ok()) return 0;
  // Sent on, as the CLI's proxy or a log would, it says the same.
  const auto info = heliotrope::GetErrorInfo(status);
  const grpc::Status sent = heliotrope::wire::ToGrpc(status);
  HT_CHECK_LE(sent.error_details().size(), 8192u);
  const auto again = heliotrope::GetErrorInfo(heliotrope::wire::FromGrpc(sent));
  HT_CHECK(!info.has_value() || !again.has_value() || again->reason == info->reason);
  heliotrope::GetFieldViolations(status);
  return 0;
}
