// How wrong the forecasts of one lead have been: a scale by hour of the local day, and quantiles of
// the scaled error, both tracked online.
#pragma once

#include <array>
#include <vector>

namespace heliotrope::curve {

constexpr int kQuantiles = 8;
constexpr std::array<double, kQuantiles> kQuantileLevels = {.03, .10, .25, .50, .75, .90, .95, .97};

// Quantile tracking: after each error e, Q += step * (q - [e <= Q]), whose long-run coverage is q
// whatever the errors do (Gibbs and Candes 2021; Angelopoulos, Candes and Tibshirani 2023, section
// 2.1, for the quantile itself). Errors are divided by the mean absolute error of their hour of the
// day, so that the calm of a night does not narrow the band of a day. Core thread only.
class ErrorModel {
 public:
  // `prior_scale` is the mean absolute error believed before the first error is seen.
  explicit ErrorModel(double prior_scale);

  struct Steps {
    double quantile = 0.004;  // step of a quantile, in scaled errors
    double scale = 0.0002;    // gain of the mean absolute error over all hours
    double hour = 0.002;      // gain of the mean absolute error of one hour
  };
  void Learn(double error, int hour, const Steps& steps);

  // Mean absolute error expected in an hour of the local day, in units of load.
  double Scale(int hour) const;
  double count() const { return numbers_[kCount]; }

  // Scaled error at level kQuantileLevels[i]; non-decreasing in i.
  std::array<double, kQuantiles> Quantiles() const;

  // Plain state: count, scale, 24 scales by hour, 24 counts by hour, 8 quantiles.
  static constexpr int kNumbers = 2 + 24 + 24 + kQuantiles;
  const std::array<double, kNumbers>& numbers() const { return numbers_; }
  void Set(const double* numbers);

 private:
  static constexpr int kCount = 0;
  static constexpr int kScale = 1;
  static constexpr int kHourScale = 2;
  static constexpr int kHourCount = 26;
  static constexpr int kQuantile = 50;

  std::array<double, kNumbers> numbers_{};
};

}  // namespace heliotrope::curve
