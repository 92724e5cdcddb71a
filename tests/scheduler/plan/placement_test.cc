// When and where waiting tasks are to start, on a small fleet drawn by hand. All times are UTC:
//
//   frankfurt   60 cores of headroom at 30 from 21:00 to 06:00, else 5 cores at 64
//   hangzhou    60 cores of headroom at 40 from 14:00 to 23:00, else 5 cores at 70
//   virginia    60 cores of headroom at 31.2 from 03:00 to 12:00, else 5 cores at 60
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

using model::Reason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr size_t kFrankfurt = 0;
constexpr size_t kHangzhou = 1;
constexpr size_t kVirginia = 2;
constexpr uint64_t Only(size_t site) { return uint64_t{1} << site; }

std::vector<SiteBuilder> ThreeNights() {
  return {
      ASite("frankfurt").Headroom(Daily(21, 6, 60, 5)).Price(Daily(21, 6, 30, 64)).Foreground(20),
      ASite("hangzhou").Headroom(Daily(14, 23, 60, 5)).Price(Daily(14, 23, 40, 70)).Foreground(20),
      ASite("virginia").Headroom(Daily(3, 12, 60, 5)).Price(Daily(3, 12, 31.2, 60)).Foreground(70)};
}

struct Placed {
  Input input;
  Plan plan;

  const Verdict& verdict() const { return plan.verdicts.at(0); }
  const Allotment& first() const { return verdict().allotments.at(0); }
  std::string Text() const { return Described(input, plan); }
};

Placed Place(Fleet fleet) {
  Placed placed{.input = InputOf(fleet), .plan = {}};
  placed.plan = Compute(placed.input);
  return placed;
}
Placed PlaceAt14(const Class& task_class) {
  return Place({.now = 14, .sites = ThreeNights(), .classes = {task_class}});
}

struct WhenCase {
  const char* name;
  Class task_class;
  Mode mode;
  size_t site;
  double start;  // Hours of the fleet's clock, of the first allotment.
  Reason reason;
  double end = 0;  // 0: the start plus its work.
};

TEST(Compute, ChoosesWhenAndWhere) {
  const WhenCase cases[] = {
      {"with a deadline it waits for the cheapest time before it", AClass().Hours(2).Deadline(32),
       Mode::kDeferred, kFrankfurt, 21, Reason::kWaitingForCheaperTime},
      {"only where residency allows", AClass().Hours(2).Deadline(32).Allowed(Only(kVirginia)),
       Mode::kDeferred, kVirginia, 27, Reason::kWaitingForCheaperTime},
      {"not when the cheaper time comes too late", AClass().Hours(2).Deadline(20),
       Mode::kAsSoonAsPossible, kHangzhou, 14, Reason::kWaitingForCapacity},
      {"without a deadline it starts now, where it is cheapest now", AClass().Hours(2),
       Mode::kAsSoonAsPossible, kHangzhou, 14, Reason::kWaitingForCapacity},
      {"without a deadline it does not wait for a larger cheaper place either",
       AClass().Hours(2).Allowed(Only(kFrankfurt)), Mode::kAsSoonAsPossible, kFrankfurt, 14,
       Reason::kWaitingForCapacity},
      {"without room now it starts at the first headroom",
       AClass().Hours(2).Cores(30).Allowed(Only(kFrankfurt)), Mode::kAsSoonAsPossible, kFrankfurt,
       21, Reason::kWaitingForCapacity},
      {"a task that cannot checkpoint waits for headroom in one piece",
       AClass().Hours(8).Cores(30).Allowed(Only(kFrankfurt)).CannotCheckpoint(),
       Mode::kAsSoonAsPossible, kFrankfurt, 21, Reason::kWaitingForSafeWindow},
      {"one that can starts for a part of its run, and goes on the next nights",
       AClass().Hours(20).Cores(30).Allowed(Only(kHangzhou)), Mode::kAsSoonAsPossible, kHangzhou,
       14, Reason::kWaitingForCapacity, 24 + 24 + 16},
      {"without laxity it starts now, above the target",
       AClass().Hours(5).Cores(20).Deadline(19.1).Allowed(Only(kVirginia)), Mode::kMustRun,
       kVirginia, 14, Reason::kDeadlineSafetyNet},
      {"a deadline that has passed does not take from the foreground",
       AClass().Hours(5).Cores(20).Deadline(13).Allowed(Only(kVirginia)), Mode::kAsSoonAsPossible,
       kVirginia, 27, Reason::kWaitingForCapacity},
  };
  for (const WhenCase& c : cases) {
    const Placed placed = PlaceAt14(c.task_class);
    SCOPED_TRACE(absl::StrCat(c.name, "\n", placed.Text()));
    EXPECT_EQ(placed.verdict().mode, c.mode);
    EXPECT_EQ(placed.verdict().reason, c.reason);
    ASSERT_FALSE(placed.verdict().allotments.empty());
    EXPECT_EQ(placed.first().site, c.site);
    EXPECT_EQ(placed.first().start, At(c.start));
    EXPECT_EQ(placed.first().end, c.end > 0 ? At(c.end) : At(c.start) + c.task_class.remaining);
  }
}

struct NeverCase {
  const char* name;
  Class task_class;
  Mode mode;
  Reason reason;
  const char* text;
};

TEST(Compute, SaysPreciselyWhyNothingCanBePlanned) {
  std::vector<SiteBuilder> sites = ThreeNights();
  sites.push_back(ASite("singapore").NoNodes());
  sites.push_back(ASite("tokyo").Drained());
  const NeverCase cases[] = {
      {"residency allows no data center", AClass().Allowed(0), Mode::kNever, Reason::kResidency,
       "its residency allows none of this fleet's data centers"},
      {"residency allows only data centers that are gone", AClass().Allowed(uint64_t{1} << 9),
       Mode::kNever, Reason::kResidency, "residency"},
      {"too many cores for any node", AClass().Cores(101).Allowed(7), Mode::kNever,
       Reason::kTooLarge,
       "asks 101 cores and 1 GiB; one task in frankfurt, hangzhou, virginia may have at most 100 "
       "cores"},
      {"too much memory for any node", AClass().Memory(Bytes::FromTiB(1)).Allowed(7), Mode::kNever,
       Reason::kTooLarge, "1 TiB"},
      {"no node where it may be", AClass().Allowed(Only(3)), Mode::kAsSoonAsPossible,
       Reason::kNoNodes, "no node is connected in singapore"},
      {"too large here, but nothing is known of there", AClass().Cores(101).Allowed(15),
       Mode::kAsSoonAsPossible, Reason::kNoNodes, "singapore"},
      {"every node drained", AClass().Allowed(Only(4)), Mode::kAsSoonAsPossible, Reason::kDrained,
       "is drained: undrain one or add one"},
      {"more than headroom ever is", AClass().Cores(70).Allowed(7), Mode::kAsSoonAsPossible,
       Reason::kWaitingForCapacity, "needs 70 cores; the most that is left in the next 7d is 60"},
      {"longer than headroom ever lasts",
       AClass().Cores(30).Hours(12).Allowed(7).CannotCheckpoint(), Mode::kAsSoonAsPossible,
       Reason::kWaitingForSafeWindow,
       "cannot checkpoint and needs 12h in one piece; the longest stretch of headroom ahead is 9h"},
  };
  for (const NeverCase& c : cases) {
    const Placed placed = Place({.now = 14, .sites = sites, .classes = {c.task_class}});
    SCOPED_TRACE(absl::StrCat(c.name, "\n", placed.Text()));
    EXPECT_EQ(placed.verdict().mode, c.mode);
    EXPECT_EQ(placed.verdict().reason, c.reason);
    EXPECT_THAT(placed.verdict().detail, HasSubstr(c.text));
    EXPECT_THAT(placed.verdict().allotments, IsEmpty());
  }
}

TEST(Compute, TellsAJobsOwnerWhatItWaitsFor) {
  EXPECT_EQ(PlaceAt14(AClass().Hours(2).Deadline(32)).verdict().detail,
            "waits for 21:00 UTC: frankfurt is cheapest before its deadline at 08:00 UTC (30 "
            "against 40 now)");
  EXPECT_EQ(PlaceAt14(AClass().Hours(5).Deadline(19.1)).verdict().detail,
            "must start now to end by its deadline at 19:06 UTC (5h of work, 5h6m left), at any "
            "price");
}

// What it may take longer than expected is no time to wait in.
TEST(Compute, KeepsInHandWhatATaskMayTakeLonger) {
  Class task_class = AClass().Hours(2).Deadline(26);
  EXPECT_EQ(PlaceAt14(task_class).first().start, At(21));
  task_class.remaining_high = absl::Hours(6);  // 21:00 would be too late now.
  const Placed sooner = PlaceAt14(task_class);
  EXPECT_EQ(sooner.first().start, At(14)) << sooner.Text();
  EXPECT_EQ(sooner.first().end, At(16)) << sooner.Text();
  // Carrying its checkpoint counts where it has to be carried, and there once.
  task_class.remaining_high = absl::Hours(4.5);
  task_class.checkpoint_at = DataCenterId("frankfurt");
  task_class.restore_pause = absl::Hours(1);
  EXPECT_EQ(PlaceAt14(task_class).first().start, At(21));
  task_class.checkpoint_at.reset();
  task_class.restore_pause = absl::ZeroDuration();
  task_class.remaining_high = absl::Hours(12);
  EXPECT_EQ(PlaceAt14(task_class).verdict().mode, Mode::kMustRun);
}

// Who has no laxity takes the first headroom; the target is exceeded only where that is worth it.
TEST(Compute, ExceedsTheTargetOnlyWhenTheDeadlinePresses) {
  Class task_class = AClass().Hours(2).Deadline(18);
  task_class.remaining_high = absl::Hours(12);
  task_class.pressing = absl::Hours(3);
  const Placed waits = PlaceAt14(task_class);
  EXPECT_EQ(waits.verdict().mode, Mode::kAsSoonAsPossible);
  EXPECT_EQ(waits.verdict().detail,
            "takes the first headroom at any price to end by its deadline at 18:00 UTC (expected "
            "to take 2h, but perhaps 12h, 4h left)");
  task_class.pressing = absl::Hours(4);
  EXPECT_EQ(PlaceAt14(task_class).verdict().mode, Mode::kMustRun);
  // As soon as it presses, though by the cautious duration there was time.
  task_class.remaining_high = absl::Hours(3);
  EXPECT_EQ(PlaceAt14(task_class).verdict().mode, Mode::kMustRun);
}

TEST(Compute, RecordsTheInputsOfAPlacement) {
  const Placed placed = PlaceAt14(AClass().Hours(2).Deadline(20).Count(3));
  EXPECT_EQ(placed.first().reason, Reason::kCheapestInWindow);
  EXPECT_EQ(placed.first().detail,
            "hangzhou at 14:00 UTC: 1 core for 2h at 40, headroom 60 cores, other batch 0 cores, "
            "deadline 20:00 UTC");
}

TEST(Compute, ClassesDoNotAllPickTheSameSlot) {
  const Placed placed = Place({.now = 14,
                               .sites = ThreeNights(),
                               .classes = {AClass().Id(1).Hours(9).Count(60).Deadline(48),
                                           AClass().Id(2).Hours(9).Count(60).Deadline(48)}});
  SCOPED_TRACE(placed.Text());
  ASSERT_THAT(placed.plan.verdicts[0].allotments, Not(IsEmpty()));
  ASSERT_THAT(placed.plan.verdicts[1].allotments, Not(IsEmpty()));
  EXPECT_EQ(placed.plan.verdicts[0].allotments.at(0).site, kFrankfurt);
  EXPECT_EQ(placed.plan.verdicts[0].allotments.at(0).count, 60);
  EXPECT_EQ(placed.plan.verdicts[1].allotments.at(0).site, kVirginia);
}

TEST(Compute, MoreUrgentClassesComeFirst) {
  const Placed placed =
      Place({.now = 14,
             .sites = ThreeNights(),
             .classes = {AClass().Id(1).Oldest(-5), AClass().Id(2).Oldest(-9),
                         AClass().Id(3).Deadline(40), AClass().Id(4).Priority(5),
                         AClass().Id(5).Priority(-5).Deadline(15.1), AClass().Id(6).Deadline(30)}});
  std::vector<uint64_t> order;
  for (const Verdict& verdict : placed.plan.verdicts) order.push_back(verdict.class_id);
  EXPECT_THAT(order, ::testing::ElementsAre(5, 4, 6, 3, 2, 1)) << placed.Text();
}

TEST(Compute, AHigherPriorityGetsTheBetterSlot) {
  const Placed placed =
      Place({.now = 14,
             .sites = ThreeNights(),
             .classes = {AClass().Id(1).Hours(9).Count(60).Deadline(48),
                         AClass().Id(2).Hours(9).Count(60).Deadline(48).Priority(1)}});
  EXPECT_EQ(placed.plan.verdicts[0].class_id, 2u);
  EXPECT_EQ(placed.plan.verdicts[0].allotments.at(0).site, kFrankfurt);
}

TEST(Compute, StartsAsItCanWhenAllHeadroomBeforeTheDeadlineIsTaken) {
  const Placed placed = PlaceAt14(AClass().Hours(8).Count(400).Deadline(36));
  SCOPED_TRACE(placed.Text());
  EXPECT_EQ(placed.verdict().mode, Mode::kAsSoonAsPossible);
  EXPECT_EQ(placed.verdict().reason, Reason::kWaitingForCapacity);
  EXPECT_THAT(placed.verdict().detail,
              HasSubstr("is left for 200 of its 400 tasks: they start wherever some is, and at any "
                        "price at 03:43 UTC"));
}

TEST(Compute, ShortTasksShareABlock) {
  // 5 cores take 150 tasks of 30 s in their turns within one block of 5 minutes, three of them
  // each.
  const Placed placed = Place({.now = 14,
                               .sites = {ASite("dubai").Headroom(Always(5))},
                               .classes = {AClass().Hours(30.0 / 3600).Count(60)}});
  SCOPED_TRACE(placed.Text());
  ASSERT_THAT(placed.verdict().allotments, SizeIs(2));
  EXPECT_EQ(placed.first().count, 50);
  EXPECT_EQ(placed.first().end, At(14) + absl::Minutes(5));
  EXPECT_EQ(placed.verdict().allotments[1].count, 10);
}

TEST(Compute, HomeIsPreferredAtEqualCost) {
  const std::vector<SiteBuilder> alike = {ASite("a").Headroom(Always(50)),
                                          ASite("b").Headroom(Always(50)),
                                          ASite("c").Headroom(Always(50))};
  EXPECT_EQ(Place({.now = 1, .sites = alike, .classes = {AClass()}}).first().site, 0u);
  EXPECT_EQ(Place({.now = 1, .sites = alike, .classes = {AClass().Home("b")}}).first().site, 1u);
  EXPECT_EQ(Place({.now = 1, .sites = alike, .classes = {AClass().Home("gone")}}).first().site, 0u);
}

TEST(Compute, GoesOnWhereItsCheckpointIsUnlessElsewhereIsClearlyCheaper) {
  const auto sites = [](double price_of_a) {
    return std::vector<SiteBuilder>{ASite("a").Headroom(Always(50)).Price(Always(price_of_a)),
                                    ASite("b").Headroom(Always(50)).Price(Always(10))};
  };
  const Class held = AClass().Hours(2).CheckpointAt("b", 0.1);
  EXPECT_EQ(Place({.now = 1, .sites = sites(9.9), .classes = {held}}).first().site, 1u);
  EXPECT_EQ(Place({.now = 1, .sites = sites(5), .classes = {held}}).first().site, 0u);
}

TEST(Compute, AColdFleetIsPlannedReactivelyAndSaysSo) {
  const Placed placed = Place({.now = 14,
                               .sites = {ASite("dubai").Reactive().Headroom(Always(40))},
                               .classes = {AClass().Hours(3).Deadline(60), AClass().Id(2)}});
  SCOPED_TRACE(placed.Text());
  for (const Verdict& verdict : placed.plan.verdicts) {
    ASSERT_THAT(verdict.allotments, SizeIs(1));
    EXPECT_EQ(verdict.allotments[0].start, At(14)) << "flat prices give nothing to wait for";
    EXPECT_EQ(verdict.allotments[0].reason, Reason::kReactive);
    EXPECT_THAT(verdict.allotments[0].detail, HasSubstr("no usable forecast"));
  }
}

TEST(Compute, WhatRunsKeepsItsRoom) {
  Fleet fleet{.now = 14, .sites = {ASite("dubai").Headroom(Always(10))}, .classes = {AClass()}};
  fleet.running = {ARunningTask(0).Cores(10).Hours(3)};
  const Placed placed = Place(fleet);
  EXPECT_EQ(placed.first().start, At(17)) << placed.Text();
}

TEST(Compute, WhatIsReservedKeepsItsRoomForAWhile) {
  const Placed placed = Place(
      {.now = 14, .sites = {ASite("dubai").Headroom(Always(10)).Batch(10)}, .classes = {AClass()}});
  EXPECT_EQ(placed.first().start, At(14.5)) << placed.Text();
}

TEST(Compute, MustRunTakesFreeCoresOnlyOnce) {
  const auto must = [](uint64_t id) { return AClass().Id(id).Hours(5).Cores(20).Deadline(19.1); };
  const Placed placed = Place({.now = 14,
                               .sites = {ASite("dubai").Headroom(Always(0)).Foreground(70)},
                               .classes = {must(1), must(2)}});
  SCOPED_TRACE(placed.Text());
  EXPECT_THAT(placed.plan.verdicts[0].allotments, SizeIs(1));
  EXPECT_THAT(placed.plan.verdicts[1].allotments, IsEmpty());
  EXPECT_EQ(placed.plan.verdicts[1].reason, Reason::kWaitingForCapacity);
  EXPECT_THAT(placed.plan.verdicts[1].detail, HasSubstr("no core is free in dubai"));
}

// What another bids where an account waits with much more than it may have at once.
MicroCost BidBeside(int waiting, double quota) {
  Class many = AClass().Hours(8).Count(waiting).Deadline(30);
  Class one = AClass().Id(2).Hours(2).Deadline(30);
  many.account = AccountId("a");
  one.account = AccountId("b");
  Input input = InputOf({.now = 14,
                         .sites = {ASite("x").Headroom(Always(10)).Price(Daily(20, 6, 30, 60))},
                         .classes = {many, one}});
  input.accounts.resize(2);
  input.accounts[0].id = AccountId("a");
  input.accounts[1].id = AccountId("b");
  input.accounts[0].most.cores = Cores(quota);
  const Plan plan = Compute(input);
  for (const Verdict& verdict : plan.verdicts) {
    if (verdict.class_id == 2) return verdict.bid;
  }
  return MicroCost::Zero();
}

TEST(Compute, WhatIsBeyondAQuotaPushesNoPriceUpForOthers) {
  EXPECT_GT(BidBeside(60, 1000), BidBeside(5, 1000));
  EXPECT_EQ(BidBeside(60, 5), BidBeside(5, 1000));
  EXPECT_GT(BidBeside(60, 50), BidBeside(5, 1000));
}

TEST(Compute, TakesNegativePrices) {
  const Placed placed =
      Place({.now = 14,
             .sites = {ASite("a").Headroom(Always(9)).Price(Daily(20, 22, -50, 10)),
                       ASite("b").Headroom(Always(9)).Price(Always(0))},
             .classes = {AClass().Hours(2).Deadline(30)}});
  EXPECT_EQ(placed.first().start, At(20)) << placed.Text();
  EXPECT_EQ(placed.first().site, 0u);
}

TEST(Compute, AnEmptyFleetPlansNothing) {
  const Placed placed = Place({.now = 14, .sites = {}, .classes = {AClass()}});
  EXPECT_EQ(placed.verdict().reason, Reason::kResidency);
}

TEST(PlaceClass, FillsWhatThePlanLeftFree) {
  Placed placed = PlaceAt14(AClass().Id(1).Hours(9).Count(60).Deadline(48));
  const Verdict& added =
      PlaceClass(placed.input, AClass().Id(2).Hours(9).Count(60).Deadline(48), placed.plan);
  EXPECT_EQ(added.class_id, 2u);
  EXPECT_EQ(added.allotments.at(0).site, kVirginia);
  EXPECT_THAT(placed.plan.verdicts, SizeIs(2));
  const size_t block = BlockIndex(placed.plan.grid, At(30));
  EXPECT_EQ(placed.plan.planned[kVirginia][block], Cores(60));
}

TEST(PlaceClass, TakesAClockThatHasGoneOnSinceThePlan) {
  Placed placed = PlaceAt14(AClass().Id(1));
  placed.input.now = At(14) + absl::Minutes(3);
  const Verdict& added = PlaceClass(placed.input, AClass().Id(2), placed.plan);
  EXPECT_EQ(added.allotments.at(0).start, At(14) + absl::Minutes(3));
}

}  // namespace
}  // namespace heliotrope::plan
