// Checks of what comes from outside, before anything changes. Pure.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/errors.h"
#include "scheduler/model/fleet.h"
#include "scheduler/model/job.h"

namespace heliotrope::model {

struct ValidationLimits {
  absl::Duration lease;  // Real time; a grace may be half of it.
};

// Every field of the spec that is wrong, with the path as in jobs.proto ("job.task.milli_cores"),
// the value, the limit and the remedy. Empty: sound. Residency words are checked against the table.
std::vector<FieldViolation> ValidateJobSpec(const JobSpec& spec, const JurisdictionTable& table,
                                            const ValidationLimits& limits);

}  // namespace heliotrope::model
