#include "scheduler/cli/simulate_runs.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "absl/strings/str_format.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/mutex.h"
#include "scheduler/os/clock.h"

namespace heliotrope::cli {
namespace {

// Simulations at once: each holds its own journal and state.
constexpr unsigned kMostThreads = 4;

// How long a policy takes beside the others, roughly: planning is nearly all of it.
double WeightOf(sim::Policy policy) {
  switch (policy) {
    case sim::Policy::kHeliotrope:
      return 40;
    case sim::Policy::kGreedy:
      return 2;
    case sim::Policy::kHome:
    case sim::Policy::kLeastLoaded:
    case sim::Policy::kCheapestNow:
    case sim::Policy::kNightWindow:
      return 0.1;
  }
  return 1;
}

// A line on a terminal that is written over as the simulations go on. Thread-safe.
class ProgressLine {
 public:
  ProgressLine(Context& context, const std::vector<SimulationRun>& runs)
      : out_(context.console().err_is_terminal ? &context.console().err : nullptr),
        started_(os::Boottime()),
        done_(runs.size(), 0.0) {
    for (const SimulationRun& run : runs) {
      weights_.push_back(WeightOf(run.options.policy));
      total_ += weights_.back();
    }
  }
  ~ProgressLine() {
    if (out_ != nullptr && shown_) *out_ << "\r\x1b[K" << std::flush;
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(size_t run, double done) {
    if (out_ == nullptr) return;
    MutexLock lock(mutex_);
    done_[run] = done;
    const absl::Duration now = os::Boottime();
    if (now - last_ < absl::Milliseconds(200)) return;
    last_ = now;
    shown_ = true;
    double all = 0;
    for (size_t i = 0; i < done_.size(); ++i) all += done_[i] * weights_[i] / total_;
    *out_ << absl::StrFormat("\r\x1b[K%3.0f%% simulated", 100 * all);
    if (all > 0.01) {
      const absl::Duration left = (now - started_) / all * (1 - all);
      *out_ << ", " << ShortDuration(absl::Ceil(left, absl::Seconds(1))) << " to go";
    }
    *out_ << std::flush;
  }

 private:
  Mutex mutex_;
  std::ostream* const out_;
  const absl::Duration started_;
  std::vector<double> weights_;
  double total_ = 0;
  std::vector<double> done_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  bool shown_ = false;
};

}  // namespace

void RunSimulations(Context& context, const sim::World& world, std::vector<SimulationRun>& runs) {
  ProgressLine line(context, runs);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < runs.size(); i = next++) {
      SimulationRun& run = runs[i];
      run.options.progress = [&line, i](double done) { line.Show(i, done); };
      const absl::Duration started = os::Boottime();
      run.journal = sim::Simulate(world, run.options);
      run.took = os::Boottime() - started;
      run.score = sim::ScoreJournal(world, run.journal);
      line.Show(i, 1);
    }
  };
  const unsigned cores = std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads);
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < std::min<size_t>(cores, runs.size()); ++i) threads.emplace_back(work);
  work();
}

}  // namespace heliotrope::cli
