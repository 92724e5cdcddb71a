// What another job would have gained: only what is true, and better.
#include "scheduler/plan/remedies.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint64_t kFirst = 1;

std::vector<std::string> RemediesAt14(const std::vector<SiteBuilder>& sites,
                                      const Class& task_class) {
  const Input input = InputOf({.now = 14, .sites = sites, .classes = {task_class}});
  return Remedies(input, Compute(input), task_class, "EU");
}

SiteBuilder AtNight(const char* id) { return ASite(id).Headroom(Daily(21, 6, 60, 0)); }

TEST(Remedies, AnotherResidencyForASoonerStart) {
  EXPECT_THAT(RemediesAt14({AtNight("frankfurt"), ASite("virginia").Headroom(Always(40))},
                           AClass().Allowed(kFirst)),
              ElementsAre("sooner in virginia (now instead of 21:00 UTC), but its residency EU "
                          "forbids it"));
  EXPECT_THAT(RemediesAt14({ASite("frankfurt"), ASite("virginia").Headroom(Always(40))},
                           AClass().Allowed(kFirst)),
              ElementsAre("a start in virginia (now), but its residency EU forbids it"));
}

TEST(Remedies, AnotherResidencyForACheaperOne) {
  const std::vector<SiteBuilder> sites = {ASite("frankfurt").Headroom(Always(40)).Price(Always(50)),
                                          ASite("virginia").Headroom(Always(40)).Price(Always(30))};
  EXPECT_THAT(RemediesAt14(sites, AClass().Allowed(kFirst)),
              ElementsAre("cheaper in virginia (30 now instead of 50), but its residency EU "
                          "forbids it"));
}

TEST(Remedies, NothingWhereNothingIsBetter) {
  const SiteBuilder here = ASite("frankfurt").Headroom(Always(40)).Price(Always(50));
  const Class bound = AClass().Allowed(kFirst);
  EXPECT_THAT(RemediesAt14({here, ASite("virginia").Headroom(Always(40)).Price(Always(49))}, bound),
              IsEmpty())
      << "hardly cheaper";
  EXPECT_THAT(RemediesAt14({here, AtNight("virginia").Price(Always(5))}, bound), IsEmpty())
      << "cheaper, but later";
  EXPECT_THAT(RemediesAt14({here, ASite("virginia").NoNodes()}, bound), IsEmpty());
  EXPECT_THAT(RemediesAt14({AtNight("frankfurt"), AtNight("virginia")}, bound), IsEmpty())
      << "the same";
  EXPECT_THAT(RemediesAt14({AtNight("frankfurt")}, AClass()), IsEmpty());
  EXPECT_THAT(Remedies(Input(), Plan(), AClass(), "EU"), IsEmpty()) << "nothing is known yet";
}

// It waits of its own accord: the night is cheaper, here as there.
TEST(Remedies, WaitingForACheaperTimeIsNoFaultOfItsResidency) {
  const SiteBuilder here = ASite("frankfurt").Headroom(Always(40)).Price(Daily(21, 6, 20, 60));
  EXPECT_THAT(RemediesAt14({here, ASite("virginia").Headroom(Always(40)).Price(Always(40))},
                           AClass().Hours(2).Deadline(40).Allowed(kFirst)),
              IsEmpty());
}

TEST(Remedies, CheckpointsForWhatFindsNoSafeWindow) {
  EXPECT_THAT(RemediesAt14({AtNight("frankfurt")}, AClass().Hours(10).CannotCheckpoint()),
              ElementsAre("a start in frankfurt (21:00 UTC) if it could checkpoint"));
  EXPECT_THAT(RemediesAt14({ASite("frankfurt").Headroom(Daily(12, 16, 60, 0)),
                            ASite("virginia").Headroom(Daily(21, 12, 60, 0))},
                           AClass().Hours(5).CannotCheckpoint()),
              ElementsAre("sooner in frankfurt (now instead of 21:00 UTC) if it could checkpoint"));
  EXPECT_THAT(RemediesAt14({AtNight("frankfurt")}, AClass().Hours(2).CannotCheckpoint()), IsEmpty())
      << "neither would start before the night";
}

TEST(Remedies, ASmallerRequestForWhatIsTooLarge) {
  EXPECT_THAT(
      RemediesAt14({ASite("frankfurt").LargestNode(16, Bytes::FromGiB(64)).Headroom(Always(40))},
                   AClass().Cores(32)),
      ElementsAre("a start in frankfurt (now) if it asked 16 cores and 1 GiB"));
  EXPECT_THAT(
      RemediesAt14({ASite("frankfurt").LargestNode(16, Bytes::FromGiB(64))}, AClass().Cores(32)),
      IsEmpty())
      << "there is no headroom for that either";
}

TEST(Remedies, ALaterDeadlineForOneThatCannotBeMet) {
  Class late = AClass().Hours(2).Deadline(20);
  late.remaining_high = HoursOf(2.5);
  EXPECT_THAT(RemediesAt14({AtNight("frankfurt").Foreground(100)}, late),
              ElementsAre("in time in frankfurt if its deadline were 23:30 UTC or later"));
  EXPECT_THAT(RemediesAt14({AtNight("frankfurt")}, AClass().Hours(2).Deadline(30)), IsEmpty());
}

}  // namespace
}  // namespace heliotrope::plan
