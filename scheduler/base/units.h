// Quantities that decide: fixed point in 64 bits, so that every host computes the same. They are
// made by named factories, and sums, differences and multiples saturate instead of overflowing.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <ostream>
#include <string>

#include "scheduler/base/check.h"

namespace heliotrope {

namespace units_internal {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

constexpr int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? kMax : kMin;
}

constexpr int64_t SaturatingSubtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return b < 0 ? kMax : kMin;
}

constexpr int64_t SaturatingMultiply(int64_t a, int64_t b) {
  int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  return (a < 0) == (b < 0) ? kMax : kMin;
}

// To the nearest, halves away from zero, limits beyond the range. REQUIRES: not NaN.
int64_t SaturatingRound(double value);

}  // namespace units_internal

// What Bytes, MilliCores and MicroCost share. Two different quantities neither add nor compare.
template <class Derived>
class Quantity {
 public:
  // In the smallest unit: bytes, thousandths of a core, millionths of a cost unit.
  constexpr int64_t value() const { return value_; }

  static constexpr Derived Zero() { return Make(0); }
  static constexpr Derived Max() { return Make(units_internal::kMax); }

  friend constexpr Derived operator+(Derived a, Derived b) {
    return Make(units_internal::SaturatingAdd(a.value(), b.value()));
  }
  friend constexpr Derived operator-(Derived a, Derived b) {
    return Make(units_internal::SaturatingSubtract(a.value(), b.value()));
  }
  friend constexpr Derived operator*(Derived a, int64_t times) {
    return Make(units_internal::SaturatingMultiply(a.value(), times));
  }
  friend constexpr Derived& operator+=(Derived& a, Derived b) { return a = a + b; }
  friend constexpr Derived& operator-=(Derived& a, Derived b) { return a = a - b; }

  // How many whole `b` fit in `a`. REQUIRES: b is not zero.
  friend constexpr int64_t operator/(Derived a, Derived b) {
    HT_CHECK(b.value() != 0);
    return b.value() == -1 ? units_internal::SaturatingSubtract(0, a.value())
                           : a.value() / b.value();
  }

  // This times `factor`, to the nearest unit. REQUIRES: factor is not NaN.
  Derived ScaledBy(double factor) const {
    return Make(units_internal::SaturatingRound(static_cast<double>(value_) * factor));
  }

  friend constexpr auto operator<=>(const Quantity&, const Quantity&) = default;
  template <class H>
  friend H AbslHashValue(H h, const Quantity& quantity) {
    return H::combine(std::move(h), quantity.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, const Derived& quantity) {
    return out << ToString(quantity);
  }

 protected:
  constexpr Quantity() = default;
  static constexpr Derived Make(int64_t value) {
    Derived made;
    made.value_ = value;
    return made;
  }

 private:
  int64_t value_ = 0;
};

class Bytes : public Quantity<Bytes> {
 public:
  constexpr Bytes() = default;
  static constexpr Bytes FromBytes(int64_t bytes) { return Make(bytes); }
  static constexpr Bytes FromKiB(int64_t kib) { return Make(1024) * kib; }
  static constexpr Bytes FromMiB(int64_t mib) { return Make(int64_t{1} << 20) * mib; }
  static constexpr Bytes FromGiB(int64_t gib) { return Make(int64_t{1} << 30) * gib; }
  static constexpr Bytes FromTiB(int64_t tib) { return Make(int64_t{1} << 40) * tib; }
};

class MilliCores : public Quantity<MilliCores> {
 public:
  constexpr MilliCores() = default;
  static constexpr MilliCores FromMilli(int64_t milli) { return Make(milli); }
  // Rounded up to a thousandth, so that nobody gets less than asked. REQUIRES: cores is not NaN.
  static MilliCores FromCores(double cores);

  double cores() const { return static_cast<double>(value()) / 1000.0; }
};

// A millionth of a cost unit; the unit is whatever the fleet's price signal is in.
class MicroCost : public Quantity<MicroCost> {
 public:
  constexpr MicroCost() = default;
  static constexpr MicroCost FromMicro(int64_t micro) { return Make(micro); }
  // To the nearest millionth. REQUIRES: units is not NaN.
  static MicroCost FromUnits(double units);

  double units() const { return static_cast<double>(value()) / 1e6; }
};

// For people: "1.5 GiB", "2.5 cores", "0.25".
std::string ToString(Bytes bytes);
std::string ToString(MilliCores cores);
std::string ToString(MicroCost cost);

}  // namespace heliotrope
