#include "agent/core/yield.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace heliotrope::agent {
namespace {

// Candidates are "cores" or "cores*" when frozen, oldest first.
struct Case {
  const char* name;
  double foreground;
  double measured_batch;  // Negative: not measured.
  double pressure;
  std::vector<std::pair<double, bool>> candidates;
  const char* want;
};

std::string Decide(const Case& c) {
  NodeSpec node{.cores = MilliCores::FromCores(10)};
  LoadSample sample{.foreground = MilliCores::FromCores(c.foreground),
                    .pressure_percent = c.pressure};
  if (c.measured_batch >= 0) sample.batch = MilliCores::FromCores(c.measured_batch);
  std::vector<YieldCandidate> candidates;
  for (const auto& [cores, frozen] : c.candidates) {
    candidates.push_back(
        {.cores = MilliCores::FromCores(cores), .order = candidates.size() + 1, .frozen = frozen});
  }
  const YieldDecision decision = DecideYield(node, sample, candidates);
  return absl::StrCat("freeze [", absl::StrJoin(decision.freeze, " "), "] thaw [",
                      absl::StrJoin(decision.thaw, " "), "]");
}

TEST(DecideYield, Table) {
  const Case cases[] = {
      {"room for all", 5, -1, 0, {{2, false}, {2, false}}, "freeze [] thaw []"},
      {"the newest yields first", 6, -1, 0, {{2, false}, {2, false}}, "freeze [1] thaw []"},
      {"as many as are in the way", 9, -1, 0, {{2, false}, {2, false}}, "freeze [1 0] thaw []"},
      {"what is used counts, not what was promised",
       6,
       1,
       0,
       {{2, false}, {2, false}},
       "freeze [] thaw []"},
      {"a full node without foreground is nobody's pain",
       0.5,
       -1,
       99,
       {{10, false}},
       "freeze [] thaw []"},
      {"between the shares nothing changes",
       7,
       -1,
       0,
       {{1, false}, {1, true}},
       "freeze [] thaw []"},
      {"below the lower share the oldest thaws, one at a time",
       3,
       -1,
       0,
       {{2, true}, {2, true}},
       "freeze [] thaw [0]"},
      {"a small one may thaw before a large one that does not fit",
       6,
       -1,
       0,
       {{4, true}, {1, true}},
       "freeze [] thaw [1]"},
      {"a large one thaws when the foreground has gone",
       0.2,
       -1,
       0,
       {{10, true}},
       "freeze [] thaw [0]"},
      {"pressure freezes everything at once",
       3,
       -1,
       61,
       {{1, false}, {1, false}},
       "freeze [1 0] thaw []"},
      {"pressure just below its limit keeps frozen what is",
       3,
       -1,
       55,
       {{1, true}},
       "freeze [] thaw []"},
      {"unknown pressure is none", 3, -1, -1, {{1, true}}, "freeze [] thaw [0]"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Decide(c), c.want);
  }
}

}  // namespace
}  // namespace heliotrope::agent
