// heliotrope-sim: runs histories of the fault simulation. Each seed is one; a broken promise is
// told with its seed and the end of its history, and makes the exit code 1.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/sim/simulation.h"

namespace heliotrope::faultsim {
namespace {

struct Arguments {
  std::string seeds = "1..100";
  int jobs = 1;
  bool verbose = false;
  uint64_t twice_every = 8;
  bool go_on = false;
  bool all_marks = false;
  size_t lines = 120;
};

struct Totals {
  uint64_t histories = 0;
  uint64_t broken = 0;
  uint64_t steps = 0;
  uint64_t jobs = 0;
  uint64_t attempts = 0;
  uint64_t step_crashes = 0;
  uint64_t seconds = 0;  // Simulated.
  std::array<uint64_t, kFaultCount> faults{};
  std::array<uint64_t, kMaxMarks> marks{};  // Histories that reached each.

  Totals& operator+=(const Totals& other);
};

Totals& Totals::operator+=(const Totals& other) {
  histories += other.histories;
  broken += other.broken;
  steps += other.steps;
  jobs += other.jobs;
  attempts += other.attempts;
  step_crashes += other.step_crashes;
  seconds += other.seconds;
  for (size_t i = 0; i < kFaultCount; ++i) faults[i] += other.faults[i];
  for (size_t i = 0; i < kMaxMarks; ++i) marks[i] += other.marks[i];
  return *this;
}

// For the one thing that a check which fails in the product itself can still say.
uint64_t current_seed = 0;

void OnAbort(int) {
  char text[64];
  const int size = std::snprintf(text, sizeof(text), "seed %" PRIu64 ": aborted\n", current_seed);
  if (write(STDERR_FILENO, text, static_cast<size_t>(size)) < 0) _exit(4);
  _exit(3);
}

void Tell(uint64_t seed, const Result& result) {
  std::printf("seed %" PRIu64 ": broken: %s\n  %s\n", seed, result.broken->promise.c_str(),
              result.broken->what.c_str());
}

void TellHistory(const Result& result) {
  for (const std::string& line : result.history) std::printf("%s\n", line.c_str());
}

// False when a promise was broken.
bool RunSeed(uint64_t seed, const Arguments& arguments, Totals& totals) {
  current_seed = seed;
  const Settings settings = Draw(seed);
  Result result = RunHistory(settings, {.text = arguments.verbose, .lines = arguments.lines});
  const bool twice = arguments.twice_every > 0 && seed % arguments.twice_every == 0;
  if (!result.broken && twice) {
    const Result again = RunHistory(settings);
    if (again.hash != result.hash) {
      result.broken =
          Broken{"the same seed gives the same history",
                 absl::StrCat("hash ", absl::Hex(result.hash), " and then ", absl::Hex(again.hash)),
                 result.length};
    }
  }
  ++totals.histories;
  totals.steps += result.steps;
  totals.jobs += result.jobs;
  totals.attempts += result.attempts;
  totals.step_crashes += result.step_crashes;
  totals.seconds += static_cast<uint64_t>(absl::ToInt64Seconds(result.length));
  for (size_t i = 0; i < kFaultCount; ++i) totals.faults[i] += result.faults[i];
  for (size_t i = 0; i < kMaxMarks; ++i) totals.marks[i] += result.marks[i] ? 1 : 0;
  if (arguments.verbose) TellHistory(result);
  if (!result.broken) return true;
  ++totals.broken;
  if (!arguments.verbose && !arguments.go_on) {
    TellHistory(RunHistory(settings, {.text = true, .lines = arguments.lines}));
  }
  Tell(seed, result);
  std::fflush(stdout);
  return false;
}

void Print(const Totals& totals, double wall_seconds) {
  std::printf("%" PRIu64 " histories in %.1f s (%.1f/s), %" PRIu64 " broken; %" PRIu64
              " jobs, %" PRIu64 " attempts, %" PRIu64 " steps, %.1f simulated days\n",
              totals.histories, wall_seconds, static_cast<double>(totals.histories) / wall_seconds,
              totals.broken, totals.jobs, totals.attempts, totals.steps,
              static_cast<double>(totals.seconds) / 86400);
  std::printf("faults: step-crash %" PRIu64, totals.step_crashes);
  for (size_t i = 0; i < kFaultCount; ++i) {
    std::printf(", %s %" PRIu64, std::string(FaultName(static_cast<Fault>(i))).c_str(),
                totals.faults[i]);
  }
  std::printf("\n");
}

// True when each was reached.
bool PrintMarks(const Totals& totals) {
  std::vector<std::pair<uint64_t, std::string>> marks;
  for (size_t i = 0; i < MarkCount(); ++i) marks.emplace_back(totals.marks[i], MarkName(i));
  std::sort(marks.begin(), marks.end());
  std::printf("histories that reached each mark:\n");
  for (const auto& [reached, name] : marks) {
    std::printf("%10" PRIu64 "  %s\n", reached, name.c_str());
  }
  return marks.empty() || marks.front().first > 0;
}

// Every `jobs`-th seed from `first` on; totals go to `out`.
int RunShare(uint64_t first, uint64_t last, const Arguments& arguments, int out) {
  Totals totals;
  bool good = true;
  for (uint64_t seed = first; seed <= last; seed += static_cast<uint64_t>(arguments.jobs)) {
    good = RunSeed(seed, arguments, totals) && good;
    if (!good && !arguments.go_on) break;
  }
  if (write(out, &totals, sizeof(totals)) != sizeof(totals)) return 2;
  return good ? 0 : 1;
}

int RunAll(uint64_t first, uint64_t last, const Arguments& arguments) {
  int ends[2];
  if (pipe(ends) != 0) return 2;
  const absl::Time start = absl::Now();
  std::vector<pid_t> children;
  for (int i = 0; i < arguments.jobs; ++i) {
    const pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) {
      const int code = RunShare(first + static_cast<uint64_t>(i), last, arguments, ends[1]);
      std::fflush(stdout);
      _exit(code);
    }
    children.push_back(child);
  }
  close(ends[1]);
  Totals all;
  Totals one;
  while (read(ends[0], &one, sizeof(one)) == sizeof(one)) {
    all += one;
  }
  int code = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    const int ended = WIFEXITED(status) ? WEXITSTATUS(status) : 3;
    code = std::max(code, ended);
  }
  Print(all, absl::ToDoubleSeconds(absl::Now() - start));
  if (!PrintMarks(all) && arguments.all_marks) {
    std::printf("a mark was not reached\n");
    code = std::max(code, 1);
  }
  return code;
}

bool ParseSeeds(const std::string& text, uint64_t& first, uint64_t& last) {
  const std::vector<std::string> parts = absl::StrSplit(text, "..");
  if (parts.empty() || parts.size() > 2 || !absl::SimpleAtoi(parts[0], &first)) return false;
  last = first;
  return parts.size() == 1 || (absl::SimpleAtoi(parts[1], &last) && last >= first);
}

int Main(int argc, char** argv) {
  CLI::App app("Runs simulated histories full of faults and judges them by the promises.");
  app.footer(
      "Examples:\n"
      "  heliotrope-sim --seeds 1..10000 --jobs 2\n"
      "  heliotrope-sim --seed 4711 --verbose");
  Arguments arguments;
  uint64_t seed = 0;
  app.add_option("--seeds", arguments.seeds, "the seeds, such as 1..100");
  auto* single = app.add_option("--seed", seed, "one seed");
  app.add_option("--jobs", arguments.jobs, "processes")->check(CLI::Range(1, 256));
  app.add_option("--lines", arguments.lines, "lines of history that are kept");
  app.add_flag("--verbose", arguments.verbose, "tell the end of every history");
  app.add_option("--twice-every", arguments.twice_every,
                 "each so manyth seed is run twice, to see that it is one history; 0: none");
  app.add_flag("--all-marks", arguments.all_marks, "fail when a mark was not reached");
  app.add_flag("--go-on", arguments.go_on, "after a broken promise too, without its history");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGABRT, OnAbort);
  uint64_t first = seed;
  uint64_t last = seed;
  if (single->empty() && !ParseSeeds(arguments.seeds, first, last)) {
    std::fprintf(stderr, "--seeds wants A..B, not \"%s\"\n", arguments.seeds.c_str());
    return 2;
  }
  return RunAll(first, last, arguments);
}

}  // namespace
}  // namespace heliotrope::faultsim

int main(int argc, char** argv) { return heliotrope::faultsim::Main(argc, argv); }
