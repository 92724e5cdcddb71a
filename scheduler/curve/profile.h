// The mean load by time of the local week, and the coarser profiles it leans on while it is young.
// Knows nothing of time zones: it is addressed by CivilSlot.
#pragma once

#include <cstdint>
#include <vector>

#include "scheduler/curve/bin.h"

namespace heliotrope::curve {

struct ProfileOptions {
  double gain = 0.10;       // share of a new value in its slot of the week, once the slot is old
  double prior_load = 0.5;  // the level before the first sample, as a fraction of capacity
};

// Three tables: by slot of the week (2016), by slot of the day for weekdays and weekends (2 x 288),
// and by slot of the day (288). A table's value is trusted by n/(n+2), n being how often its slot
// was seen, and leans on the next coarser one for the rest; the coarsest leans on the running
// level. Learning and reading are constant work; 23 kB. Core thread only.
class Profile {
 public:
  explicit Profile(const ProfileOptions& options);

  // The expected load, smoothed over the two slots on each side.
  double At(const CivilSlot& slot) const;

  // Multiplies all that has been learned: the load has a new level and its old shape.
  void Scale(double factor);
  // Learns one value; `weight` in (0, 1] scales the gain (one half in the hour shown twice).
  void Learn(const CivilSlot& slot, double load, double weight);

  // The running mean of all values, about five days.
  double Level() const { return values_.back(); }

  // Plain state: values and counts by week | weekday | weekend | day | level.
  static constexpr int kCells = kSlotsPerWeek + 3 * kSlotsPerDay + 1;
  const std::vector<float>& values() const { return values_; }
  const std::vector<float>& counts() const { return counts_; }
  void Set(std::vector<float> values, std::vector<float> counts);

 private:
  double AtOne(int week_slot) const;
  void LearnCell(int cell, double load, double weight, double gain);

  ProfileOptions options_;
  std::vector<float> values_;
  std::vector<float> counts_;
};

}  // namespace heliotrope::curve
