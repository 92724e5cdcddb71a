// A small ridge regression with forgetting: the correction that the recent past makes to the
// profile, learned for one lead. Constant work and memory.
#pragma once

#include <array>
#include <vector>

namespace heliotrope::curve {

constexpr int kFeatures = 6;
using Features = std::array<double, kFeatures>;

// Recursive least squares in information form: A = sum lambda^age x x', b = sum lambda^age x y, and
// weights that solve (A + ridge I) w = b + ridge w0. The ridge never decays, so a series that stops
// moving draws the weights back to their prior instead of blowing up the covariance, the known
// weakness of the usual form (Ljung 1999, section 11.2). Learn is one Cholesky factor of 6 x 6; 0.4 kB. Core
// thread only.
class Regression {
 public:
  explicit Regression(const Features& prior) : prior_(prior), weights_(prior) {}

  struct Sample {
    Features features{};
    double target = 0;
    double memory = 2016;  // samples after which one counts for 1/e
    double ridge = 0;      // strength of the prior, in units of squared features
  };
  void Learn(const Sample& sample);

  double Predict(const Features& features) const;
  const Features& weights() const { return weights_; }

  // Plain state: upper triangle of A by rows, then b, then the weights.
  static constexpr int kNumbers = kFeatures * (kFeatures + 1) / 2 + 2 * kFeatures;
  void AppendTo(std::vector<double>& numbers) const;
  // Takes what AppendTo wrote; returns what follows it.
  const double* Set(const double* numbers);

 private:
  void Solve(double ridge);

  Features prior_;
  Features weights_;
  std::array<double, kFeatures*(kFeatures + 1) / 2> information_{};
  Features moment_{};
};

}  // namespace heliotrope::curve
