// How long to wait before dialling again.
#pragma once

#include <algorithm>

#include "absl/time/time.h"
#include "scheduler/base/random.h"

namespace heliotrope::agent::link {

// Doubles from `initial` to `max`; each wait is between half of that and all of it, so that a fleet
// does not come back in one instant. Not thread-safe.
class Backoff {
 public:
  struct Options {
    absl::Duration initial = absl::Milliseconds(100);
    absl::Duration max = absl::Seconds(5);
  };

  Backoff(const Options& options, uint64_t seed)
      : options_(options), random_(seed), next_(options.initial) {}

  absl::Duration Next() {
    const absl::Duration whole = next_;
    next_ = std::min(next_ * 2, options_.max);
    return whole * (0.5 + random_.Double() / 2);
  }
  void Reset() { next_ = options_.initial; }

  // After a refusal that only a person can mend: between 5 and 30 s.
  absl::Duration NextSlow() { return absl::Seconds(5) + absl::Seconds(25) * random_.Double(); }

 private:
  const Options options_;
  Random random_;
  absl::Duration next_;
};

}  // namespace heliotrope::agent::link
