// heliotrope-sim-planted: plants each bug of planted_bugs.txt in turn and counts the seeds that it
// takes until a judge, or a check of the product's own, finds it. Exits with 1 when one is not found.
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/sim/planted.h"
#include "tests/sim/simulation.h"

namespace heliotrope::planted {

int active = 0;

}  // namespace heliotrope::planted

namespace heliotrope::faultsim {
namespace {

struct Bug {
  const char* name;
  const char* what;
};
constexpr Bug kBugs[] = {
#include "planted_bugs.inc"
};

struct Found {
  uint64_t seeds = 0;  // Until it was found, that one included; 0: not found.
  std::string promise;
};

// In a process of its own: a check of the product ends it. It tells each seed before it runs it,
// and at last the promise.
void Hunt(uint64_t first, uint64_t limit, int out) {
  for (uint64_t seed = first; seed < first + limit; ++seed) {
    if (write(out, ".", 1) != 1) _exit(2);
    const Result result = RunHistory(Draw(seed));
    if (!result.broken) continue;
    const std::string& promise = result.broken->promise;
    if (write(out, promise.data(), promise.size()) < 0) _exit(2);
    _exit(1);
  }
  _exit(0);
}

Found HuntOnce(uint64_t first, uint64_t limit) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(2);
    Hunt(first, limit, ends[1]);
  }
  close(ends[1]);
  Found found;
  char buffer[256];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    found.promise.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const size_t dots = std::min(found.promise.find_first_not_of('.'), found.promise.size());
  found.promise.erase(0, dots);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  found.seeds = dots;
  if (found.promise.empty()) found.promise = "a check of the product";
  return found;
}

bool HuntActive(const char* name, uint64_t trials, uint64_t limit) {
  std::vector<uint64_t> seeds;
  std::string promise;
  bool all = true;
  for (uint64_t trial = 0; trial < trials; ++trial) {
    const Found found = HuntOnce(1 + trial * 100'000, limit);
    all = all && found.seeds > 0;
    seeds.push_back(found.seeds > 0 ? found.seeds : limit + 1);
    if (promise.empty()) promise = found.promise;
  }
  std::sort(seeds.begin(), seeds.end());
  std::printf("| %-28s | %6ju | %6ju | %s%s |\n", name,
              static_cast<uintmax_t>(seeds[seeds.size() / 2]), static_cast<uintmax_t>(seeds.back()),
              promise.c_str(), all ? "" : " NOT ALWAYS FOUND");
  std::fflush(stdout);
  return all;
}

int Main(int argc, char** argv) {
  CLI::App app("Plants bugs and counts the seeds until they are found.");
  std::string only;
  uint64_t trials = 1;
  uint64_t limit = 20'000;
  app.add_option("--bug", only, "this one alone");
  app.add_option("--trials", trials, "hunts for each, from other seeds")
      ->check(CLI::Range(1, 1000));
  bool list = false;
  app.add_flag("--list", list, "tell what they are, and no more");
  app.add_option("--limit", limit, "seeds before a hunt is given up");
  CLI11_PARSE(app, argc, argv);
  if (!list) std::printf("| %-28s | median |   most | found as |\n", "bug");
  bool all = true;
  for (const Bug& bug : kBugs) {
    ++planted::active;
    if (list) std::printf("%s: %s\n", bug.name, bug.what);
    if (list || (!only.empty() && only != bug.name)) continue;
    all = HuntActive(bug.name, trials, limit) && all;
  }
  return all ? 0 : 1;
}

}  // namespace
}  // namespace heliotrope::faultsim

int main(int argc, char** argv) { return heliotrope::faultsim::Main(argc, argv); }
