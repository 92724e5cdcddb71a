// What another job would have gained: for who reads why his waits, and can change it.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// A line for each change of the class that is sure to be better for its next task, three at most:
// another residency (`residency` is how the job says it) for a start that is sooner or cheaper,
// checkpoints for a sooner start, a smaller request where none can start, a later deadline where
// none is met. Compares what Explain tells of the class and of a changed copy. Empty: nothing of
// that helps.
std::vector<std::string> Remedies(const Input& input, const Plan& plan, const Class& task_class,
                                  absl::string_view residency);

// What a core-hour costs in the mean over a stretch of the horizon, in price units (not micro);
// infinite outside of it.
double MeanPrice(const Input& input, size_t site, absl::Time from, absl::Time to);

}  // namespace heliotrope::plan
