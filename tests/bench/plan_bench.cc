// What a replan costs with 1,000,000 queued tasks of 4,000 classes, 7 data centers and 7 days
// ahead: the planner alone, and with all that the core does for it.
//   build/release/bin/heliotrope-plan-bench
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "scheduler/plan/plan.h"
#include "tests/bench/machine_series.h"
#include "tests/bench/plan_series.h"

namespace heliotrope::bench {
namespace {

// A repetition is one replan, so that their statistics are those of replans.
constexpr int kReplans = 120;
constexpr int kFirstPlans = 3;

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double P99(const std::vector<double>& values) {
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(std::ceil(0.99 * static_cast<double>(sorted.size()))) - 1];
}

double Largest(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

plan::Plan TimedPlan(benchmark::State& state, const plan::Input& input) {
  const auto start = std::chrono::steady_clock::now();
  plan::Plan plan = plan::Compute(input);
  state.SetIterationTime(Seconds(std::chrono::steady_clock::now() - start));
  int64_t tasks = 0;
  for (const plan::Class& one : input.classes) tasks += one.count;
  int64_t planned = 0;
  for (const plan::Verdict& verdict : plan.verdicts) {
    for (const plan::Allotment& allotment : verdict.allotments) planned += allotment.count;
  }
  state.counters["classes"] = static_cast<double>(input.classes.size());
  state.counters["tasks"] = static_cast<double>(tasks);
  state.counters["planned"] = static_cast<double>(planned);
  return plan;
}

// One after another, each from its own queue.
void FirstPlan(benchmark::State& state) {
  static uint64_t seed = 0;
  const PlanSeries series({.percent = static_cast<int>(state.range(0)),
                           .running = static_cast<int>(state.range(1)),
                           .seed = ++seed});
  for ([[maybe_unused]] auto _ : state) TimedPlan(state, series.input());
}

void Replan(benchmark::State& state) {
  static std::unique_ptr<PlanSeries> series;
  static std::vector<int64_t> made_for;
  const std::vector<int64_t> arguments = {state.range(0), state.range(1)};
  if (made_for != arguments) {
    series = std::make_unique<PlanSeries>(
        PlanSeries::Options{.percent = static_cast<int>(state.range(0)),
                            .running = static_cast<int>(state.range(1)),
                            .seed = 4});
    series->Next(plan::Compute(series->input()));
    made_for = arguments;
  }
  for ([[maybe_unused]] auto _ : state) series->Next(TimedPlan(state, series->input()));
}

void TimedReplan(benchmark::State& state, MachineSeries& series) {
  for ([[maybe_unused]] auto _ : state) {
    const MachineSeries::Parts parts = series.Replan();
    state.SetIterationTime(parts.sum());
    state.counters["board_ms"] = 1e3 * parts.board;
    state.counters["snapshot_ms"] = 1e3 * parts.snapshot;
    state.counters["plan_ms"] = 1e3 * parts.planning;
    state.counters["adopt_ms"] = 1e3 * parts.adoption;
    state.counters["dispatch_ms"] = 1e3 * parts.dispatch;
    state.counters["new_class_ms"] = 1e3 * parts.placement;
    state.counters["classes"] = static_cast<double>(series.classes());
    state.counters["tasks"] = static_cast<double>(series.machine().pending_tasks());
    state.counters["held"] = static_cast<double>(series.machine().held_tasks());
  }
}

// By `percent`. Made with its first plan of a full queue on an idle fleet, unless that is what is
// wanted.
MachineSeries& CoreSeries(int64_t percent, bool with_first_plan) {
  static std::map<int64_t, std::unique_ptr<MachineSeries>> all;
  std::unique_ptr<MachineSeries>& series = all[percent];
  if (series == nullptr) {
    series = std::make_unique<MachineSeries>(static_cast<int>(percent), 1);
    if (with_first_plan) series->Replan();
  }
  return *series;
}

void CoreFirstPlan(benchmark::State& state) {
  TimedReplan(state, CoreSeries(state.range(0), /*with_first_plan=*/false));
}

void CoreReplan(benchmark::State& state) {
  TimedReplan(state, CoreSeries(state.range(0), /*with_first_plan=*/true));
}

// The longest Tick in which a queue of a million tasks is told apart anew, and in which new classes
// are placed.
void CoreRegroup(benchmark::State& state) {
  MachineSeries series(static_cast<int>(state.range(0)), 1);
  series.Replan();
  for ([[maybe_unused]] auto _ : state) {
    const MachineSeries::Crowding longest = series.Crowd();
    state.SetIterationTime(longest.regroup);
    state.counters["place_ms"] = 1e3 * longest.placement;
    state.counters["shift"] = series.machine().deadline_shift();
  }
}

void InMilliseconds(benchmark::internal::Benchmark* made) {
  made->UseManualTime()
      ->Unit(benchmark::kMillisecond)
      ->Iterations(1)
      ->ReportAggregatesOnly()
      ->ComputeStatistics("p99", P99)
      ->ComputeStatistics("max", Largest);
}

// percent: what the queue asks for, of the week's headroom.
const std::vector<std::vector<int64_t>> kLoads = {{75, 150}, {300, 6000}};
BENCHMARK(FirstPlan)
    ->Apply(InMilliseconds)
    ->Repetitions(kFirstPlans)
    ->ArgNames({"percent", "running"})
    ->ArgsProduct(kLoads);
BENCHMARK(Replan)
    ->Apply(InMilliseconds)
    ->Repetitions(kReplans)
    ->ArgNames({"percent", "running"})
    ->ArgsProduct(kLoads);
BENCHMARK(CoreFirstPlan)->Apply(InMilliseconds)->ArgName("percent")->Arg(75)->Arg(150);
BENCHMARK(CoreReplan)
    ->Apply(InMilliseconds)
    ->Repetitions(kReplans)
    ->ArgName("percent")
    ->Arg(75)
    ->Arg(150);
BENCHMARK(CoreRegroup)->Apply(InMilliseconds)->ArgName("percent")->Arg(75);

}  // namespace
}  // namespace heliotrope::bench

BENCHMARK_MAIN();
