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

// Of the outer loop. It sees a forecast's outcome only after its lead, so a high gain overshoots;
// far out, where few outcomes tell, it has to be high all the same, and higher when the band is too
// wide. No stretch goes beyond the two last, whatever the last days were.
constexpr double kGain = 0.3;
constexpr double kGainFarOut = 0.75;
constexpr double kShrinkFarOut = 1.4;
constexpr double kMostStretched = 1.2;  // exponents
constexpr double kMostShrunk = -1.8;

bool IsFarOut(size_t quantile) { return quantile == 0 || quantile >= 6; }

// The exponent by which a quantile's distance from the median is stretched.
double Stretch(size_t quantile, double covered) {
  const double level = kQuantileLevels[quantile];
  const double gain = IsFarOut(quantile) ? kGainFarOut : kGain;
  double stretch =
      gain * (level > 0.5 ? (level - covered) / (1 - level) : (covered - level) / level);
  if (stretch < 0 && IsFarOut(quantile)) stretch *= kShrinkFarOut;
  return std::clamp(stretch, kMostShrunk, kMostStretched);
}

}  // namespace

ErrorModel::ErrorModel(double prior_scale) {
  numbers_[kScale] = prior_scale;
  for (size_t i = 0; i < kQuantiles; ++i) {
    numbers_[kQuantile + i] = kNormal[i];
    numbers_[kCovered + i] = kQuantileLevels[i];
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

void ErrorModel::LearnCovered(const std::array<bool, kQuantiles>& covered, double share) {
  for (size_t i = 0; i < kQuantiles; ++i) {
    numbers_[kCovered + i] += share * ((covered[i] ? 1.0 : 0.0) - numbers_[kCovered + i]);
  }
}

std::array<double, kQuantiles> ErrorModel::Quantiles() const {
  const double median = numbers_[kQuantile + kMedian];
  std::array<double, kQuantiles> quantiles;
  for (size_t i = 0; i < kQuantiles; ++i) {
    const double distance = numbers_[kQuantile + i] - median;
    quantiles[i] =
        i == kMedian ? median : median + distance * std::exp(Stretch(i, numbers_[kCovered + i]));
  }
  // Neighbours may cross by a step; sorting them is the rearrangement of Chernozhukov et al. 2010,
  // which never makes a quantile worse.
  std::sort(quantiles.begin(), quantiles.end());
  return quantiles;
}

void ErrorModel::Set(const double* numbers) { std::copy_n(numbers, kNumbers, numbers_.begin()); }

}  // namespace heliotrope::curve
