#include "scheduler/curve/error_model.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace heliotrope::curve {
namespace {

// Quantiles of a normal error in units of its mean absolute value: the belief before any error.
constexpr std::array<double, kQuantiles> kNormal = {-2.357, -1.606, -0.845, 0.0,
                                                    0.845,  1.606,  2.062,  2.357};
constexpr double kScaleFloor = 1e-4;  // an exactly repeating curve still has a band of some width
constexpr double kPriorCount = 12;    // errors that the prior scale weighs
constexpr double kHourTrust = 24;     // an hour's own scale is trusted by n / (n + kHourTrust)
constexpr size_t kMedian = 3;

// Of the outer loop, per day. A forecast's outcome is seen only after its lead, so a higher gain
// overshoots; the less an outcome tells of a quantile, the higher it may and must be. The leak draws
// an exponent back, mostly inwards, so the aim is a little outside of the level.
constexpr std::array<double, kQuantiles> kGains = {8.0, 2.2, 0.3, 0, 0.3, 2.2, 5.0, 8.0};
constexpr std::array<double, kQuantiles> kAims = {.022, .093, .25, .50, .75, .907, .957, .978};
constexpr double kLeak = 0.2;
// No exponent goes beyond these, whatever the last days were.
constexpr double kMostStretched = 1.5;
constexpr double kMostShrunk = -1.8;

}  // namespace

ErrorModel::ErrorModel(double prior_scale) {
  numbers_[kScale] = prior_scale;
  for (size_t i = 0; i < kQuantiles; ++i) {
    numbers_[kQuantile + i] = kNormal[i];
  }
}

double ErrorModel::Scale(int hour) const {
  const size_t at = static_cast<size_t>(hour);
  const double count = numbers_[kHourCount + at];
  const double trust = count / (count + kHourTrust);
  const double scale = trust * numbers_[kHourScale + at] + (1 - trust) * numbers_[kScale];
  return std::max(kScaleFloor, scale);
}

void ErrorModel::Learn(double error, int hour, const Steps& steps) {
  const double scaled = error / Scale(hour);
  // Early errors move the quantiles faster: the prior is only a guess.
  const double step = std::max(steps.quantile, 0.25 / std::sqrt(numbers_[kCount] + 10.0));
  for (size_t i = 0; i < kQuantiles; ++i) {
    double& quantile = numbers_[kQuantile + i];
    quantile += step * (kQuantileLevels[i] - (scaled <= quantile ? 1.0 : 0.0));
  }
  const double magnitude = std::abs(error);
  const size_t at = static_cast<size_t>(hour);
  const double share = std::max(steps.scale, 1.0 / (numbers_[kCount] + kPriorCount));
  const double hour_share = std::max(steps.hour, 1.0 / (numbers_[kHourCount + at] + 1.0));
  numbers_[kScale] += share * (magnitude - numbers_[kScale]);
  numbers_[kHourScale + at] += hour_share * (magnitude - numbers_[kHourScale + at]);
  numbers_[kCount] += 1;
  numbers_[kHourCount + at] += 1;
}

void ErrorModel::LearnCovered(const std::array<bool, kQuantiles>& covered, double days,
                              double boost) {
  for (size_t i = 0; i < kQuantiles; ++i) {
    double& stretch = numbers_[kStretch + i];
    const double missing = kAims[i] - (covered[i] ? 1.0 : 0.0);
    const double outward = i > kMedian ? missing : -missing;
    stretch += days * (boost * kGains[i] * outward - kLeak * stretch);
    stretch = std::clamp(stretch, kMostShrunk, kMostStretched);
  }
}

void ErrorModel::Calm(double scale) {
  numbers_[kScale] = std::min(numbers_[kScale], scale);
  for (size_t hour = 0; hour < 24; ++hour) {
    numbers_[kHourScale + hour] = std::min(numbers_[kHourScale + hour], scale);
  }
  for (size_t i = 0; i < kQuantiles; ++i) numbers_[kStretch + i] = 0;
}

std::array<double, kQuantiles> ErrorModel::Quantiles() const {
  const double median = numbers_[kQuantile + kMedian];
  std::array<double, kQuantiles> quantiles;
  for (size_t i = 0; i < kQuantiles; ++i) {
    const double distance = numbers_[kQuantile + i] - median;
    quantiles[i] = median + distance * std::exp(numbers_[kStretch + i]);
  }
  // Neighbours may cross. From the median outwards each is at least as far out as the one before: so
  // none depends on one further out, and each loop sees what it has done.
  for (size_t i = kMedian + 1; i < kQuantiles; ++i) {
    quantiles[i] = std::max(quantiles[i], quantiles[i - 1]);
  }
  for (size_t i = kMedian; i-- > 0;) quantiles[i] = std::min(quantiles[i], quantiles[i + 1]);
  return quantiles;
}

void ErrorModel::AppendTo(std::vector<double>& numbers) const {
  numbers.insert(numbers.end(), numbers_.begin(), numbers_.end());
}

const double* ErrorModel::Set(const double* numbers) {
  std::copy_n(numbers, kNumbers, numbers_.begin());
  return numbers + kNumbers;
}

}  // namespace heliotrope::curve
