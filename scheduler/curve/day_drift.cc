#include "scheduler/curve/day_drift.h"

#include <cstddef>
#include <utility>

namespace heliotrope::curve {
namespace {

constexpr double kMemoryDays = 14;

}  // namespace

double DayDrift::At(int day_slot) const {
  constexpr int kAround = 2;
  double sum = 0;
  for (int i = -kAround; i <= kAround; ++i) {
    sum += values_[static_cast<size_t>((day_slot + i + kSlotsPerDay) % kSlotsPerDay)];
  }
  return sum / (2 * kAround + 1);
}

void DayDrift::Learn(int day_slot, double error, double gain) {
  float& value = values_[static_cast<size_t>(day_slot)];
  value = static_cast<float>((1 - 1 / kMemoryDays) * value + gain * error);
}

void DayDrift::Scale(double factor) {
  for (float& value : values_) value = static_cast<float>(factor * value);
}

void DayDrift::Set(std::vector<float> values) { values_ = std::move(values); }

}  // namespace heliotrope::curve
