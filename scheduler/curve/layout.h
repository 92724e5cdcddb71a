// Places within the flat state of a Forecaster. Private to this room; the persisted form depends on
// it, so a change here is a new ForecasterState::kVersion.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "scheduler/curve/forecaster.h"

namespace heliotrope::curve::layout {

// Forecasts of long leads are kept for every third or sixth bin only: they differ little, and the
// memory is bounded by the lead over the stride.
constexpr std::array<int, kLeads> kStride = {1, 1, 1, 1, 1, 3, 3, 3, 6};

// integers_: these, then the bin of each open forecast; 0, which no bin taken has, while there is
// none.
enum Integer : size_t {
  kFirstBin,
  kLastBin,
  kSamples,
  kRefused,
  kRepeated,
  kScoredHour,
  kScoredDay,
  kBand,          // a Band
  kSameBins,      // bins in a row with exactly the newest load
  kIsFrozen,      // 1 while that is a fault
  kFirstSpecial,  // names of special kinds, while saved
  kIntegers = kFirstSpecial + kMaxSpecialKinds,
};

// levels_
enum Level : size_t {
  kFast,       // residual, mean of the last 20 minutes or so
  kSlow,       // of the last 3 hours
  kDay,        // of the last day
  kSpread,     // square of the residual, about a week, outliers cut; > 0
  kHourError,  // running |error| and load 1 h ahead, about a week
  kHourLoad,
  kDayError,  // running |error| and load 24 h ahead, about a week
  kDayLoad,
  kBandError,  // the same, about a day
  kBandLoad,
  kCover90,  // running share of bins at or under the p90 and p97 of 24 h before, two weeks
  kCover97,
  kMeanLoad,     // running mean of the load, about two days
  kFirstExpert,  // running |error| by lead: our own forecast, then the simple ones
  kLevelCount = kFirstExpert + 4 * kLeads,
};

enum Band : int64_t { kInBand = 0, kErrorTooLarge = 1, kCoverTooLow = 2 };

// One open forecast.
enum OpenField : size_t {
  kBase,
  kOwn,                       // the profile corrected by the recent past
  kFirstSimple,               // the simple forecasts
  kPoint = kFirstSimple + 3,  // all of them together, what the errors are of
  kFirstQuantile,
  kP50 = kFirstQuantile + 3,
  kP90 = kFirstQuantile + 5,
  kP97 = kFirstQuantile + 7,
  kFirstFeature,
};
static_assert(kFirstFeature == kFirstQuantile + kQuantiles);
constexpr size_t kOpenFields = kFirstFeature + kFeatures;

constexpr size_t OpenSlots(size_t lead) {
  return static_cast<size_t>(kLeadBins[lead] / kStride[lead]) + 2;
}

constexpr size_t FirstOpenSlot(size_t lead) {
  size_t first = 0;
  for (size_t i = 0; i < lead; ++i) first += OpenSlots(i);
  return first;
}

constexpr size_t kOpenSlots = FirstOpenSlot(kLeads);

inline size_t OpenSlot(size_t lead, int64_t bin) {
  const int64_t slots = static_cast<int64_t>(OpenSlots(lead));
  const int64_t turn = (bin / kStride[lead]) % slots;
  return FirstOpenSlot(lead) + static_cast<size_t>(turn < 0 ? turn + slots : turn);
}

inline size_t HistorySlot(int64_t bin) {
  const int64_t turn = bin % kHistoryBins;
  return static_cast<size_t>(turn < 0 ? turn + kHistoryBins : turn);
}

constexpr size_t kDayLead = 6;
constexpr size_t kHourLead = 2;
static_assert(kLeadBins[kDayLead] == kSlotsPerDay && kLeadBins[kHourLead] == kBinsPerHour);

}  // namespace heliotrope::curve::layout
