// The core's state to records and back. Encode reads the values that Changes names from the
// machine, so it runs on the core thread, right after the batch that made them; Decoder turns what
// a store loads into the image that Machine::Recover takes.
//
//   meta         -                     next job number, time; with every batch
//   job          job number            spec and what became of the job
//   task         job number, index     only of tasks that something has happened to
//   request      request id            which job answered it
//   node         node id
//   curve_state  data center           a forecaster, and how good it was; replaces its bins
//   curve_bin    data center, start    what came after that state
//   arrivals     account               what it submits a day
//   durations    account, job name     how long its tasks run; both may be empty: everything
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/state.h"
#include "scheduler/store/store.h"

namespace heliotrope::store {

// Empty when nothing has changed.
Batch Encode(const core::Machine& machine, const core::Changes& changes);

// Takes records in a store's order, by kind and key.
class Decoder {
 public:
  // DATA_LOSS, naming the record, when it is damaged or contradicts those before it;
  // FAILED_PRECONDITION when a newer release wrote it.
  absl::Status Add(const Record& record);

  // All that was added. Call once, last.
  core::Image Finish();

 private:
  absl::Status AddJob(const Record& record);
  absl::Status AddTask(const Record& record);
  absl::Status AddCurveBin(const Record& record);

  core::Image image_;
};

// All at once.
absl::StatusOr<core::Image> Decode(const std::vector<Record>& records);

}  // namespace heliotrope::store
