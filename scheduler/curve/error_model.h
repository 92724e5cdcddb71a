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
// day, so that the calm of a night does not narrow the band of a day.
//
// That alone is right in the long run, but slow: errors of one day are alike, and a disturbed month
// leaves the quantiles wide. So an outer loop, adaptive conformal inference (the same papers) with a
// leak, watches what the quantiles covered as they were published and stretches or shrinks their
// distance from the median: per day the exponent moves by gain (q - covered), for q under one half
// by the mirror image, and forgets a fifth of itself. Constant work; 0.5 kB.
// Core thread only.
class ErrorModel {
 public:
  // `prior_scale` is the mean absolute error believed before the first error is seen.
  explicit ErrorModel(double prior_scale);

  struct Steps {
    double quantile = 0.0007;  // step of a quantile, in scaled errors
    double scale = 0.0002;     // gain of the mean absolute error over all hours
    double hour = 0.002;       // gain of the mean absolute error of one hour
  };
  void Learn(double error, int hour, const Steps& steps);
  // Whether an outcome came at or under each quantile that had been published for it; `days` is
  // the time that this outcome stands for. `boost` multiplies the gains: a lead shorter than a day
  // sees its outcomes sooner and may answer more.
  void LearnCovered(const std::array<bool, kQuantiles>& covered, double days, double boost = 1);

  // Forgets errors above `scale`, a mean absolute error, and what they did to the quantiles: their
  // cause has been found and mended.
  void Calm(double scale);

  // Mean absolute error expected in an hour of the local day, in units of load.
  double Scale(int hour) const;
  double count() const { return numbers_[kCount]; }

  // Scaled error at level kQuantileLevels[i]; non-decreasing in i.
  std::array<double, kQuantiles> Quantiles() const;

  // Plain state: count, scale, 24 scales by hour, 24 counts by hour, 8 quantiles, 8 stretches.
  static constexpr int kNumbers = 2 + 24 + 24 + kQuantiles + kQuantiles;
  void AppendTo(std::vector<double>& numbers) const;
  // Takes what AppendTo wrote; returns what follows it.
  const double* Set(const double* numbers);

 private:
  static constexpr int kCount = 0;
  static constexpr int kScale = 1;
  static constexpr int kHourScale = 2;
  static constexpr int kHourCount = 26;
  static constexpr int kQuantile = 50;
  static constexpr int kStretch = kQuantile + kQuantiles;

  std::array<double, kNumbers> numbers_{};
};

}  // namespace heliotrope::curve
