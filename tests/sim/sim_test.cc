// Histories of the fault simulation that once broke a promise, and that a fleet whose clocks break the
// lease's assumption does break its promise.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "tests/sim/simulation.h"

namespace heliotrope::faultsim {
namespace {

std::string Told(uint64_t seed, const Result& result) {
  std::string text = "seed " + std::to_string(seed) + ": " + result.broken->promise + ": " +
                     result.broken->what + "\n";
  const Result again = RunHistory(Draw(seed), {.text = true, .lines = 80});
  for (const std::string& line : again.history) text += line + "\n";
  return text;
}

void ExpectUnbroken(uint64_t seed) {
  const Result result = RunHistory(Draw(seed));
  ASSERT_FALSE(result.broken.has_value()) << Told(seed, result);
  EXPECT_EQ(RunHistory(Draw(seed)).hash, result.hash) << "seed " << seed;
}

// Each broke a promise before what it found was mended.
class Regression : public testing::TestWithParam<uint64_t> {};

TEST_P(Regression, KeepsEveryPromise) { ExpectUnbroken(GetParam()); }

// A lease came before the stops of what was stale.
INSTANTIATE_TEST_SUITE_P(LeaseBeforeStops, Regression, testing::Values(490, 683, 1224, 1321, 2364));
// What residency no longer allowed was ordered again, or changed in memory alone.
INSTANTIATE_TEST_SUITE_P(NarrowedResidency, Regression,
                         testing::Values(283, 1165, 2011, 16796, 18252));
// A host whose clock was set wrong kept its load of before for ever.
INSTANTIATE_TEST_SUITE_P(LoadForEver, Regression, testing::Values(6335, 6607, 8302));
// A restarted agent started what its predecessor had been told to stop.
INSTANTIATE_TEST_SUITE_P(RestartedAgent, Regression, testing::Values(4609, 8248));
// After a power cut half of what was saved was sealed.
INSTANTIATE_TEST_SUITE_P(HalfSaved, Regression,
                         testing::Values(13145, 21205, 27204, 27698, 36829, 42563));

// What was told as cancelled was started by an order that was still on its way.
INSTANTIATE_TEST_SUITE_P(CancelledMeetsItsStart, Regression, testing::Values(2988));

// scheduler/design/0003-leases.md: with clocks that differ by more than the margin covers, a node
// is given up while its jobs still run. That shows that the inequality is needed, and that a broken
// one would be seen.
TEST(LeaseInequality, BreaksWhenClocksDriftMoreThanTheMarginCovers) {
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    Settings settings = Draw(seed);
    settings.drift = 0.3;
    settings.quotas.clear();  // What a given up node still runs may exceed them, too.
    const Result result = RunHistory(settings);
    if (!result.broken) continue;
    EXPECT_EQ(result.broken->promise, "at most one live attempt of a task");
    return;
  }
  FAIL() << "no history broke";
}

TEST(LeaseInequality, HoldsUpToItsBound) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Settings settings = Draw(seed);
    settings.drift = kMaxDrift;
    const Result result = RunHistory(settings);
    ASSERT_FALSE(result.broken.has_value()) << Told(seed, result);
  }
}

}  // namespace
}  // namespace heliotrope::faultsim
