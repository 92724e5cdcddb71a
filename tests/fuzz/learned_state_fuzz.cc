// What was learned, as a store gives it back: curves, how good they were, arrivals and durations, with
// numbers changed to what no learner writes, or as a record of any bytes. It is refused, or works on
// in finite numbers and is saved as it was.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/coverage.h"
#include "scheduler/curve/arrivals.h"
#include "scheduler/curve/durations.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/store/codec.h"
#include "scheduler/store/keys.h"
#include "tests/fuzz/fuzz.h"

namespace heliotrope::fuzz {
namespace {

const absl::Time kStart = absl::FromCivil(absl::CivilHour(2026, 3, 2, 0), absl::UTCTimeZone());
const AccountId kAccount("acme");
constexpr char kStem[] = "nightly";

// --- Numbers that are not those of a learner ---

double OtherNumber(Input& input) {
  constexpr double kOthers[] = {0,    -1,   -2,    -24,   1e-300, 1e9,  -1e9,
                                1e18, 1e38, 1e150, 1e300, -1e300, 1e-9, 4};
  const size_t which = input.Below(std::size(kOthers) + 3);
  if (which < std::size(kOthers)) return kOthers[which];
  if (which == std::size(kOthers)) return std::numeric_limits<double>::quiet_NaN();
  if (which == std::size(kOthers) + 1) return std::numeric_limits<double>::infinity();
  uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) bits = bits << 8 | input.Byte();
  double number = 0;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

void Change(Input& input, std::vector<int64_t>& integers, size_t at) {
  integers[at] = input.Number();
}
void Change(Input& input, std::vector<double>& numbers, size_t at) {
  numbers[at] = OtherNumber(input);
}
void Change(Input& input, std::vector<float>& numbers, size_t at) {
  const double other = OtherNumber(input);
  constexpr double kMost = std::numeric_limits<float>::max();
  numbers[at] =
      std::abs(other) > kMost ? std::numeric_limits<float>::infinity() : static_cast<float>(other);
}

// One of them, all from one on, or their number.
template <class Number>
void ChangeIn(Input& input, std::vector<Number>& numbers) {
  if (numbers.empty()) return;
  const size_t high = input.Byte();
  const size_t low = input.Byte();
  const size_t at = (high << 16 | low << 8 | input.Byte()) % numbers.size();
  const size_t how = input.Below(32);
  if (how == 0) return numbers.resize(at);
  Change(input, numbers, at);
  if (how < 4) std::fill(numbers.begin() + static_cast<ptrdiff_t>(at), numbers.end(), numbers[at]);
}

// --- Curves ---

curve::Bin BinAt(int64_t index) {
  const double day = std::sin(static_cast<double>(index % curve::kSlotsPerDay) / 46);
  return {kStart + index * curve::BinLength(),
          0.4 + 0.3 * day + 0.01 * static_cast<double>(index % 7)};
}

// One special day that it has seen, and one to come.
const curve::ForecasterOptions& Options() {
  static const curve::ForecasterOptions options = [] {
    const int64_t first = curve::SlotAt(absl::UTCTimeZone(), curve::BinIndex(kStart)).date;
    return curve::ForecasterOptions{
        .special_days = {{.name = "sale", .dates = {first + 10, first + 23}}}};
  }();
  return options;
}

struct Curve {
  curve::ForecasterState state;
  core::CoverageState coverage;
};

// Of three weeks and a day: what comes late in a curve's life has begun.
const Curve& GrownCurve() {
  static const Curve grown = [] {
    curve::Forecaster forecaster(absl::UTCTimeZone(), Options());
    core::Coverage coverage;
    for (int64_t i = 0; i < 22 * curve::kSlotsPerDay; ++i) {
      forecaster.Observe(BinAt(i));
      coverage.Follow(BinAt(i), forecaster);
    }
    return Curve{forecaster.Save(), coverage.Save()};
  }();
  return grown;
}

void CheckForecasts(const curve::Forecaster& forecaster, absl::Time from) {
  for (const int64_t lead : {1, 3, 40, 288, 700, 2016}) {
    const curve::Forecast forecast = forecaster.At(from + lead * curve::BinLength(), from);
    double before = 0;
    for (const double value : curve::Values(forecast)) {
      HT_CHECK(std::isfinite(value));
      HT_CHECK(value >= before);
      before = value;
    }
    HT_CHECK(std::isfinite(forecaster.ProfileAt(from + lead * curve::BinLength())));
  }
  HT_CHECK(forecaster.StatusAt(from).reason.size() < kMaxRefusalBytes);
  HT_CHECK(forecaster.History().size() <= curve::kHistoryBins);
}

template <class Number>
bool Same(const std::vector<Number>& a, const std::vector<Number>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(Number)) == 0);
}

std::vector<double> WithoutSpecial(std::vector<double> numbers) {
  numbers.resize(numbers.size() - curve::SpecialDays::kNumbers);
  return numbers;
}

void UseCurve(const curve::ForecasterState& state, const core::CoverageState& covered) {
  auto forecaster = curve::Forecaster::Restore(absl::UTCTimeZone(), Options(), state);
  auto coverage = core::Coverage::Restore(covered);
  if (!coverage.ok()) {
    CheckRefusal(coverage.status());
    coverage = core::Coverage();
  } else {
    const core::CoverageState again = coverage->Save();
    HT_CHECK(again.scored == covered.scored && Same(again.shares, covered.shares));
    HT_CHECK(Same(again.bins, covered.bins) && Same(again.quantiles, covered.quantiles));
  }
  if (!forecaster.ok()) return CheckRefusal(forecaster.status());
  const curve::ForecasterState saved = forecaster->Save();
  if (state.version == curve::ForecasterState::kVersion) {
    // A special day whose name is not among them has taken a place of what was learned of such.
    HT_CHECK(Same(WithoutSpecial(saved.numbers), WithoutSpecial(state.numbers)));
    HT_CHECK(Same(saved.profile, state.profile));
    HT_CHECK(Same(saved.samples, state.samples));
    HT_CHECK(Same(saved.open_forecasts, state.open_forecasts));
  }
  CheckForecasts(*forecaster, kStart + absl::Hours(24 * 22));
  for (int64_t i = 0; i < 30; ++i) {
    const curve::Bin bin = BinAt(22 * curve::kSlotsPerDay + i * i);
    if (forecaster->Observe(bin) == curve::Observation::kTaken) {
      coverage->Follow(bin, *forecaster);
    }
  }
  CheckForecasts(*forecaster, kStart + absl::Hours(24 * 26));
  for (const double number : forecaster->Save().numbers) HT_CHECK(std::isfinite(number));
  for (size_t i = 0; i < curve::kQuantiles; ++i) HT_CHECK(std::isfinite(coverage->share(i)));
}

void TryCurve(Input& input) {
  Curve curve = GrownCurve();
  if (input.Byte() < 16) curve.state.version = static_cast<int>(input.Number());
  for (int i = 0; i < 12 && !input.empty(); ++i) {
    switch (input.Below(9)) {
      case 0:
        ChangeIn(input, curve.state.integers);
        break;
      case 1:
        ChangeIn(input, curve.state.profile);
        break;
      case 2:
        ChangeIn(input, curve.state.samples);
        break;
      case 3:
        ChangeIn(input, curve.state.open_forecasts);
        break;
      case 4:
        ChangeIn(input, curve.coverage.shares);
        break;
      case 5:
        ChangeIn(input, curve.coverage.quantiles);
        break;
      case 6:
        ChangeIn(input, curve.coverage.bins);
        curve.coverage.scored = input.Number();
        break;
      default:
        ChangeIn(input, curve.state.numbers);
    }
  }
  UseCurve(curve.state, curve.coverage);
}

// --- Arrivals ---

void UseArrivals(const curve::ArrivalState& state) {
  auto arrivals = curve::Arrivals::Restore(state);
  if (!arrivals.ok()) return CheckRefusal(arrivals.status());
  const curve::ArrivalState saved = arrivals->Save();
  HT_CHECK(Same(saved.integers, state.integers) && Same(saved.numbers, state.numbers));
  for (int day = 0; day < 20; ++day) {
    const absl::Time now = kStart + absl::Hours(24 * (40 + day));
    arrivals->Advance(now);
    arrivals->Add(now, 100.0 * (day % 3 + 1));
    const curve::ArrivalForecast forecast = arrivals->On(curve::UtcDay(now) + day % 2);
    HT_CHECK(std::isfinite(forecast.p10) && std::isfinite(forecast.p50));
    HT_CHECK(std::isfinite(forecast.p90) && forecast.p10 >= 0);
    HT_CHECK(forecast.p10 <= forecast.p50 && forecast.p50 <= forecast.p90);
  }
}

void TryArrivals(Input& input) {
  static const curve::ArrivalState grown = [] {
    curve::Arrivals arrivals;
    for (int day = 0; day < 40; ++day) {
      arrivals.Add(kStart + absl::Hours(24 * day), 50 + day % 7);
      arrivals.Advance(kStart + absl::Hours(24 * (day + 1)));
    }
    return arrivals.Save();
  }();
  curve::ArrivalState state = grown;
  if (input.Byte() < 16) state.version = static_cast<int>(input.Number());
  for (int i = 0; i < 8 && !input.empty(); ++i) {
    input.Below(5) == 0 ? ChangeIn(input, state.integers) : ChangeIn(input, state.numbers);
  }
  UseArrivals(state);
}

// --- Durations ---

void UseDurations(const std::vector<std::pair<std::string, curve::DurationState>>& states) {
  curve::Durations durations;
  for (const auto& [key, state] : states) {
    const absl::Status restored = durations.Restore(key, state);
    if (!restored.ok()) {
      CheckRefusal(restored);
      continue;
    }
    const curve::DurationState saved = durations.Save(key);
    HT_CHECK(Same(saved.integers, state.integers) && Same(saved.numbers, state.numbers));
    HT_CHECK(Same(saved.weights, state.weights));
    HT_CHECK(state.version == 1 || Same(saved.shares, state.shares));
  }
  for (int i = 0; i < 6; ++i) {
    const absl::Duration done = absl::Hours(i * i);
    const curve::RemainingWork left = durations.Remaining(
        kAccount, kStem, absl::Hours(2), done,
        {.quantile = 0.9, .chance_per_hour = 0.01, .window = absl::Hours(3 * i - 3)});
    for (const absl::Duration each : {left.mean, left.high, left.pressing}) {
      HT_CHECK(each >= absl::Minutes(1) && each < absl::Hours(24 * 365));
    }
    const curve::Chance chance = durations.ChanceWithin(kAccount, kStem, absl::Hours(2), done,
                                                        absl::Hours(1), absl::Hours(3 * i - 3));
    HT_CHECK(chance.value >= 0 && chance.value <= 1);
    if (const auto typical = durations.Typical(kAccount)) HT_CHECK(*typical > absl::ZeroDuration());
    durations.Learn(kAccount, kStem, absl::Hours(2), done + absl::Minutes(50),
                    kStart + absl::Hours(i), absl::Hours(2 * i - 2));
  }
}

void TryDurations(Input& input) {
  static const std::vector<std::pair<std::string, curve::DurationState>> grown = [] {
    curve::Durations durations;
    for (int i = 0; i < 240; ++i) {
      durations.Learn(kAccount, kStem, absl::Hours(2), absl::Minutes(60 + 7 * (i % 11)),
                      kStart + absl::Hours(i), absl::Minutes(150 + i));
    }
    std::vector<std::pair<std::string, curve::DurationState>> states;
    for (const std::string& key : durations.Keys()) states.emplace_back(key, durations.Save(key));
    return states;
  }();
  auto states = grown;
  for (int i = 0; i < 8 && !input.empty(); ++i) {
    auto& [key, state] = states[input.Byte() % states.size()];
    switch (input.Below(10)) {
      case 0:
        key = std::string(input.Text().substr(0, 200));
        break;
      case 1:
        state.version = static_cast<int>(input.Number());
        break;
      case 2:
      case 3:
        ChangeIn(input, state.integers);
        break;
      case 4:
        ChangeIn(input, state.numbers);
        break;
      case 5:
      case 6:
        ChangeIn(input, state.shares);
        break;
      default:
        ChangeIn(input, state.weights);
    }
  }
  UseDurations(states);
}

// --- Records ---

void TryRecord(Input& input) {
  constexpr store::Kind kKinds[] = {store::Kind::kCurveState, store::Kind::kArrivals,
                                    store::Kind::kDurations};
  store::Record record{.kind = kKinds[input.Below(std::size(kKinds))], .key = "acme", .value = {}};
  record.value = std::string(input.Rest());
  auto image = store::Decode({record});
  if (!image.ok()) return CheckRefusal(image.status());
  for (const auto& [id, state] : image->curves) UseCurve(state, image->coverage[id]);
  for (const auto& [account, state] : image->arrivals) UseArrivals(state);
  UseDurations({image->durations.begin(), image->durations.end()});
}

void Run(Input input) {
  switch (input.Below(4)) {
    case 0:
      return TryRecord(input);
    case 1:
      return TryArrivals(input);
    case 2:
      return TryDurations(input);
    default:
      return TryCurve(input);
  }
}

}  // namespace
}  // namespace heliotrope::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heliotrope::fuzz::Run({data, size});
  return 0;
}
