#include "scheduler/base/units.h"

#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace heliotrope {
namespace {

// Shortest text with at most `digits` decimals: "2", "2.5".
std::string Decimal(double value, int digits) {
  std::string text = absl::StrFormat("%.*f", digits, value);
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace

namespace units_internal {

int64_t SaturatingRound(double value) {
  HT_CHECK(!std::isnan(value));
  // 2^63 is the first double beyond the range.
  constexpr double kLimit = 9223372036854775808.0;
  if (value >= kLimit) return kMax;
  if (value < -kLimit) return kMin;
  return std::llround(value);
}

}  // namespace units_internal

MilliCores MilliCores::FromCores(double cores) {
  // 1.1 * 1000 is a little above 1100 in binary: a millionth of a milli-core is not asked for.
  return Make(units_internal::SaturatingRound(std::ceil(cores * 1000.0 - 1e-6)));
}

MicroCost MicroCost::FromUnits(double units) {
  return Make(units_internal::SaturatingRound(units * 1e6));
}

std::string ToString(Bytes bytes) {
  constexpr std::array kNames = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes.value());
  size_t step = 0;
  while (std::abs(value) >= 1024.0 && step + 1 < kNames.size()) {
    value /= 1024.0;
    ++step;
  }
  return absl::StrCat(Decimal(value, 1), " ", kNames[step]);
}

std::string ToString(MilliCores cores) {
  return absl::StrCat(Decimal(cores.cores(), 3), cores.value() == 1000 ? " core" : " cores");
}

std::string ToString(MicroCost cost) { return Decimal(cost.units(), 6); }

}  // namespace heliotrope
