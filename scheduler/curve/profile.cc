#include "scheduler/curve/profile.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace heliotrope::curve {
namespace {

constexpr int kWeekday = kSlotsPerWeek;
constexpr int kWeekend = kWeekday + kSlotsPerDay;
constexpr int kDay = kWeekend + kSlotsPerDay;
constexpr int kLevel = kDay + kSlotsPerDay;

constexpr double kLean = 2.0;         // a table is trusted by n / (n + kLean)
constexpr double kMaxCount = 1000.0;  // counts only matter while small
constexpr double kDayGain = 0.10;     // gain of the coarser tables, which see 2 to 7 values a week
constexpr double kLevelGain = 0.2 / kSlotsPerDay;

}  // namespace

Profile::Profile(const ProfileOptions& options)
    : options_(options), values_(kCells, 0.0f), counts_(kCells, 0.0f) {
  values_[kLevel] = static_cast<float>(options.prior_load);
}

double Profile::AtOne(int week_slot) const {
  const int day_slot = week_slot % kSlotsPerDay;
  const int type = week_slot / kSlotsPerDay >= 5 ? kWeekend : kWeekday;
  double load = values_[kLevel];
  for (const int cell : {kDay + day_slot, type + day_slot, week_slot}) {
    const size_t at = static_cast<size_t>(cell);
    const double trust = counts_[at] / (counts_[at] + kLean);
    load = trust * values_[at] + (1 - trust) * load;
  }
  return load;
}

double Profile::At(const CivilSlot& slot) const {
  // A binomial kernel: five-minute noise goes, a ramp stays where it is.
  constexpr std::array<double, 5> kKernel = {1.0 / 16, 4.0 / 16, 6.0 / 16, 4.0 / 16, 1.0 / 16};
  double load = 0;
  for (int i = 0; i < 5; ++i) {
    const int week_slot = (slot.week + i - 2 + kSlotsPerWeek) % kSlotsPerWeek;
    load += kKernel[static_cast<size_t>(i)] * AtOne(week_slot);
  }
  return load;
}

void Profile::LearnCell(int cell, double load, double weight, double gain) {
  const size_t at = static_cast<size_t>(cell);
  // A plain mean while young, an exponential one when old.
  const double share = weight * std::max(gain, 1.0 / (counts_[at] + 1.0));
  values_[at] = static_cast<float>(values_[at] + share * (load - values_[at]));
  counts_[at] = static_cast<float>(std::min(kMaxCount, counts_[at] + weight));
}

void Profile::Learn(const CivilSlot& slot, double load, double weight) {
  LearnCell(slot.week, load, weight, options_.gain);
  LearnCell((slot.weekend ? kWeekend : kWeekday) + slot.day, load, weight, kDayGain);
  LearnCell(kDay + slot.day, load, weight, kDayGain);
  LearnCell(kLevel, load, weight, kLevelGain);
}

void Profile::Scale(double factor) {
  for (float& value : values_) value = static_cast<float>(value * factor);
}

void Profile::Set(std::vector<float> values, std::vector<float> counts) {
  values_ = std::move(values);
  counts_ = std::move(counts);
}

}  // namespace heliotrope::curve
