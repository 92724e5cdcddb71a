#include "tests/fuzz/job_round_trip.h"

#include <memory>
#include <vector>

#include "scheduler/base/errors.h"
#include "scheduler/model/fleet.h"
#include "scheduler/model/validate.h"
#include "scheduler/rpc/convert_job.h"
#include "scheduler/wire/status.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

// gRPC refuses more metadata than this, in which a status travels.
constexpr size_t kMaxDetailsBytes = 8192;

v1::CreateJobRequest RequestOf(const model::JobSpec& spec) {
  v1::CreateJobRequest request;
  rpc::SpecToProto(spec, *request.mutable_job());
  return request;
}

void CheckOnTheWire(const absl::Status& status) {
  const grpc::Status sent = wire::ToGrpc(status);
  HT_CHECK(!sent.error_message().empty());
  HT_CHECK_LE(sent.error_message().size(), kMaxDetailsBytes);
  HT_CHECK_LE(sent.error_details().size(), kMaxDetailsBytes);
  const absl::Status received = wire::FromGrpc(sent);
  HT_CHECK_EQ(received.code(), status.code());
  HT_CHECK_EQ(GetReason(received), GetReason(status));
}

}  // namespace

void CheckJob(const v1::Job& job) {
  const auto spec = rpc::SpecFromProto(job);
  if (!spec.ok()) {
    CheckRefusal(spec.status());
    CheckOnTheWire(spec.status());
    return;
  }
  const v1::CreateJobRequest once = RequestOf(**spec);
  const auto violations = model::ValidateJobSpec(
      **spec,
      model::JurisdictionTable({{"EU", {JurisdictionCode("DE")}}}, {JurisdictionCode("DE")}),
      {.lease = absl::Seconds(60)});
  if (!violations.empty()) {
    const absl::Status refused = InvalidFields(violations);
    CheckRefusal(refused);
    CheckOnTheWire(refused);
    return;
  }
  // What is accepted is kept in another form and shown in this one again.
  const auto again = rpc::SpecFromProto(once.job());
  HT_CHECK(again.ok());
  HT_CHECK_EQ(rpc::Fingerprint(RequestOf(**again)), rpc::Fingerprint(once));
}

}  // namespace heliotrope::fuzz
