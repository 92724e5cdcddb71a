// What a forecaster costs: one bin learned, one forecast, seven days of a plan's blocks.
//   build/release/bin/heliotrope-curve-bench --benchmark_repetitions=5 --benchmark_report_aggregates_only
#include <benchmark/benchmark.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/curve/forecaster.h"
#include "scheduler/curve/outlook.h"

namespace heliotrope::curve {
namespace {

constexpr int kDays = 60;

// A day's wave with some structure that never repeats exactly.
double LoadAt(int64_t index) {
  const double day = static_cast<double>(index) / kSlotsPerDay;
  return 0.4 + 0.25 * std::sin(2 * std::numbers::pi * day) +
         0.05 * std::sin(2 * std::numbers::pi * day * 1.37);
}

// `special` kinds of one day a week each: far more than a calendar has.
Forecaster Learned(int64_t& next, int64_t special) {
  absl::TimeZone zone;
  absl::LoadTimeZone("Europe/Berlin", &zone);
  next = 5'000'000;
  ForecasterOptions options;
  for (int64_t kind = 0; kind < special; ++kind) {
    options.special_days.push_back({.name = std::string(1, static_cast<char>('a' + kind))});
    for (int week = 0; week < 10 * 52; ++week) {
      options.special_days.back().dates.push_back(next / kSlotsPerDay + 7 * week + kind);
    }
  }
  Forecaster forecaster(zone, options);
  for (const int64_t end = next + kDays * kSlotsPerDay; next < end; ++next) {
    forecaster.Observe({BinStart(next), LoadAt(next)});
  }
  return forecaster;
}

void Observe(benchmark::State& state) {
  int64_t next = 0;
  Forecaster forecaster = Learned(next, state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(forecaster.Observe({BinStart(next), LoadAt(next)}));
    ++next;
  }
}
BENCHMARK(Observe)->ArgName("special")->Arg(0)->Arg(2);

void OneForecast(benchmark::State& state) {
  int64_t next = 0;
  const Forecaster forecaster = Learned(next, state.range(0));
  int64_t lead = 0;
  for (auto _ : state) {
    lead = lead % kSlotsPerWeek + 1;
    benchmark::DoNotOptimize(forecaster.At(BinStart(next + lead), BinStart(next)));
  }
}
BENCHMARK(OneForecast)->ArgName("special")->Arg(0)->Arg(2);

// Every five minutes of seven days, with all quantiles.
void SevenDaysOfBins(benchmark::State& state) {
  int64_t next = 0;
  const Forecaster forecaster = Learned(next, state.range(0));
  for (auto _ : state) {
    for (int64_t lead = 1; lead <= kSlotsPerWeek; ++lead) {
      benchmark::DoNotOptimize(forecaster.At(BinStart(next + lead), BinStart(next)));
    }
  }
}
BENCHMARK(SevenDaysOfBins)->ArgName("special")->Arg(0)->Arg(2)->Unit(benchmark::kMicrosecond);

// Bytes of the state that a store keeps, as a counter.
void Save(benchmark::State& state) {
  int64_t next = 0;
  const Forecaster forecaster = Learned(next, state.range(0));
  ForecasterState saved;
  for (auto _ : state) benchmark::DoNotOptimize(saved = forecaster.Save());
  state.counters["bytes"] = static_cast<double>(
      8 * (saved.integers.size() + saved.numbers.size()) +
      4 * (saved.profile.size() + saved.samples.size() + saved.open_forecasts.size()));
}
BENCHMARK(Save)->Arg(0)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace heliotrope::curve

BENCHMARK_MAIN();
