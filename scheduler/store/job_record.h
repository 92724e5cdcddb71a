// Jobs and request ids as records.
#pragma once

#include "heliotrope/store/v1/job.pb.h"
#include "scheduler/core/state.h"
#include "scheduler/store/field_reader.h"

namespace heliotrope::store {

void ToRecord(const core::Job& job, v1::Job& record);
// The job without its uid (that is the key) and with untouched tasks. Problems go to `reader`.
core::Job FromRecord(const v1::Job& record, FieldReader& reader);

void ToRecord(const core::Request& request, v1::Request& record);
core::Request FromRecord(const v1::Request& record, FieldReader& reader);

}  // namespace heliotrope::store
