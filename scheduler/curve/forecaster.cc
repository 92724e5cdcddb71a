// Learning: what one bin changes. Reading is in reading.cc, persistence in state.cc.
#include "scheduler/curve/forecaster.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "scheduler/curve/layout.h"

namespace heliotrope::curve {

using namespace layout;  // NOLINT(google-build-using-namespace): names of this class's own cells

namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

// Memories, in bins.
constexpr double kFastMemory = 4;
constexpr double kSlowMemory = 36;
constexpr double kDayMemory = kSlotsPerDay;
constexpr double kSpreadMemory = kSlotsPerWeek;
constexpr double kScoreMemory = kSlotsPerWeek;
constexpr double kBandMemory = kSlotsPerDay;
constexpr double kCoverMemory = 2 * kSlotsPerWeek;
constexpr double kRegressionMemory = 6 * kSlotsPerWeek;
constexpr double kScaleMemory = 0.7 * kSlotsPerWeek;
constexpr double kCoveredMemory = 3.5 * kSlotsPerDay;
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

// Step of an error quantile at stride 1, in scaled errors. Larger follows the last day's errors,
// which are alike for hours, and costs both coverage and the median (see README).
constexpr double kQuantileStep = 0.002;

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

void Move(double& mean, double value, double memory) { mean += (value - mean) / memory; }

}  // namespace

Forecaster::Forecaster(absl::TimeZone zone, const Options& options)
    : zone_(zone),
      options_(options),
      profile_({.prior_load = options.prior_load}),
      integers_(kIntegers + kOpenSlots, 0),
      levels_(kLevelCount, 0.0),
      samples_(3 * kHistoryBins, kMissing),
      open_(kOpenSlots * kOpenFields, 0.0f) {
  levels_[kSpread] = options.prior_error * options.prior_error;
  levels_[kCover90] = 0.90;
  levels_[kCover97] = 0.97;
  for (const int bins : kLeadBins) {
    regressions_.emplace_back(PriorWeights(bins));
    errors_.emplace_back(options.prior_error);
  }
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

  Advance(index);
  const CivilSlot slot = SlotAt(zone_, index);
  const double residual = bin.load - profile_.At(slot);
  LoadCell(index) = static_cast<float>(bin.load);
  ResidualCell(index) = static_cast<float>(residual);
  ScoreOpen(index, slot, bin.load);
  LearnResidual(residual);
  LevelCell(index) = static_cast<float>(levels_[kDay]);
  LearnProfile(slot, index, residual);
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
    const double gap = static_cast<double>(missed);
    levels_[kFast] *= std::exp(-gap / kFastMemory);
    levels_[kSlow] *= std::exp(-gap / kSlowMemory);
    levels_[kDay] *= std::exp(-gap / (7 * kDayMemory));
  }
  integers_[kLastBin] = index;
  ++integers_[kSamples];
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
  const double residual = load - profile_.At(slot);
  LoadCell(index) = static_cast<float>(load);
  ResidualCell(index) = static_cast<float>(residual);
  LearnProfile(slot, index, residual);
  integers_[kFirstBin] = std::min(integers_[kFirstBin], index);
  ++integers_[kSamples];
  return Observation::kLate;
}

void Forecaster::LearnResidual(double residual) {
  Move(levels_[kFast], residual, kFastMemory);
  Move(levels_[kSlow], residual, kSlowMemory);
  Move(levels_[kDay], residual, kDayMemory);
  constexpr double kOutlier = 4.0 * 4.0;
  constexpr double kSpreadFloor = 1e-8;
  const double young = static_cast<double>(integers_[kSamples]) + kBinsPerHour;
  const double square = std::min(residual * residual, kOutlier * levels_[kSpread]);
  Move(levels_[kSpread], square, std::min(kSpreadMemory, young));
  levels_[kSpread] = std::max(levels_[kSpread], kSpreadFloor);
}

void Forecaster::LearnProfile(const CivilSlot& slot, int64_t index, double residual) {
  const bool young = integers_[kSamples] < kSlotsPerWeek;
  const double cut = kProfileCut * std::sqrt(levels_[kSpread]);
  const double learned = young ? residual : std::clamp(residual, -cut, cut);
  profile_.Learn(slot, profile_.At(slot) + learned, ShownTwice(zone_, index) ? 0.5 : 1.0);
}

// Compares the open forecasts of this bin with what came, and learns from each.
void Forecaster::ScoreOpen(int64_t index, const CivilSlot& slot, double load) {
  const double cut = kRegressionCut * std::sqrt(levels_[kSpread]);
  for (size_t lead = 0; lead < kLeads; ++lead) {
    const size_t at = OpenSlot(lead, index);
    if (integers_[kIntegers + at] != index) continue;
    const float* open = &open_[at * kOpenFields];
    const double error = load - open[kPoint];
    const double stride = kStride[lead];

    Regression::Sample sample;
    std::copy_n(open + kFirstFeature, kFeatures, sample.features.begin());
    sample.target = open[kPoint] - open[kBase] + std::clamp(error, -cut, cut);
    sample.memory = kRegressionMemory / stride;
    sample.ridge = PriorDays(kLeadBins[lead]) * kSlotsPerDay / stride * levels_[kSpread];
    regressions_[lead].Learn(sample);

    std::array<bool, kQuantiles> covered;
    for (size_t i = 0; i < kQuantiles; ++i) covered[i] = load <= open[kFirstQuantile + i];
    errors_[lead].LearnCovered(covered, stride / kCoveredMemory);
    errors_[lead].Learn(error, slot.hour,
                        {.quantile = kQuantileStep * std::sqrt(stride),
                         .scale = stride / kScaleMemory,
                         .hour = stride / kHourScaleMemory});
    if (lead == kHourLead) ScoreHour(open, load);
    if (lead == kDayLead) ScoreDay(open, load);
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
  const BandOptions& band = options_.band;
  const bool out = integers_[kBand] != kInBand;
  const double ease = out ? 0.8 : 1.0;
  const double miss = (1 - band.min_cover_p97) * ease;
  // A day of scores first: a few bins are not a verdict.
  const bool judged = integers_[kScoredDay] >= kSlotsPerDay / kStride[kDayLead];
  const bool large = levels_[kBandError] > ease * band.max_error_of_load * levels_[kBandLoad] &&
                     levels_[kBandError] > ease * band.max_error_of_capacity;
  const bool low = 1 - levels_[kCover97] > miss;
  integers_[kBand] = !judged ? kInBand : large ? kErrorTooLarge : low ? kCoverTooLow : kInBand;
}

// Writes down, for each lead, what is forecast now, to be scored when its time has come.
void Forecaster::IssueForecasts() {
  const int64_t newest = integers_[kLastBin];
  for (size_t lead = 0; lead < kLeads; ++lead) {
    const int64_t target = newest + kLeadBins[lead];
    if (target % kStride[lead] != 0) continue;
    const Point point = PointAt(target, lead);
    const double scale = ScaleFor(lead, SlotAt(zone_, target).hour);
    const std::array<double, kQuantiles> quantiles = errors_[lead].Quantiles();
    const size_t at = OpenSlot(lead, target);
    integers_[kIntegers + at] = target;
    float* open = &open_[at * kOpenFields];
    open[kBase] = static_cast<float>(point.base);
    open[kPoint] = static_cast<float>(point.load);
    for (size_t i = 0; i < kQuantiles; ++i) {
      open[kFirstQuantile + i] = static_cast<float>(point.load + quantiles[i] * scale);
    }
    for (size_t i = 0; i < kFeatures; ++i) {
      open[kFirstFeature + i] = static_cast<float>(point.features[i]);
    }
  }
}

}  // namespace heliotrope::curve
