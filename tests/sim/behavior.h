// What a simulated job is like. The scheduler never knows.
#pragma once

#include "absl/time/time.h"

namespace heliotrope::faultsim {

struct Behavior {
  absl::Duration work;            // Running time until it is finished.
  bool saves = false;             // It keeps the checkpoint contract.
  absl::Duration save_time;       // From its signal to its exit.
  double stubborn = 0;            // Chance that it does not save in time.
  uint32_t failing_attempts = 0;  // Attempts up to this one exit with an error half way.
  uint32_t tasks = 1;
};

}  // namespace heliotrope::faultsim
