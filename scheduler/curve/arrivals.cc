#include "scheduler/curve/arrivals.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "scheduler/curve/bounds.h"

namespace heliotrope::curve {
namespace {

constexpr double kGain = 0.3;        // of a weekday's mean
constexpr double kMeanMemory = 21;   // days
constexpr double kLevelMemory = 4;   // days
constexpr double kMostLevel = 3;     // and its inverse the least
constexpr double kScaleMemory = 14;  // days
constexpr double kStep = 0.08;       // of an error quantile a day, in scaled errors
constexpr double kPriorError = 1;    // core hours
constexpr int64_t kLongestGap = 60;  // days; a longer one says nothing of a day
constexpr size_t kP10 = 1;
constexpr size_t kP50 = 3;
constexpr size_t kP90 = 5;
constexpr int64_t kLatestDay = int64_t{1} << 32;
// Of a day: a hundred thousand jobs of the largest size are less.
constexpr Bounds kCoreHours{0, 1e18};

size_t WeekdayOf(int64_t day) {
  // The epoch fell on a Thursday, the fourth day of a week that starts on Monday.
  return static_cast<size_t>(((day + 3) % 7 + 7) % 7);
}

// REQUIRES: it has the numbers of an error model last.
absl::Status CheckValues(const ArrivalState& state) {
  constexpr char kState[] = "arrival state";
  for (size_t i = 0; i < state.integers.size(); ++i) {
    if (state.integers[i] >= 0 && state.integers[i] < kLatestDay) continue;
    return BoundError({kState, "integers", i}, absl::StrCat(state.integers[i]),
                      {0, static_cast<double>(kLatestDay - 1)});
  }
  const size_t own = state.numbers.size() - ErrorModel::kNumbers;
  absl::Status status = CheckBounds({kState, "numbers", 0}, state.numbers, own, kCoreHours);
  status.Update(CheckErrorModel({kState, "numbers", own}, state.numbers, kCoreHours));
  return status;
}

}  // namespace

int64_t UtcDay(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0);
}

Arrivals::Arrivals() : errors_(kPriorError) {}

void Arrivals::Add(absl::Time now, double core_hours) {
  Advance(now);
  if (integers_[kDay] == 0) integers_[kDay] = UtcDay(now);
  numbers_[kToday] += core_hours;
}

void Arrivals::Advance(absl::Time now) {
  const int64_t day = UtcDay(now);
  if (integers_[kDay] == 0) return;
  if (day - integers_[kDay] > kLongestGap) {
    Close();
    integers_[kDay] = day;
  }
  while (integers_[kDay] < day) Close();
}

// The day under way has ended.
void Arrivals::Close() {
  const int64_t day = integers_[kDay];
  const double total = numbers_[kToday];
  const double before = Expected(day);
  if (integers_[kDays] > 0) {
    errors_.Learn(total - before * Level(), 0,
                  {.quantile = kStep, .scale = 1 / kScaleMemory, .hour = 1 / kScaleMemory});
    numbers_[kSeen] += (total - numbers_[kSeen]) / kLevelMemory;
    numbers_[kForeseen] += (before - numbers_[kForeseen]) / kLevelMemory;
  }
  const double days = static_cast<double>(++integers_[kDays]);
  numbers_[kMean] += (total - numbers_[kMean]) / std::min(days, kMeanMemory);
  const size_t weekday = WeekdayOf(day);
  double& count = numbers_[kCounts + weekday];
  numbers_[kMeans + weekday] +=
      std::max(kGain, 1 / (count + 1)) * (total - numbers_[kMeans + weekday]);
  count += 1;
  numbers_[kToday] = 0;
  ++integers_[kDay];
}

double Arrivals::Expected(int64_t day) const {
  const size_t weekday = WeekdayOf(day);
  const double trust = numbers_[kCounts + weekday] / (numbers_[kCounts + weekday] + 1);
  return trust * numbers_[kMeans + weekday] + (1 - trust) * numbers_[kMean];
}

double Arrivals::Level() const {
  if (numbers_[kForeseen] <= 0) return 1;
  return std::clamp(numbers_[kSeen] / numbers_[kForeseen], 1 / kMostLevel, kMostLevel);
}

ArrivalForecast Arrivals::On(int64_t day) const {
  const double least = day == integers_[kDay] ? numbers_[kToday] : 0;
  const double expected = Expected(day) * Level();
  const double scale = errors_.Scale(0);
  const std::array<double, kQuantiles> quantiles = errors_.Quantiles();
  const auto at = [&](size_t i) { return std::max(least, expected + scale * quantiles[i]); };
  return {.p10 = at(kP10), .p50 = at(kP50), .p90 = at(kP90)};
}

ArrivalState Arrivals::Save() const {
  ArrivalState state;
  state.integers.assign(integers_.begin(), integers_.end());
  state.numbers.assign(numbers_.begin(), numbers_.end());
  errors_.AppendTo(state.numbers);
  return state;
}

absl::StatusOr<Arrivals> Arrivals::Restore(const ArrivalState& state) {
  if (state.version != ArrivalState::kVersion || state.integers.size() != kIntegers ||
      state.numbers.size() != kNumbers + ErrorModel::kNumbers) {
    return absl::InvalidArgumentError(
        absl::StrCat("arrival state of version ", state.version, " with ", state.integers.size(),
                     " integers and ", state.numbers.size(), " numbers is none of this program's"));
  }
  const absl::Status status = CheckValues(state);
  if (!status.ok()) return status;
  Arrivals arrivals;
  std::copy_n(state.integers.begin(), kIntegers, arrivals.integers_.begin());
  std::copy_n(state.numbers.begin(), kNumbers, arrivals.numbers_.begin());
  arrivals.errors_.Set(state.numbers.data() + kNumbers);
  return arrivals;
}

}  // namespace heliotrope::curve
