// Tasks with their attempts, checkpoints and move as records.
#pragma once

#include "heliotrope/store/v1/task.pb.h"
#include "scheduler/base/ids.h"
#include "scheduler/model/task.h"
#include "scheduler/store/field_reader.h"

namespace heliotrope::store {

void ToRecord(const model::Task& task, v1::Task& record);
// `id` completes the keys of its checkpoints. Problems go to `reader`.
model::Task FromRecord(const TaskId& id, const v1::Task& record, FieldReader& reader);

}  // namespace heliotrope::store
