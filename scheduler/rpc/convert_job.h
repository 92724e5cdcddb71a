// Jobs between the API's protobufs and the model's values.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "heliotrope/v1/jobs.pb.h"
#include "scheduler/model/job.h"

namespace heliotrope::rpc {

// Defaults are filled in; whether the values make sense is for model::ValidateJobSpec.
// INVALID_ARGUMENT names every field that cannot be represented (a duration out of range, an
// unknown signal).
absl::StatusOr<std::shared_ptr<const model::JobSpec>> SpecFromProto(const v1::Job& job);

// Fills what a client may set.
void SpecToProto(const model::JobSpec& spec, v1::Job& job);
// The part of it that an agent needs.
void TaskTemplateToProto(const model::JobSpec& spec, v1::TaskTemplate& task);

// Of the request without its request id: the same in every process. FNV-1a, 64 bits.
uint64_t Fingerprint(const v1::CreateJobRequest& request);

}  // namespace heliotrope::rpc
