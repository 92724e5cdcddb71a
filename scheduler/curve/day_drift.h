// How far the load has lately been off the weekly profile at each time of the day: what the slow
// profile has not learned yet. Knows nothing of time zones; the caller says how fast to learn.
#pragma once

#include <vector>

#include "scheduler/curve/bin.h"

namespace heliotrope::curve {

// One value per slot of the day, the same for all weekdays, a mean that forgets in about a fortnight.
// A season's dusk moves through it, and so does the hour by which a load that follows the sun is off
// after a change of the clocks. Learn and At are constant work; 1.2 kB. Core thread only.
class DayDrift {
 public:
  DayDrift() : values_(kSlotsPerDay, 0.0f) {}

  // The mean of the slot and of the two on each side.
  double At(int day_slot) const;
  // `error` is what the forecast with this drift was off by; `gain` in [0, 1].
  void Learn(int day_slot, double error, double gain);
  void Scale(double factor);

  // Plain state: a value per slot of the day.
  const std::vector<float>& values() const { return values_; }
  void Set(std::vector<float> values);

 private:
  std::vector<float> values_;
};

}  // namespace heliotrope::curve
