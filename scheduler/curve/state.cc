// Persistence: a Forecaster as plain values and back.
#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "scheduler/curve/bounds.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/curve/layout.h"

namespace heliotrope::curve {

using namespace layout;  // NOLINT(google-build-using-namespace): names of this class's own cells

namespace {

constexpr size_t kNumbers = kLevelCount +
                            size_t{kLeads} * (Regression::kNumbers + ErrorModel::kNumbers) +
                            SpecialDays::kNumbers;
constexpr size_t kProfileCells = 2 * Profile::kCells + kSlotsPerDay;
constexpr int64_t kLatestBin = int64_t{1} << 40;  // far beyond any calendar

absl::Status CheckSize(absl::string_view what, size_t size, size_t want) {
  if (size == want) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("curve state has ", size, " ", what, ", version ", ForecasterState::kVersion,
                   " has ", want, ": restore another copy or start from imported history"));
}

absl::Status CheckShape(const ForecasterState& state) {
  if (state.version != ForecasterState::kVersion) {
    return absl::InvalidArgumentError(absl::StrCat("curve state is of version ", state.version,
                                                   ", this program reads version ",
                                                   ForecasterState::kVersion));
  }
  absl::Status status = CheckSize("integers", state.integers.size(), kIntegers + kOpenSlots);
  status.Update(CheckSize("numbers", state.numbers.size(), kNumbers));
  status.Update(CheckSize("profile cells", state.profile.size(), kProfileCells));
  status.Update(CheckSize("samples", state.samples.size(), 3 * kHistoryBins));
  status.Update(
      CheckSize("open forecast cells", state.open_forecasts.size(), kOpenSlots * kOpenFields));
  return status;
}

constexpr char kState[] = "curve state";

absl::Status CheckIntegers(const std::vector<int64_t>& integers) {
  for (size_t i = 0; i < integers.size(); ++i) {
    if (integers[i] >= 0 && integers[i] < kLatestBin) continue;
    return BoundError({kState, "integers", i}, absl::StrCat(integers[i]),
                      {0, static_cast<double>(kLatestBin - 1)});
  }
  if (integers[kFirstBin] <= integers[kLastBin]) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("curve state begins with bin ", integers[kFirstBin], " after its last, ",
                   integers[kLastBin], ": restore another copy or start from imported history"));
}

absl::Status CheckNumbers(const std::vector<double>& numbers) {
  constexpr size_t kErrors = kLevelCount + size_t{kLeads} * Regression::kNumbers;
  constexpr size_t kSpecial = kErrors + size_t{kLeads} * ErrorModel::kNumbers;
  absl::Status status = CheckBounds({kState, "numbers", 0}, numbers, numbers.size(), kAnyNumber);
  status.Update(CheckBounds({kState, "numbers", kSpread}, numbers, 1, kNotNegative));
  for (size_t lead = 0; lead < kLeads; ++lead) {
    status.Update(CheckErrorModel({kState, "numbers", kErrors + lead * ErrorModel::kNumbers},
                                  numbers, kNotNegative));
  }
  // How often each was seen.
  constexpr size_t kCounts = SpecialDays::kNumbers / 2;
  status.Update(
      CheckBounds({kState, "numbers", kSpecial + kCounts}, numbers, kCounts, kNotNegative));
  return status;
}

// Of the samples those that are missing are not numbers.
absl::Status CheckSamples(const std::vector<float>& samples) {
  for (size_t i = 0; i < samples.size(); ++i) {
    if (std::isnan(samples[i])) continue;
    const absl::Status status = CheckBounds({kState, "samples", i}, samples, 1, kAnyNumber);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// One value that is not a number would spread to every forecast and never go away.
absl::Status CheckValues(const ForecasterState& state) {
  absl::Status status = CheckIntegers(state.integers);
  status.Update(CheckNumbers(state.numbers));
  status.Update(
      CheckBounds({kState, "profile", 0}, state.profile, state.profile.size(), kAnyNumber));
  status.Update(CheckBounds({kState, "profile", Profile::kCells}, state.profile, Profile::kCells,
                            kNotNegative));
  status.Update(CheckSamples(state.samples));
  status.Update(CheckBounds({kState, "open_forecasts", 0}, state.open_forecasts,
                            state.open_forecasts.size(), kAnyNumber));
  return status;
}

// What version 2 had: no simple forecasts and no special days, and shares covered where the stretches
// are now. Its open forecasts are let go; they would only have been scored.
constexpr size_t kLevelsOfVersion2 = kMeanLoad;
constexpr size_t kIntegersOfVersion2 = kSameBins;

ForecasterState FromVersion2(const ForecasterState& old, const ForecasterState& fresh) {
  ForecasterState state = fresh;
  std::copy_n(old.integers.begin(), kIntegersOfVersion2, state.integers.begin());
  std::copy_n(old.numbers.begin(), kLevelsOfVersion2, state.numbers.begin());
  const auto models = state.numbers.begin() + kLevelCount;
  std::copy(old.numbers.begin() + kLevelsOfVersion2, old.numbers.end(), models);
  const auto errors = models + kLeads * Regression::kNumbers;
  for (int lead = 0; lead < kLeads; ++lead) {
    const auto end = errors + (lead + 1) * ErrorModel::kNumbers;
    std::fill(end - kQuantiles, end, 0.0);
  }
  state.numbers[kMeanLoad] = old.profile[Profile::kCells - 1];
  std::copy(old.profile.begin(), old.profile.end(), state.profile.begin());
  state.samples = old.samples;
  return state;
}

// Version 3 had no drift.
bool IsVersion3(const ForecasterState& state) {
  return state.version == 3 && state.profile.size() == 2 * Profile::kCells;
}

ForecasterState FromVersion3(const ForecasterState& old) {
  ForecasterState state = old;
  state.version = ForecasterState::kVersion;
  state.profile.resize(kProfileCells, 0.0f);
  return state;
}

bool IsVersion2(const ForecasterState& state) {
  return state.version == 2 && state.profile.size() == 2 * Profile::kCells &&
         state.integers.size() == kIntegersOfVersion2 + kOpenSlots &&
         state.numbers.size() ==
             kLevelsOfVersion2 + kLeads * (Regression::kNumbers + ErrorModel::kNumbers);
}

}  // namespace

ForecasterState Forecaster::Save() const {
  State state;
  state.integers = integers_;
  std::copy(special_.names().begin(), special_.names().end(),
            state.integers.begin() + kFirstSpecial);
  state.numbers = levels_;
  for (const Regression& regression : regressions_) regression.AppendTo(state.numbers);
  for (const ErrorModel& errors : errors_) errors.AppendTo(state.numbers);
  state.numbers.insert(state.numbers.end(), special_.numbers().begin(), special_.numbers().end());
  state.profile = profile_.values();
  state.profile.insert(state.profile.end(), profile_.counts().begin(), profile_.counts().end());
  state.profile.insert(state.profile.end(), drift_.values().begin(), drift_.values().end());
  state.samples = samples_;
  state.open_forecasts = open_;
  return state;
}

absl::StatusOr<Forecaster> Forecaster::Restore(absl::TimeZone zone, const Options& options,
                                               const State& given) {
  Forecaster forecaster(zone, options);
  const State state = IsVersion2(given)   ? FromVersion2(given, forecaster.Save())
                      : IsVersion3(given) ? FromVersion3(given)
                                          : given;
  absl::Status status = CheckShape(state);
  if (status.ok()) status = CheckValues(state);
  if (!status.ok()) return status;

  forecaster.integers_ = state.integers;
  forecaster.levels_.assign(state.numbers.begin(), state.numbers.begin() + kLevelCount);
  const double* numbers = state.numbers.data() + kLevelCount;
  for (Regression& regression : forecaster.regressions_) numbers = regression.Set(numbers);
  for (ErrorModel& errors : forecaster.errors_) numbers = errors.Set(numbers);
  forecaster.special_.Set(numbers, state.integers.data() + kFirstSpecial);
  forecaster.special_.SetKinds(options.special_days);
  const auto counts = state.profile.begin() + Profile::kCells;
  const auto drift = counts + Profile::kCells;
  forecaster.profile_.Set({state.profile.begin(), counts}, {counts, drift});
  forecaster.drift_.Set({drift, state.profile.end()});
  forecaster.samples_ = state.samples;
  forecaster.open_ = state.open_forecasts;
  return forecaster;
}

}  // namespace heliotrope::curve
