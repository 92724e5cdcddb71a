// What a number of a restored state may be. Beside what no learner writes, a number that is finite but
// absurd would overflow in the first product and stay in every forecast. Private to this room.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "scheduler/curve/error_model.h"

namespace heliotrope::curve {

struct Bounds {
  double least;
  double most;
};

// Loads, errors and weights are of the order of 1, sums and counts grow by one a bin at most.
inline constexpr double kMostNumber = 1e9;
inline constexpr Bounds kAnyNumber{-kMostNumber, kMostNumber};
inline constexpr Bounds kNotNegative{0, kMostNumber};

// Where a number is: "numbers" 17 of a "curve state".
struct Cell {
  absl::string_view state;
  absl::string_view field;
  size_t index = 0;
};

inline absl::Status BoundError(const Cell& cell, absl::string_view value, Bounds bounds) {
  return absl::InvalidArgumentError(absl::StrCat(
      cell.state, " has ", value, " in ", cell.field, "[", cell.index, "], it may be ",
      bounds.least, " to ", bounds.most, ": restore another copy or start from imported history"));
}

// INVALID_ARGUMENT, naming the first of `count` numbers from `first` on that is not within bounds; one
// that is not a number is not. REQUIRES: they are there.
template <class Number>
absl::Status CheckBounds(const Cell& first, const std::vector<Number>& numbers, size_t count,
                         Bounds bounds) {
  for (size_t i = first.index; i < first.index + count; ++i) {
    const double value = static_cast<double>(numbers[i]);
    if (value >= bounds.least && value <= bounds.most) continue;
    return BoundError({first.state, first.field, i}, absl::StrCat(numbers[i]), bounds);
  }
  return absl::OkStatus();
}

// Of an ErrorModel whose state begins at `first` (error_model.h): counts and scales, quantiles of the
// scaled error, exponents that stretch them.
inline absl::Status CheckErrorModel(const Cell& first, const std::vector<double>& numbers,
                                    Bounds scales) {
  constexpr size_t kCountsAndScales = 2 + 24 + 24;
  constexpr Bounds kStretch{-2, 2};
  const auto at = [&first](size_t index) {
    return Cell{first.state, first.field, first.index + index};
  };
  absl::Status status = CheckBounds(at(0), numbers, kCountsAndScales, scales);
  status.Update(CheckBounds(at(kCountsAndScales), numbers, kQuantiles, kAnyNumber));
  status.Update(CheckBounds(at(kCountsAndScales + kQuantiles), numbers, kQuantiles, kStretch));
  return status;
}
static_assert(ErrorModel::kNumbers == 2 + 24 + 24 + 2 * kQuantiles);

}  // namespace heliotrope::curve
