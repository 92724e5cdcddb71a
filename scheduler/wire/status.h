// absl::Status to grpc::Status and back. The details travel as google.rpc.Status in the standard
// trailer, so that every language's gRPC helpers can read them: one ErrorInfo of domain
// "heliotrope", and a BadRequest with the wrong fields.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace heliotrope::wire {

// Text and details are cut to what a gRPC trailer carries (peers refuse more than 8 KiB of it).
grpc::Status ToGrpc(const absl::Status& status);

// Details of other domains and ones that do not parse are dropped; code and text always arrive.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace heliotrope::wire
