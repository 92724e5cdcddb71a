// Reading: what a Forecaster says of a time, of its past and of itself.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "absl/strings/str_format.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/curve/layout.h"

namespace heliotrope::curve {

using namespace layout;  // NOLINT(google-build-using-namespace): names of this class's own cells

namespace {

constexpr int64_t kStaleBins = 6;
constexpr int64_t kMatureSamples = kSlotsPerDay * 8 / 10;

// Two neighbouring leads, and the share of the higher one, on a logarithmic scale.
struct Between {
  size_t low = 0;
  size_t high = 0;
  double share = 0;
};

Between Locate(int64_t lead) {
  if (lead <= kLeadBins.front()) return {};
  if (lead >= kLeadBins.back()) return {kLeads - 1, kLeads - 1, 0};
  size_t high = 1;
  while (kLeadBins[high] < lead) ++high;
  const double from = std::log(kLeadBins[high - 1]);
  const double to = std::log(kLeadBins[high]);
  return {high - 1, high, (std::log(static_cast<double>(lead)) - from) / (to - from)};
}

double Mix(double low, double high, double share) { return low + share * (high - low); }

double Ratio(double error, double load) { return load > 0 ? error / load : 0.0; }

}  // namespace

bool Forecaster::Any() const { return integers_[kSamples] > 0; }

bool Forecaster::Mature() const {
  return integers_[kSamples] >= kMatureSamples &&
         integers_[kLastBin] - integers_[kFirstBin] >= kSlotsPerDay - 1;
}

bool Forecaster::Frozen() const { return integers_[kIsFrozen] != 0; }

bool Forecaster::Stale(absl::Time now) const {
  return !Any() || now - BinStart(integers_[kLastBin] + 1) > kStaleBins * BinLength();
}

// The profile and its drift, or what is expected of a special day.
double Forecaster::BaseAt(const CivilSlot& slot) const {
  const std::optional<size_t> kind = special_.KindOn(slot.date);
  return kind ? special_.At(*kind, slot, profile_) : profile_.At(slot) + drift_.At(slot.day);
}

bool Forecaster::IsSpecial(int64_t index) const {
  return special_.Any() && special_.KindOn(SlotAt(zone_, index).date).has_value();
}

// The mean of half an hour: another day says where the load was, not what its noise was.
double Forecaster::ResidualAround(int64_t index) const {
  constexpr int64_t kAround = 3;
  const int64_t newest = integers_[kLastBin];
  double sum = 0;
  int count = 0;
  for (int64_t i = index - kAround; i <= index + kAround; ++i) {
    if (i > newest || i <= newest - kHistoryBins) continue;
    const double residual = samples_[kHistoryBins + HistorySlot(i)];
    if (std::isnan(residual)) continue;
    sum += residual;
    ++count;
  }
  return count == 0 ? 0.0 : sum / count;
}

// Of a bin whose local day is `date`, if that is an ordinary one; NaN where nothing is known.
double Forecaster::KnownLoad(int64_t index, int64_t date) const {
  const int64_t newest = integers_[kLastBin];
  if (index > newest || index <= newest - kHistoryBins || special_.KindOn(date)) {
    return std::nan("");
  }
  // A load without a residual was measured by a sensor that hung.
  const bool taken = !std::isnan(samples_[kHistoryBins + HistorySlot(index)]);
  return taken ? samples_[HistorySlot(index)] : std::nan("");
}

// The mean residual of the day or so around a bin: the trailing mean that was kept some hours later.
double Forecaster::LevelAround(int64_t index) const {
  constexpr int64_t kLater = kSlotsPerDay * 2 / 3;
  const int64_t at = std::min(index + kLater, integers_[kLastBin]);
  if (at <= integers_[kLastBin] - kHistoryBins) return 0;
  const double level = samples_[2 * kHistoryBins + HistorySlot(at)];
  return std::isnan(level) ? 0 : level;
}

// What a forecast of `target` may be corrected by: the residual (load less profile) of now, of the
// last hours and of the last day; what was peculiar to the same local time a day and a week before,
// as many of them as it takes to be in the past, each against the level of its own day, so that a
// level that has changed since does not come back with it; and how far the profile swings from the
// level, so that a load without a daily cycle can say so.
Forecaster::Inputs Forecaster::InputsFor(int64_t target, int64_t lead,
                                         const CivilSlot& slot) const {
  const int64_t days = (lead + kSlotsPerDay - 1) / kSlotsPerDay;
  const int64_t weeks = (lead + kSlotsPerWeek - 1) / kSlotsPerWeek;
  const int64_t day = SameCivilTimeBefore(zone_, target, days);
  const int64_t week = SameCivilTimeBefore(zone_, target, 7 * weeks);
  Inputs inputs;
  inputs.base = BaseAt(slot);
  inputs.features = {levels_[kFast],
                     levels_[kSlow] - levels_[kFast],
                     levels_[kDay],
                     ResidualAround(day) - LevelAround(day),
                     ResidualAround(week) - LevelAround(week),
                     profile_.Level() - inputs.base};
  // The simple ones know nothing of special days.
  if (special_.KindOn(slot.date)) {
    inputs.simple.fill(std::nan(""));
  } else {
    inputs.simple = {KnownLoad(day, slot.date - days), KnownLoad(week, slot.date - 7 * weeks),
                     levels_[kMeanLoad]};
  }
  return inputs;
}

// Our own forecast together with the simple ones, each weighing by how its mean error of the last
// week compares with our own, to a high power: one that is clearly worse does not count, and where
// our own is the worse one, as on a load without any habit, the better one takes over. Sum of
// experts by discounted loss in the manner of Cesa-Bianchi and Lugosi 2006, section 2.11.
double Forecaster::Blend(size_t lead, double own, const Simple& simple) const {
  constexpr double kMostWeight = 50;
  const double* errors = &levels_[kFirstExpert + lead * (1 + kSimple)];
  double weight = 1;
  double sum = own;
  for (size_t i = 0; i < kSimple; ++i) {
    if (std::isnan(simple[i])) continue;
    const double ratio = errors[0] / std::max(errors[1 + i], 1e-9);
    const double fourth = ratio * ratio * ratio * ratio;
    const double share = std::min(fourth * fourth, kMostWeight);
    weight += share;
    sum += share * simple[i];
  }
  return sum / weight;
}

// A lead that has hardly been scored is at least as uncertain as the shorter ones.
double Forecaster::ScaleFor(size_t lead, const CivilSlot& slot) const {
  constexpr double kTrust = 48;
  // Of a special day whose like was never seen little is known.
  constexpr double kUnknownDay = 2;
  double scale = 0;
  for (size_t i = 0; i <= lead; ++i) {
    const double trust = errors_[i].count() / (errors_[i].count() + kTrust);
    const double own = errors_[i].Scale(slot.hour);
    scale = trust * own + (1 - trust) * std::max(own, scale);
  }
  const std::optional<size_t> kind = special_.KindOn(slot.date);
  return kind && !special_.IsKnown(*kind, slot.hour) ? kUnknownDay * scale : scale;
}

Forecast Forecaster::At(absl::Time target, absl::Time now) const {
  const int64_t bin = BinIndex(target);
  const CivilSlot slot = SlotAt(zone_, bin);
  const int64_t lead = Any() ? std::max<int64_t>(1, bin - integers_[kLastBin]) : kLeadBins.back();
  const auto [low, high, share] = Locate(lead);
  double load = 0;
  if (!Any()) {
    load = BaseAt(slot);
  } else {
    const Inputs inputs = InputsFor(bin, lead, slot);
    const double nearer = inputs.base + regressions_[low].Predict(inputs.features);
    const double farther = inputs.base + regressions_[high].Predict(inputs.features);
    load = Mix(Blend(low, nearer, inputs.simple), Blend(high, farther, inputs.simple), share);
  }
  const double scale = Mix(ScaleFor(low, slot), ScaleFor(high, slot), share);
  const std::array<double, kQuantiles> nearer = errors_[low].Quantiles();
  const std::array<double, kQuantiles> farther = errors_[high].Quantiles();
  std::array<double, kQuantiles> values;
  for (size_t i = 0; i < kQuantiles; ++i) {
    values[i] = std::max(0.0, load + scale * Mix(nearer[i], farther[i], share));
  }
  Forecast forecast = FromValues(values);
  forecast.mature = Mature();
  forecast.stale = Stale(now);
  return forecast;
}

double Forecaster::Quantile(absl::Time target, absl::Time now, double q) const {
  return QuantileOf(At(target, now), q);
}

double Forecaster::ProfileAt(absl::Time time) const {
  return profile_.At(SlotAt(zone_, BinIndex(time)));
}

std::vector<Bin> Forecaster::History() const {
  std::vector<Bin> bins;
  if (!Any()) return bins;
  const int64_t newest = integers_[kLastBin];
  for (int64_t i = newest - kHistoryBins + 1; i <= newest; ++i) {
    const double load = samples_[HistorySlot(i)];
    if (!std::isnan(load)) bins.push_back({BinStart(i), load});
  }
  return bins;
}

CurveStatus Forecaster::StatusAt(absl::Time now) const {
  CurveStatus status;
  status.stale = Stale(now);
  status.samples = integers_[kSamples];
  status.repeated = integers_[kRepeated];
  status.refused = integers_[kRefused];
  if (!Any()) {
    status.reason = "no sample yet";
    return status;
  }
  status.first_sample = BinStart(integers_[kFirstBin]);
  status.last_sample = BinStart(integers_[kLastBin]);
  status.wape_hour = Ratio(levels_[kHourError], levels_[kHourLoad]);
  status.wape_day = Ratio(levels_[kDayError], levels_[kDayLoad]);
  status.mae_day = levels_[kDayError];
  status.cover_p90 = levels_[kCover90];
  status.cover_p97 = levels_[kCover97];
  status.scored_hour = integers_[kScoredHour];
  status.scored_day = integers_[kScoredDay];

  const double days =
      static_cast<double>(integers_[kLastBin] - integers_[kFirstBin] + 1) / kSlotsPerDay;
  const BandOptions& band = band_;
  if (Frozen()) {
    status.health = Health::kFrozen;
    status.reason = absl::StrFormat(
        "the measured load is %.4g without any change since %d minutes, where it usually moves: "
        "look at what measures it",
        samples_[HistorySlot(integers_[kLastBin])], 5 * (integers_[kSameBins] + 1));
  } else if (integers_[kBand] == kErrorTooLarge) {
    status.health = Health::kOutOfBand;
    status.reason = absl::StrFormat(
        "day-ahead error of the last day is %.0f%% of the load and %.1f%% of capacity, limits "
        "%.0f%% "
        "and %.1f%%",
        100 * Ratio(levels_[kBandError], levels_[kBandLoad]), 100 * levels_[kBandError],
        100 * band.max_error_of_load, 100 * band.max_error_of_capacity);
  } else if (integers_[kBand] == kCoverTooLow) {
    status.health = Health::kOutOfBand;
    status.reason = absl::StrFormat("p97 covers %.1f%% of the last two weeks, limit %.1f%%",
                                    100 * levels_[kCover97], 100 * band.min_cover_p97);
  } else if (days < 7) {
    status.health = Health::kYoung;
    status.reason = absl::StrFormat(
        "%.1f days of samples, %s", days,
        Mature() ? "a week makes it healthy" : "a day is needed before plans rely on them");
  } else {
    status.health = Health::kHealthy;
    status.reason = absl::StrFormat("%.0f days of samples, errors within the band", days);
  }
  status.reactive =
      status.health == Health::kOutOfBand || status.health == Health::kFrozen || !Mature();
  return status;
}

absl::string_view ToString(Health health) {
  switch (health) {
    case Health::kNoHistory:
      return "no-history";
    case Health::kYoung:
      return "young";
    case Health::kHealthy:
      return "healthy";
    case Health::kOutOfBand:
      return "out-of-band";
    case Health::kFrozen:
      return "frozen";
  }
  return "unknown";
}

}  // namespace heliotrope::curve
