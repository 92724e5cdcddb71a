#include "scheduler/curve/regression.h"

#include <cmath>
#include <cstddef>

namespace heliotrope::curve {
namespace {

constexpr size_t N = kFeatures;
// A weight is of the order of 1. What is nearly singular gives others, and forecasts without bounds.
constexpr double kMostWeight = 1e6;

// Place of element (row, column), row <= column, in an upper triangle kept by rows.
constexpr size_t Place(size_t row, size_t column) { return row * N - row * (row + 1) / 2 + column; }

}  // namespace

void Regression::Learn(const Sample& sample) {
  const double keep = 1.0 - 1.0 / sample.memory;
  for (size_t row = 0; row < N; ++row) {
    for (size_t column = row; column < N; ++column) {
      double& cell = information_[Place(row, column)];
      cell = keep * cell + sample.features[row] * sample.features[column];
    }
    moment_[row] = keep * moment_[row] + sample.features[row] * sample.target;
  }
  Solve(sample.ridge);
}

void Regression::Solve(double ridge) {
  // Cholesky factor U'U of the ridged matrix; with ridge > 0 it is positive definite.
  std::array<double, N*(N + 1) / 2> factor{};
  Features right{};
  for (size_t row = 0; row < N; ++row) {
    for (size_t column = row; column < N; ++column) {
      double sum = information_[Place(row, column)] + (row == column ? ridge : 0.0);
      for (size_t k = 0; k < row; ++k) sum -= factor[Place(k, row)] * factor[Place(k, column)];
      if (row == column) {
        if (!(sum > 0)) return;  // Degenerate by rounding: keep the last good weights.
        factor[Place(row, row)] = std::sqrt(sum);
      } else {
        factor[Place(row, column)] = sum / factor[Place(row, row)];
      }
    }
    double sum = moment_[row] + ridge * prior_[row];
    for (size_t k = 0; k < row; ++k) sum -= factor[Place(k, row)] * right[k];
    right[row] = sum / factor[Place(row, row)];
  }
  Features solved{};
  for (size_t row = N; row-- > 0;) {
    double sum = right[row];
    for (size_t k = row + 1; k < N; ++k) sum -= factor[Place(row, k)] * solved[k];
    solved[row] = sum / factor[Place(row, row)];
    if (!(std::abs(solved[row]) <= kMostWeight)) return;  // As above.
  }
  weights_ = solved;
}

double Regression::Predict(const Features& features) const {
  double sum = 0;
  for (size_t i = 0; i < N; ++i) sum += weights_[i] * features[i];
  return sum;
}

void Regression::AppendTo(std::vector<double>& numbers) const {
  numbers.insert(numbers.end(), information_.begin(), information_.end());
  numbers.insert(numbers.end(), moment_.begin(), moment_.end());
  numbers.insert(numbers.end(), weights_.begin(), weights_.end());
}

const double* Regression::Set(const double* numbers) {
  for (double& cell : information_) cell = *numbers++;
  for (double& cell : moment_) cell = *numbers++;
  for (double& cell : weights_) cell = *numbers++;
  return numbers;
}

}  // namespace heliotrope::curve
