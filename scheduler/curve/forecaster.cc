// Learning: what one bin changes. Reading is in reading.cc, persistence in state.cc.
#include "scheduler/curve/forecaster.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "scheduler/curve/layout.h"

namespace heliotrope::curve {

using namespace layout;  // NOLINT(google-build-using-namespace): names of this class's own cells

namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr float kNone = -1;  // In an open forecast, where every number is finite.

// Memories, in bins.
constexpr double kFastMemory = 4;
constexpr double kSlowMemory = 36;
constexpr double kDayMemory = kSlotsPerDay;
constexpr double kMeanMemory = 2 * kSlotsPerDay;
constexpr double kExpertMemory = kSlotsPerWeek;
constexpr double kSpreadMemory = kSlotsPerWeek;
constexpr double kSpreadFloor = 1e-8;
constexpr double kScoreMemory = kSlotsPerWeek;
constexpr double kBandMemory = kSlotsPerDay;
constexpr double kCoverMemory = 2 * kSlotsPerWeek;
constexpr double kRegressionMemory = 6 * kSlotsPerWeek;
constexpr double kScaleMemory = 0.7 * kSlotsPerWeek;
constexpr double kHourScaleMemory = 1.7 * 7 * kBinsPerHour;  // an hour of the day has 84 a week

// The prior of a lead's regression weighs as much as so many days of samples. Short leads see many
// independent errors a day and soon know better; a day ahead is seen once a day.
constexpr double kMinPriorDays = 0.5;
constexpr double kPriorDaysPerDayOfLead = 8;
constexpr double kMaxPriorDays = 8;

// In units of the spread: what the profile learns from one value is cut there, for a spike or a
// holiday is not a habit; and the error that a regression learns from.
constexpr double kProfileCut = 2.0;
constexpr double kRegressionCut = 3.0;

// Of the drift: its gain a day, and after a change of the clocks that of a mean which begins there and
// has already seen so many days. It waits until the profile is no longer learned fast.
constexpr double kDriftGain = 0.10;
constexpr double kDriftClockDays = 1.5;
constexpr double kDriftCut = 3.0;  // in spreads
constexpr int64_t kDriftMinSamples = 3 * kSlotsPerWeek;

// A standstill is a fault when it lasts so long while the profile moves so much.
constexpr int64_t kFrozenBins = 3 * kBinsPerHour;
constexpr int64_t kFrozenMaxStep = kBinsPerHour;
constexpr double kFrozenSpreads = 2;
constexpr double kFrozenMove = 0.05;  // of capacity
constexpr int64_t kFrozenMinSamples = 2 * kSlotsPerWeek;

// A shift of the level: the last day off by at least so much, all of it, and over a longer time the
// scaled profile leaves at most this share of the error. Three weeks of samples first: before that the profile is learned fast anyway.
constexpr int64_t kShiftBins = kSlotsPerDay * 3 / 2;
constexpr double kShiftMinChange = 0.22;
constexpr double kShiftMaxLeft = 0.22;
constexpr double kShiftWholeDay =
    0.7;  // the longer time's change over the day's, if it filled the day
constexpr double kShiftErrorMargin = 1.3;  // of a day ahead over what the scaled profile leaves
constexpr double kShiftLeastFactor = 0.2;
constexpr int64_t kShiftMinSamples = 3 * kSlotsPerWeek;
// A normal error's mean square in units of its squared mean absolute value.
constexpr double kSquareOfNormal = 1.57;

// Step of an error quantile per day of outcomes, in scaled errors. Larger follows the last day's
// errors, which are alike for hours, and costs both coverage and the median (see README).
constexpr double kQuantileStepPerDay = 0.25;

// How the correction of a lead is made up before anything was learned; see FeaturesFor.
Features PriorWeights(int lead_bins) {
  const double hours = static_cast<double>(lead_bins) / kBinsPerHour;
  return {0.6 * std::exp(-hours / 1.5),
          0.4 * std::exp(-hours / 6.0),
          0.3 * std::exp(-hours / 72.0),
          0.25,
          0.15,
          0.0};
}

double PriorDays(int lead_bins) {
  const double days = static_cast<double>(lead_bins) / kSlotsPerDay;
  return std::clamp(kPriorDaysPerDayOfLead * days, kMinPriorDays, kMaxPriorDays);
}

// How much faster than a day ahead a lead may answer to what it covered.
double BoostOf(int lead_bins) {
  constexpr double kPower = 0.7;
  return std::pow(std::max(1.0, static_cast<double>(kSlotsPerDay) / lead_bins), kPower);
}

void Move(double& mean, double value, double memory) { mean += (value - mean) / memory; }

}  // namespace

Forecaster::Forecaster(absl::TimeZone zone, const Options& options)
    : zone_(zone),
      band_(options.band),
      profile_({.prior_load = options.prior_load}),
      integers_(kIntegers + kOpenSlots, 0),
      levels_(kLevelCount, 0.0),
      samples_(3 * kHistoryBins, kMissing),
      open_(kOpenSlots * kOpenFields, 0.0f) {
  levels_[kSpread] = options.prior_error * options.prior_error;
  levels_[kCover90] = 0.90;
  levels_[kCover97] = 0.97;
  levels_[kMeanLoad] = options.prior_load;
  for (size_t i = 0; i < kLeads * (1 + kSimple); ++i) {
    // A simple forecast has to show first, for weeks, that it is the better one.
    levels_[kFirstExpert + i] = (i % (1 + kSimple) == 0 ? 1 : 2) * options.prior_error;
  }
  special_.SetKinds(options.special_days);
  for (const int bins : kLeadBins) {
    regressions_.emplace_back(PriorWeights(bins));
    errors_.emplace_back(options.prior_error);
  }
}

void Forecaster::SetSpecialDays(const std::vector<SpecialKind>& special_days) {
  special_.SetKinds(special_days);
}

float& Forecaster::LoadCell(int64_t index) { return samples_[HistorySlot(index)]; }

float& Forecaster::ResidualCell(int64_t index) {
  return samples_[kHistoryBins + HistorySlot(index)];
}
float& Forecaster::LevelCell(int64_t index) {
  return samples_[2 * kHistoryBins + HistorySlot(index)];
}

Observation Forecaster::Observe(const Bin& bin) {
  const int64_t index = BinIndex(bin.start);
  const bool sane = std::isfinite(bin.load) && bin.load >= 0 && bin.load <= kMaxLoad;
  if (!sane || index <= 0 || BinStart(index) != bin.start) {
    ++integers_[kRefused];
    return Observation::kRefused;
  }
  if (Any() && index <= integers_[kLastBin]) return Backfill(index, bin.load);

  const int64_t before = integers_[kLastBin];
  Advance(index);
  const CivilSlot slot = SlotAt(zone_, index);
  const double residual = bin.load - BaseAt(slot);
  LookForStandstill(before, index, bin.load);
  LoadCell(index) = static_cast<float>(bin.load);
  if (Frozen()) {  // As good as a gap.
    ResidualCell(index) = LevelCell(index) = kMissing;
    FadeLevels(1);
    return Observation::kTaken;
  }
  ResidualCell(index) = static_cast<float>(residual);
  ScoreOpen(index, slot, bin.load);
  LearnResidual(residual);
  Move(levels_[kMeanLoad], bin.load,
       std::min(kMeanMemory, static_cast<double>(integers_[kSamples])));
  LevelCell(index) = static_cast<float>(levels_[kDay]);
  LearnProfile(slot, index, bin.load, residual);
  LearnDrift(slot, index, residual);
  if (index % kBinsPerHour == 0) FollowShift(index);
  IssueForecasts();
  return Observation::kTaken;
}

// Makes `index` the newest bin; what lies between it and the one before is missing.
void Forecaster::Advance(int64_t index) {
  if (!Any()) {
    integers_[kFirstBin] = index;
  } else {
    const int64_t missed = index - integers_[kLastBin] - 1;
    const int64_t cleared = std::min<int64_t>(missed, kHistoryBins);
    for (int64_t i = index - cleared; i < index; ++i) {
      LoadCell(i) = ResidualCell(i) = LevelCell(i) = kMissing;
    }
    FadeLevels(static_cast<double>(missed));
  }
  integers_[kLastBin] = index;
  ++integers_[kSamples];
}

void Forecaster::FadeLevels(double bins) {
  levels_[kFast] *= std::exp(-bins / kFastMemory);
  levels_[kSlow] *= std::exp(-bins / kSlowMemory);
  levels_[kDay] *= std::exp(-bins / (7 * kDayMemory));
}

// A late bin fills its hole in the history and teaches the profile. Scores and corrections belong
// to the moment and stay as they are.
Observation Forecaster::Backfill(int64_t index, double load) {
  const bool kept = index > integers_[kLastBin] - kHistoryBins;
  if (!kept || !std::isnan(LoadCell(index))) {
    ++integers_[kRepeated];
    return kept ? Observation::kDuplicate : Observation::kTooOld;
  }
  const CivilSlot slot = SlotAt(zone_, index);
  const double residual = load - BaseAt(slot);
  LoadCell(index) = static_cast<float>(load);
  ResidualCell(index) = static_cast<float>(residual);
  LearnProfile(slot, index, load, residual);
  integers_[kFirstBin] = std::min(integers_[kFirstBin], index);
  ++integers_[kSamples];
  return Observation::kLate;
}

// The same value again and again while the profile moves is a sensor that hangs, not a load. It ends
// with the first other value. A sensor that hangs loses bins too, so those missing between two equal
// values count as equal, unless they are so many that nobody saw what was.
void Forecaster::LookForStandstill(int64_t before, int64_t index, double load) {
  const bool same =
      index - before <= kFrozenMaxStep && LoadCell(before) == static_cast<float>(load);
  integers_[kSameBins] = same ? integers_[kSameBins] + index - before : 0;
  // Nothing at all for hours is what a data center without users measures; and what lasts for a day
  // is no fault but the load.
  const bool long_enough =
      integers_[kSameBins] >= kFrozenBins && integers_[kSameBins] < kSlotsPerDay;
  if (!long_enough || load == 0 || integers_[kSamples] < kFrozenMinSamples) {
    integers_[kIsFrozen] = 0;
    return;
  }
  const double moved =
      std::abs(BaseAt(SlotAt(zone_, index)) - BaseAt(SlotAt(zone_, index - kFrozenBins)));
  if (moved > std::max(kFrozenSpreads * std::sqrt(levels_[kSpread]), kFrozenMove)) {
    integers_[kIsFrozen] = 1;
  }
}

void Forecaster::LearnResidual(double residual) {
  Move(levels_[kFast], residual, kFastMemory);
  Move(levels_[kSlow], residual, kSlowMemory);
  Move(levels_[kDay], residual, kDayMemory);
  constexpr double kOutlier = 4.0 * 4.0;
  const double young = static_cast<double>(integers_[kSamples]) + kBinsPerHour;
  const double square = std::min(residual * residual, kOutlier * levels_[kSpread]);
  Move(levels_[kSpread], square, std::min(kSpreadMemory, young));
  levels_[kSpread] = std::max(levels_[kSpread], kSpreadFloor);
}

// A new level: for a day the load has been `factor` times the profile, and over a day and a half it
// fits that far better than the profile as it is. Then the profile is scaled, at once; left to itself it would take
// weeks, and the corrections, which are additive, would have the new level but the old swing.
void Forecaster::FollowShift(int64_t index) {
  if (integers_[kSamples] < kShiftMinSamples) return;
  // Any special day that lies in the window holds one of these.
  for (const int64_t i : {index, index - kShiftBins / 2, index - kShiftBins + 1}) {
    if (IsSpecial(i)) return;
  }
  double load = 0;
  double profile = 0;
  double day_load = 0;
  double day_profile = 0;
  double error = 0;
  int count = 0;
  for (int64_t i = index - kShiftBins + 1; i <= index; ++i) {
    const double value = LoadCell(i);
    if (std::isnan(ResidualCell(i))) continue;
    load += value;
    profile += value - ResidualCell(i);
    error += std::abs(ResidualCell(i));
    ++count;
    if (i <= index - kSlotsPerDay) continue;
    day_load += value;
    day_profile += value - ResidualCell(i);
  }
  if (count < kShiftBins * 8 / 10 || !(profile > 0) || !(day_profile > 0)) return;
  // Of the last day alone: the longer time has hours from before the shift, which would pull it back.
  const double factor = day_load / day_profile;
  if (std::abs(factor - 1) < kShiftMinChange) return;
  if ((load / profile - 1) / (factor - 1) < kShiftWholeDay) return;
  // Nearly nothing, or many times as much, is an outage or a fault and no new habit.
  if (factor < kShiftLeastFactor || factor > 1 / kShiftLeastFactor) return;
  double left = 0;
  for (int64_t i = index - kShiftBins + 1; i <= index; ++i) {
    const double value = LoadCell(i);
    if (!std::isnan(ResidualCell(i))) left += std::abs(value - factor * (value - ResidualCell(i)));
  }
  if (left < kShiftMaxLeft * error) Rescale(index, factor, left / count);
}

// `error` is the mean absolute error that the scaled profile has left.
void Forecaster::Rescale(int64_t index, double factor, double error) {
  profile_.Scale(factor);
  drift_.Scale(factor);
  // What was before the shift is kept as if it had been at the new level, with its peculiarities.
  for (int64_t i = index - kHistoryBins + 1; i <= index; ++i) {
    float& residual = ResidualCell(i);
    if (i <= index - kShiftBins) {
      residual = static_cast<float>(factor * residual);
    } else {
      const double base = LoadCell(i) - residual;
      residual = static_cast<float>(LoadCell(i) - factor * base);
    }
  }
  const auto mean_of_last = [&](double bins) {
    double sum = 0;
    int count = 0;
    for (int64_t i = index - static_cast<int64_t>(bins) + 1; i <= index; ++i) {
      if (std::isnan(ResidualCell(i))) continue;
      sum += ResidualCell(i);
      ++count;
    }
    return count == 0 ? 0.0 : sum / count;
  };
  levels_[kFast] = mean_of_last(kFastMemory);
  levels_[kSlow] = mean_of_last(kSlowMemory);
  levels_[kDay] = mean_of_last(kDayMemory);
  for (int64_t i = index - kHistoryBins + 1; i <= index; ++i) {
    float& level = LevelCell(i);
    level = static_cast<float>(i <= index - kShiftBins ? factor * level : levels_[kDay]);
  }
  levels_[kSpread] = std::clamp(kSquareOfNormal * error * error, kSpreadFloor, levels_[kSpread]);
  for (size_t lead = 0; lead < kLeads; ++lead) {
    errors_[lead].Calm(kShiftErrorMargin * error);
    double& own = levels_[kFirstExpert + lead * (1 + kSimple)];
    own = std::min(own, error);
  }
  // Forecasts from before the shift have nothing more to teach.
  std::fill(integers_.begin() + kIntegers, integers_.end(), 0);
}

void Forecaster::LearnProfile(const CivilSlot& slot, int64_t index, double load, double residual) {
  const double ordinary = profile_.At(slot);
  if (const std::optional<size_t> kind = special_.KindOn(slot.date)) {
    special_.Learn(*kind, slot, load, ordinary);
    return;
  }
  const bool young = integers_[kSamples] < kSlotsPerWeek;
  const double cut = kProfileCut * std::sqrt(levels_[kSpread]);
  const double learned = young ? residual : std::clamp(residual, -cut, cut);
  profile_.Learn(slot, ordinary + learned, ShownTwice(zone_, index) ? 0.5 : 1.0);
}

// What of the residual is peculiar to the time of the day; the level has its own corrections. After a
// change of the clocks what was learned of the time of the day holds for a load that follows the clock
// only, so what the first days show is believed almost as it is.
void Forecaster::LearnDrift(const CivilSlot& slot, int64_t index, double residual) {
  if (integers_[kSamples] < kDriftMinSamples || special_.KindOn(slot.date)) return;
  const double days = DaysSinceClockChange(zone_, index);
  const double cut = kDriftCut * std::sqrt(levels_[kSpread]);
  drift_.Learn(slot.day, std::clamp(residual - levels_[kDay], -cut, cut),
               std::max(kDriftGain, 1 / (days + kDriftClockDays)));
}

// Compares the open forecasts of this bin with what came, and learns from each.
void Forecaster::ScoreOpen(int64_t index, const CivilSlot& slot, double load) {
  const double cut = kRegressionCut * std::sqrt(levels_[kSpread]);
  for (size_t lead = 0; lead < kLeads; ++lead) {
    const size_t at = OpenSlot(lead, index);
    if (integers_[kIntegers + at] != index) continue;
    const float* open = &open_[at * kOpenFields];
    const double error = load - open[kPoint];
    const double own_error = load - open[kOwn];
    const double stride = kStride[lead];

    Regression::Sample sample;
    std::copy_n(open + kFirstFeature, kFeatures, sample.features.begin());
    sample.target = open[kOwn] - open[kBase] + std::clamp(own_error, -cut, cut);
    sample.memory = kRegressionMemory / stride;
    sample.ridge = PriorDays(kLeadBins[lead]) * kSlotsPerDay / stride * levels_[kSpread];
    regressions_[lead].Learn(sample);

    ScoreSimple(lead, open, load);
    std::array<bool, kQuantiles> covered;
    for (size_t i = 0; i < kQuantiles; ++i) covered[i] = load <= open[kFirstQuantile + i];
    const double days = stride / kSlotsPerDay;
    errors_[lead].LearnCovered(covered, days, BoostOf(kLeadBins[lead]));
    errors_[lead].Learn(error, slot.hour,
                        {.quantile = kQuantileStepPerDay * days,
                         .scale = stride / kScaleMemory,
                         .hour = stride / kHourScaleMemory});
    if (lead == kHourLead) ScoreHour(open, load);
    if (lead == kDayLead) ScoreDay(open, load);
  }
}

void Forecaster::ScoreSimple(size_t lead, const float* open, double load) {
  const double memory = kExpertMemory / kStride[lead];
  double* errors = &levels_[kFirstExpert + lead * (1 + kSimple)];
  // On a special day there are none, and ours alone is not charged for it either.
  if (open[kFirstSimple + kSimple - 1] == kNone) return;
  Move(errors[0], std::abs(load - open[kOwn]), memory);
  for (size_t i = 0; i < kSimple; ++i) {
    const float simple = open[kFirstSimple + i];
    if (simple != kNone) Move(errors[1 + i], std::abs(load - static_cast<double>(simple)), memory);
  }
}

void Forecaster::ScoreHour(const float* open, double load) {
  const double seen = static_cast<double>(++integers_[kScoredHour]);
  const double memory = std::min(seen, kScoreMemory);
  Move(levels_[kHourError], std::abs(load - open[kP50]), memory);
  Move(levels_[kHourLoad], load, memory);
}

void Forecaster::ScoreDay(const float* open, double load) {
  const double seen = static_cast<double>(++integers_[kScoredDay]);
  const double stride = kStride[kDayLead];
  const double error = std::abs(load - open[kP50]);
  const double week = std::min(seen, kScoreMemory / stride);
  Move(levels_[kDayError], error, week);
  Move(levels_[kDayLoad], load, week);
  const double day = std::min(seen, kBandMemory / stride);
  Move(levels_[kBandError], error, day);
  Move(levels_[kBandLoad], load, day);
  Move(levels_[kCover90], load <= open[kP90] ? 1 : 0, kCoverMemory / stride);
  Move(levels_[kCover97], load <= open[kP97] ? 1 : 0, kCoverMemory / stride);
  JudgeBand();
}

void Forecaster::JudgeBand() {
  const bool out = integers_[kBand] != kInBand;
  const double ease = out ? 0.8 : 1.0;
  const double miss = (1 - band_.min_cover_p97) * ease;
  // A day of scores first: a few bins are not a verdict.
  const bool judged = integers_[kScoredDay] >= kSlotsPerDay / kStride[kDayLead];
  const bool large = levels_[kBandError] > ease * band_.max_error_of_load * levels_[kBandLoad] &&
                     levels_[kBandError] > ease * band_.max_error_of_capacity;
  const bool low = 1 - levels_[kCover97] > miss;
  integers_[kBand] = !judged ? kInBand : large ? kErrorTooLarge : low ? kCoverTooLow : kInBand;
}

// Writes down, for each lead, what is forecast now, to be scored when its time has come.
void Forecaster::IssueForecasts() {
  const int64_t newest = integers_[kLastBin];
  for (size_t lead = 0; lead < kLeads; ++lead) {
    const int64_t target = newest + kLeadBins[lead];
    if (target % kStride[lead] != 0) continue;
    const CivilSlot slot = SlotAt(zone_, target);
    const Inputs inputs = InputsFor(target, kLeadBins[lead], slot);
    const double own = inputs.base + regressions_[lead].Predict(inputs.features);
    const double load = Blend(lead, own, inputs.simple);
    const double scale = ScaleFor(lead, slot);
    const std::array<double, kQuantiles> quantiles = errors_[lead].Quantiles();
    const size_t at = OpenSlot(lead, target);
    integers_[kIntegers + at] = target;
    float* open = &open_[at * kOpenFields];
    open[kBase] = static_cast<float>(inputs.base);
    open[kOwn] = static_cast<float>(own);
    for (size_t i = 0; i < kSimple; ++i) {
      open[kFirstSimple + i] =
          std::isnan(inputs.simple[i]) ? kNone : static_cast<float>(inputs.simple[i]);
    }
    open[kPoint] = static_cast<float>(load);
    for (size_t i = 0; i < kQuantiles; ++i) {
      open[kFirstQuantile + i] = static_cast<float>(load + quantiles[i] * scale);
    }
    for (size_t i = 0; i < kFeatures; ++i) {
      open[kFirstFeature + i] = static_cast<float>(inputs.features[i]);
    }
  }
}

}  // namespace heliotrope::curve
