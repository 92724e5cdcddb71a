#include "scheduler/curve/backtest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::curve {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kWeek = absl::Hours(7 * 24);
constexpr absl::Duration kShortestStep = absl::Minutes(5);
constexpr absl::Duration kLongestStep = absl::Hours(1);
constexpr absl::Duration kLongestHorizon = kWeek;
// Less is not enough for any forecast of a day.
constexpr absl::Duration kShortestTraining = kDay;
// The largest load before the test becomes this share of a capacity: what comes later has room.
constexpr double kFullest = 0.8;
// The grid has a cell per step from the first sample to the last: a wrong year must not fill memory.
constexpr absl::Duration kLongestSeries = absl::Hours(20 * 366 * 24);
constexpr size_t kMedian = 3;
static_assert(kQuantileLevels[kMedian] == 0.5);

absl::Status CheckOptions(const BacktestOptions& options) {
  const auto check = [](const char* name, absl::Duration value, absl::Duration limit) {
    if (value > absl::ZeroDuration() && value <= limit) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(name, " is ", ShortDuration(value),
                                                   ", must be above 0 and at most ",
                                                   ShortDuration(limit)));
  };
  HT_RETURN_IF_ERROR(check("the horizon", options.horizon, kLongestHorizon));
  HT_RETURN_IF_ERROR(check("the step between origins", options.origin_step, options.test));
  HT_RETURN_IF_ERROR(check("the test part", options.test, absl::Hours(10 * 366 * 24)));
  if (options.origin_step < kShortestStep) {
    return absl::InvalidArgumentError(
        absl::StrCat("the step between origins is ", ShortDuration(options.origin_step),
                     ", must be at least ", ShortDuration(kShortestStep)));
  }
  if (options.test < options.horizon) {
    return absl::InvalidArgumentError(
        absl::StrCat("the test part of ", ShortDuration(options.test), " cannot hold a horizon of ",
                     ShortDuration(options.horizon), ": make it longer or the horizon shorter"));
  }
  return absl::OkStatus();
}

absl::Status TooShort(absl::string_view has, const BacktestOptions& options) {
  return absl::InvalidArgumentError(absl::StrCat("the series has ", has, ", needed are at least ",
                                                 ShortDuration(kShortestTraining + options.test),
                                                 ": a day to learn from and the test part of ",
                                                 ShortDuration(options.test),
                                                 "; give a longer series or a shorter test part"));
}

absl::Status CheckSpan(const std::vector<Sample>& samples) {
  const absl::Time latest = samples.front().time + kLongestSeries;
  const auto far = std::find_if(samples.begin(), samples.end(),
                                [latest](const Sample& sample) { return sample.time > latest; });
  if (far == samples.end()) return absl::OkStatus();
  const auto number = far - samples.begin() + 1;
  return absl::InvalidArgumentError(absl::StrCat(
      "sample ", number, " (line ", number + 1, " of a CSV file) is of ",
      absl::FormatTime(absl::RFC3339_sec, far->time, absl::UTCTimeZone()), ", ",
      ShortDuration(far->time - samples.front().time), " after the first, a series may span ",
      ShortDuration(kLongestSeries), ": correct its time or leave it out"));
}

// The most frequent difference; of equally frequent ones the shortest.
absl::Duration StepOf(const std::vector<Sample>& samples) {
  std::map<absl::Duration, int64_t> seen;
  for (size_t i = 1; i < samples.size(); ++i) ++seen[samples[i].time - samples[i - 1].time];
  const auto most = std::max_element(
      seen.begin(), seen.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == seen.end() ? absl::ZeroDuration() : most->first;
}

// The series on its own grid, NaN in the holes.
class Grid {
 public:
  Grid(const std::vector<Sample>& samples, absl::Duration step)
      : start_(samples.front().time), step_(step) {
    values_.resize(static_cast<size_t>((samples.back().time - start_) / step_) + 1, kNone);
    for (const Sample& sample : samples) {
      const absl::Duration offset = sample.time - start_;
      if (offset % step_ == absl::ZeroDuration()) {
        values_[static_cast<size_t>(offset / step_)] = sample.load;
      }
    }
  }

  absl::Time TimeOf(int64_t index) const { return start_ + index * step_; }
  // The first index at or after `time`.
  int64_t IndexFrom(absl::Time time) const {
    return (time - start_ + step_ - absl::Nanoseconds(1)) / step_;
  }
  int64_t size() const { return static_cast<int64_t>(values_.size()); }
  double At(int64_t index) const {
    return index < 0 || index >= size() ? kNone : values_[static_cast<size_t>(index)];
  }
  double At(absl::Time time) const {
    const absl::Duration offset = time - start_;
    return offset % step_ == absl::ZeroDuration() ? At(offset / step_) : kNone;
  }
  int64_t CountMissing() const {
    return std::count_if(values_.begin(), values_.end(), [](double v) { return std::isnan(v); });
  }

 private:
  absl::Time start_;
  absl::Duration step_;
  std::vector<double> values_;
};

// Sums of one method's errors.
class Tally {
 public:
  void Add(double actual, const std::array<double, kQuantiles>& forecast) {
    ++points_;
    load_ += std::abs(actual);
    error_ += std::abs(actual - forecast[kMedian]);
    constexpr std::array<size_t, 3> kScored = {kMedian, 5, 6};
    for (size_t i = 0; i < kScored.size(); ++i) {
      const double over = actual - forecast[kScored[i]];
      const double level = kQuantileLevels[kScored[i]];
      pinball_[i] += std::max(level * over, (level - 1) * over);
    }
    for (size_t i = 0; i < kQuantiles; ++i) covered_[i] += actual <= forecast[i] ? 1 : 0;
  }

  int64_t points() const { return points_; }

  Scores Scored(double daily_change) const {
    const double n = static_cast<double>(points_);
    Scores scores;
    scores.points = points_;
    scores.wape = error_ / load_;
    scores.mase = error_ / n / daily_change;
    for (size_t i = 0; i < pinball_.size(); ++i) scores.pinball[i] = pinball_[i] / load_;
    for (size_t i = 0; i < kQuantiles; ++i) scores.coverage[i] = covered_[i] / n;
    return scores;
  }

 private:
  int64_t points_ = 0;
  double load_ = 0;
  double error_ = 0;
  std::array<double, 3> pinball_{};
  std::array<double, kQuantiles> covered_{};
};

double Mean(double sum, int64_t count) {
  return count == 0 ? kNone : sum / static_cast<double>(count);
}

// Mean |y(t) - y(t - a day)| before `end`.
double DailyChange(const Grid& grid, int64_t end) {
  double sum = 0;
  int64_t count = 0;
  for (int64_t i = 0; i < end; ++i) {
    const double change = std::abs(grid.At(i) - grid.At(grid.TimeOf(i) - kDay));
    if (std::isnan(change)) continue;
    sum += change;
    ++count;
  }
  return Mean(sum, count);
}

// What users would do otherwise. Each knows what was before `origin` only.
class Baselines {
 public:
  explicit Baselines(const Grid& grid) : grid_(grid) {}

  // The newest known value a whole number of periods before.
  double Naive(absl::Time origin, absl::Time target, absl::Duration period) const {
    absl::Time known = target - period;
    while (known >= origin) known -= period;
    return grid_.At(known);
  }

  double ProfileLevel(absl::Time origin, absl::Time target) const {
    const double level = std::isnan(level_) ? 0 : level_;
    return Profile(origin, target) + level * std::exp(-absl::FDivDuration(target - origin, kFade));
  }

  // Before ProfileLevel of that origin.
  void Move(absl::Time origin) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t i = grid_.IndexFrom(origin - absl::Hours(3)); grid_.TimeOf(i) < origin; ++i) {
      const double error = grid_.At(i) - Profile(origin, grid_.TimeOf(i));
      if (std::isnan(error)) continue;
      sum += error;
      ++count;
    }
    level_ = Mean(sum, count);
  }

 private:
  static constexpr absl::Duration kFade = absl::Hours(6);

  // Mean of the last four same weekdays, as many as there are.
  double Profile(absl::Time origin, absl::Time target) const {
    double sum = 0;
    int64_t count = 0;
    absl::Time known = target - kWeek;
    while (known >= origin) known -= kWeek;
    for (int i = 0; i < 4; ++i, known -= kWeek) {
      const double value = grid_.At(known);
      if (std::isnan(value)) continue;
      sum += value;
      ++count;
    }
    return Mean(sum, count);
  }

  const Grid& grid_;
  double level_ = kNone;
};

class Runner {
 public:
  Runner(const std::vector<Sample>& samples, const Grid& grid, const absl::TimeZone& zone,
         const BacktestOptions& options, absl::Time first_origin)
      : options_(options), grid_(grid), baselines_(grid), forecaster_(zone, options.forecaster) {
    double fullest = 0;
    for (const Sample& sample : samples) {
      if (sample.time < first_origin) fullest = std::max(fullest, sample.load);
    }
    unit_ = fullest / kFullest;
    if (unit_ == 0) return;
    std::vector<Sample> scaled = samples;
    for (Sample& sample : scaled) sample.load /= unit_;
    bins_ = Resample(std::move(scaled));
  }

  bool has_load() const { return unit_ > 0; }
  bool has_scored() const { return ours_.points() > 0; }

  void RunOrigin(absl::Time origin, Backtest& out) {
    Learn(origin);
    if (options_.compare) baselines_.Move(origin);
    const int64_t end = grid_.IndexFrom(origin + options_.horizon);
    for (int64_t i = grid_.IndexFrom(origin); i < end; ++i) {
      BacktestPoint point;
      point.origin = origin;
      point.target = grid_.TimeOf(i);
      point.actual = grid_.At(i);
      point.forecast = Values(forecaster_.At(point.target, origin));
      for (double& value : point.forecast) value *= unit_;
      if (!std::isnan(point.actual)) Score(point);
      out.points.push_back(point);
    }
  }

  void Finish(absl::Time first_origin, Backtest& out) const {
    const double change = DailyChange(grid_, grid_.IndexFrom(first_origin));
    out.scores = ours_.Scored(change);
    out.naive_day = naive_day_.Scored(change);
    out.naive_week = naive_week_.Scored(change);
    out.profile_level = profile_level_.Scored(change);
  }

 private:
  // Bins that stand on samples before `origin` alone: a bin lies on the line between two samples.
  void Learn(absl::Time origin) {
    const int64_t last = grid_.IndexFrom(origin) - 1;
    int64_t known = last;
    while (known >= 0 && std::isnan(grid_.At(known))) --known;
    const absl::Time until = grid_.TimeOf(known);
    for (; next_ < bins_.size() && bins_[next_].start <= until; ++next_) {
      forecaster_.Observe(bins_[next_]);
    }
  }

  void Score(const BacktestPoint& point) {
    ours_.Add(point.actual, point.forecast);
    if (!options_.compare) return;
    const auto add = [&](Tally& tally, double forecast) {
      if (std::isnan(forecast)) return;
      std::array<double, kQuantiles> all;
      all.fill(forecast);
      tally.Add(point.actual, all);
    };
    add(naive_day_, baselines_.Naive(point.origin, point.target, kDay));
    add(naive_week_, baselines_.Naive(point.origin, point.target, kWeek));
    add(profile_level_, baselines_.ProfileLevel(point.origin, point.target));
  }

  const BacktestOptions& options_;
  const Grid& grid_;
  Baselines baselines_;
  Forecaster forecaster_;
  double unit_ = 0;  // one capacity, in the series' unit
  std::vector<Bin> bins_;
  size_t next_ = 0;
  Tally ours_;
  Tally naive_day_;
  Tally naive_week_;
  Tally profile_level_;
};

}  // namespace

absl::StatusOr<Backtest> RunBacktest(const std::vector<Sample>& samples, const absl::TimeZone& zone,
                                     const BacktestOptions& options) {
  HT_RETURN_IF_ERROR(CheckOptions(options));
  if (samples.size() < 2) {
    return TooShort(samples.empty() ? "no samples" : "1 sample", options);
  }
  HT_RETURN_IF_ERROR(CheckSpan(samples));
  Backtest out;
  out.step = StepOf(samples);
  out.samples = static_cast<int64_t>(samples.size());
  if (out.step < kShortestStep || out.step > kLongestStep) {
    return absl::InvalidArgumentError(absl::StrCat("the series' step is ", ShortDuration(out.step),
                                                   ", must be ", ShortDuration(kShortestStep),
                                                   " to ", ShortDuration(kLongestStep)));
  }
  const absl::Time end = samples.back().time + out.step;
  const absl::Time first = end - options.test;
  out.trained = first - samples.front().time;
  if (out.trained < kShortestTraining) {
    return TooShort(ShortDuration(end - samples.front().time), options);
  }
  const Grid grid(samples, out.step);
  out.missing = grid.CountMissing();
  Runner runner(samples, grid, zone, options, first);
  if (!runner.has_load()) {
    return absl::InvalidArgumentError("the series is zero throughout before the test part");
  }
  for (absl::Time origin = first; origin + options.horizon <= end; origin += options.origin_step) {
    runner.RunOrigin(origin, out);
    ++out.origins;
  }
  if (!runner.has_scored()) {
    return absl::InvalidArgumentError(
        "no sample of the test part falls into a forecast: there is nothing to score");
  }
  runner.Finish(first, out);
  return out;
}

}  // namespace heliotrope::curve
