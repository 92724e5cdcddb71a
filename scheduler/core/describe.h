// The core's state and effects as text: for transcripts, logs and people. The same state always
// gives the same text.
#pragma once

#include <string>

#include "scheduler/core/effect.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

// One line for each node, job and touched task.
std::string Describe(const Machine& machine);

// One line without a line end, such as `start frankfurt-a 1/0#1`.
std::string Describe(const Effect& effect);

}  // namespace heliotrope::core
