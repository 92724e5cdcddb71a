// Learns the load curve of one data center from its five-minute bins and forecasts it with its
// uncertainty. Knows nothing of where the bins come from or where its state is kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "scheduler/curve/bin.h"
#include "scheduler/curve/curve_status.h"
#include "scheduler/curve/day_drift.h"
#include "scheduler/curve/error_model.h"
#include "scheduler/curve/forecast.h"
#include "scheduler/curve/profile.h"
#include "scheduler/curve/regression.h"
#include "scheduler/curve/special_days.h"
#include "scheduler/curve/state.h"

namespace heliotrope::curve {

constexpr int kHistoryBins = 8 * kSlotsPerDay;

// The leads (in bins) whose corrections and errors are learned: 5 min, 30 min, 1 h, 3 h, 6 h, 12 h,
// 24 h, 48 h and 168 h. What lies between two of them is interpolated.
constexpr int kLeads = 9;
constexpr std::array<int, kLeads> kLeadBins = {1, 6, 12, 36, 72, 144, 288, 576, 2016};

// A load larger than this share of capacity is a fault of measurement and is refused.
constexpr double kMaxLoad = 4.0;

// What became of a bin.
enum class Observation {
  kTaken,      // newer than all before: learned, and forecasts of it were scored
  kLate,       // older, not seen before, within the last 8 days: learned by the profile only
  kDuplicate,  // seen before; the first value stays
  kTooOld,     // more than 8 days older than the newest: nothing was done
  kRefused,    // not a number, negative, above kMaxLoad, off the five-minute grid, before 1970
};

struct ForecasterOptions {
  double prior_load = 0.5;   // believed before the first sample, fraction of capacity
  double prior_error = 0.1;  // mean absolute error believed before the first score
  BandOptions band{};
  std::vector<SpecialKind> special_days{};
};

// One per data center. Observe is constant work and memory, free of clock, chance and I/O: the same
// bins in the same order give the same forecasts, also when saved and restored in between. Not
// thread-safe; concurrent reading is fine. About 5 us a sample and 140 kB.
class Forecaster {
 public:
  using Options = ForecasterOptions;
  using State = ForecasterState;

  Forecaster(absl::TimeZone zone, const Options& options);

  // Replaces the special days; what was learned of kinds that stay is kept.
  void SetSpecialDays(const std::vector<SpecialKind>& special_days);

  // Takes one finished bin. Bins should come in order of time; see Observation for those that do
  // not. A gap is no error: what was missed is not learned, and the residual fades over it.
  Observation Observe(const Bin& bin);

  // The load at `target`. The lead is counted from the newest sample, so a forecast from old data
  // is as wide as its age; `now` only decides whether it is called stale. A target that is not
  // newer than the newest sample is answered as if one bin ahead: it is an estimate, not the
  // recorded value.
  Forecast At(absl::Time target, absl::Time now) const;
  double Quantile(absl::Time target, absl::Time now, double q) const;

  CurveStatus StatusAt(absl::Time now) const;

  // The samples of the last 8 days up to the newest one, oldest first; gaps are left out.
  std::vector<Bin> History() const;

  // What has been learned of the local week so far, without any correction by the recent past.
  double ProfileAt(absl::Time time) const;

  const absl::TimeZone& zone() const { return zone_; }

  State Save() const;
  // Also takes what the two versions before have saved. INVALID_ARGUMENT if the version is unknown, a
  // vector has the wrong size, or a value is not one that Save can have written.
  static absl::StatusOr<Forecaster> Restore(absl::TimeZone zone, const Options& options,
                                            const State& state);

 private:
  // The simple forecasts beside our own: the load at the same local time a day and a week before,
  // and the mean of the last days; what is missing is NaN.
  static constexpr size_t kSimple = 3;
  using Simple = std::array<double, kSimple>;

  // What a forecast of a target is made from.
  struct Inputs {
    double base = 0;  // the profile and its drift
    Features features{};
    Simple simple{};
  };

  Inputs InputsFor(int64_t target, int64_t lead, const CivilSlot& slot) const;
  double Blend(size_t lead, double own, const Simple& simple) const;
  bool IsSpecial(int64_t index) const;
  double BaseAt(const CivilSlot& slot) const;
  double ResidualAround(int64_t index) const;
  double KnownLoad(int64_t index, int64_t date) const;
  double LevelAround(int64_t index) const;
  double ScaleFor(size_t lead, const CivilSlot& slot) const;
  bool Any() const;
  bool Mature() const;
  bool Frozen() const;
  bool Stale(absl::Time now) const;

  void Advance(int64_t index);
  void FadeLevels(double bins);
  Observation Backfill(int64_t index, double load);
  void LookForStandstill(int64_t before, int64_t index, double load);
  void LearnResidual(double residual);
  void FollowShift(int64_t index);
  void Rescale(int64_t index, double factor, double error);
  void LearnProfile(const CivilSlot& slot, int64_t index, double load, double residual);
  void LearnDrift(const CivilSlot& slot, int64_t index, double residual);
  void ScoreOpen(int64_t index, const CivilSlot& slot, double load);
  void ScoreSimple(size_t lead, const float* open, double load);
  void ScoreHour(const float* open, double load);
  void ScoreDay(const float* open, double load);
  void JudgeBand();
  void IssueForecasts();
  float& LoadCell(int64_t index);
  float& ResidualCell(int64_t index);
  float& LevelCell(int64_t index);

  absl::TimeZone zone_;
  BandOptions band_;
  Profile profile_;
  DayDrift drift_;
  SpecialDays special_;
  std::vector<Regression> regressions_;  // one per lead
  std::vector<ErrorModel> errors_;       // one per lead
  // Flat, as they are saved; layout.h says what is where.
  std::vector<int64_t> integers_;
  std::vector<double> levels_;
  std::vector<float> samples_;
  std::vector<float> open_;
};

}  // namespace heliotrope::curve
