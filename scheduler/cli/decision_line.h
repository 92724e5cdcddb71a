// A decision as one line. Pure.
#pragma once

#include <string>

#include "heliotrope/v1/plan.pb.h"
#include "scheduler/cli/look.h"

namespace heliotrope::cli {

// "03-02 09:00 move   nightly-7/3  hangzhou -> frankfurt-1  RAMP_AHEAD: ..." Time is UTC.
std::string DecisionLine(const v1::Decision& decision, const Look& look);

}  // namespace heliotrope::cli
