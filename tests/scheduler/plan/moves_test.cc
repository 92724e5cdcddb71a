// Who has to leave, when, where to, and who stays.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/scheduler/plan/builders.h"

namespace heliotrope::plan {
namespace {

using model::Reason;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Moved {
  Input input;
  Plan plan;

  std::vector<uint32_t> Tasks() const {
    std::vector<uint32_t> tasks;
    for (const MoveAdvice& move : plan.moves) tasks.push_back(move.task.index);
    return tasks;
  }
  std::string Text() const { return Described(input, plan); }
};

Moved Move(const Fleet& fleet) {
  Moved moved{.input = InputOf(fleet), .plan = {}};
  moved.plan = Compute(moved.input);
  return moved;
}

// Headroom in frankfurt falls from 60 cores to 5 at 06:00; virginia's 60 begin at 04:00.
std::vector<SiteBuilder> MorningRamp() {
  return {ASite("frankfurt").Headroom(Daily(21, 6, 60, 5)).Foreground(20),
          ASite("virginia").Headroom(Daily(4, 13, 60, 5)).Foreground(20)};
}

TEST(Moves, LeaveBeforeTheRamp) {
  const Moved moved = Move({.now = 5 + 50.0 / 60,
                            .sites = MorningRamp(),
                            .running = {ARunningTask(0).Cores(10).Task(3)}});
  SCOPED_TRACE(moved.Text());
  ASSERT_THAT(moved.plan.moves, SizeIs(1));
  const MoveAdvice& move = moved.plan.moves[0];
  EXPECT_EQ(move.task.index, 3u);
  EXPECT_EQ(move.to, 1u);
  EXPECT_EQ(move.reason, Reason::kForegroundRamp);
  EXPECT_EQ(move.detail,
            "from 06:00 UTC foreground leaves frankfurt 5 cores of headroom (5 cores likely) and "
            "batch would hold 10 cores; measured now 20 cores of 100 cores; goes to virginia: 60 "
            "cores free of 60 cores of headroom, price 10 against 10 here");
}

TEST(Moves, NotLongBeforeTheRamp) {
  const Fleet fleet{.now = 5.5, .sites = MorningRamp(), .running = {ARunningTask(0).Cores(10)}};
  EXPECT_THAT(Move(fleet).plan.moves, IsEmpty());
}

TEST(Moves, ButEarlierWhenLeavingTakesLonger) {
  const Fleet fleet{.now = 5.5,
                    .sites = MorningRamp(),
                    .running = {ARunningTask(0).Cores(10).Pause(absl::Minutes(20))}};
  EXPECT_THAT(Move(fleet).plan.moves, SizeIs(1));
}

TEST(Moves, NoMoreThanNeeded) {
  Fleet fleet{.now = 5 + 50.0 / 60, .sites = MorningRamp(), .running = {}};
  for (uint32_t i = 0; i < 5; ++i) fleet.running.push_back(ARunningTask(0).Cores(2).Task(i));
  const Moved moved = Move(fleet);
  // 10 cores run, 5 and the tolerance of 2 may stay.
  EXPECT_THAT(moved.plan.moves, SizeIs(3)) << moved.Text();
}

TEST(Moves, ASmallTaskStaysWhenALargerOneMustGoAnyway) {
  const Moved moved = Move({.now = 5 + 50.0 / 60,
                            .sites = MorningRamp(),
                            .running = {ARunningTask(0).Cores(2).Task(0).Hours(9),
                                        ARunningTask(0).Cores(30).Task(1).Hours(4)}});
  EXPECT_THAT(moved.Tasks(), ElementsAre(1)) << moved.Text();
}

TEST(Moves, NobodyLeavesForNoise) {
  const Moved moved =
      Move({.now = 5 + 50.0 / 60,
            .sites = {ASite("a").Headroom(Daily(21, 6, 60, 9)), ASite("b").Headroom(Always(50))},
            .running = {ARunningTask(0).Cores(10)}});
  EXPECT_THAT(moved.plan.moves, IsEmpty()) << moved.Text();
}

TEST(Moves, NobodyLeavesForAShortDip) {
  const Moved moved = Move({.now = 5 + 50.0 / 60,
                            .sites = {ASite("a").Headroom(Daily(6, 6 + 4.0 / 60, 0, 60)),
                                      ASite("b").Headroom(Always(50))},
                            .running = {ARunningTask(0).Cores(10)}});
  EXPECT_THAT(moved.plan.moves, IsEmpty()) << moved.Text();
}

// Two tasks of 10 cores run where there will be room for one; each case says who goes.
struct WhoCase {
  const char* name;
  RunningTask first;
  RunningTask second;
  uint32_t goes;
};

TEST(Moves, ChoosesWhoGoes) {
  const auto task = [](uint32_t index) { return ARunningTask(0).Cores(10).Task(index).Hours(6); };
  const WhoCase cases[] = {
      {"the lower priority", task(0).Priority(1), task(1), 1},
      {"the one with more laxity", task(0).Deadline(13), task(1).Deadline(30), 1},
      {"the one without a deadline", task(0).Deadline(13), task(1), 1},
      {"not the one that came lately", task(0).Moved(5.75), task(1), 1},
      {"but that before a higher priority", task(0).Moved(5.75), task(1).Priority(1), 0},
      {"the one that would hold its room longest", task(0).Hours(3), task(1).Hours(9), 1},
      {"the one that can", task(0).CannotCheckpoint(), task(1), 1},
      {"the one whose node is there", task(0).NodeAway(), task(1).Cores(20), 1},
      {"the first of equals", task(0), task(1), 0},
  };
  for (const WhoCase& c : cases) {
    const Moved moved =
        Move({.now = 5 + 50.0 / 60,
              .sites = {ASite("a").Headroom(Daily(21, 6, 60, 10)), ASite("b").Headroom(Always(60))},
              .running = {c.first, c.second}});
    SCOPED_TRACE(absl::StrCat(c.name, "\n", moved.Text()));
    EXPECT_THAT(moved.Tasks(), ElementsAre(c.goes));
  }
}

TEST(Moves, WhoEndsBeforeTheRampStays) {
  const Moved moved = Move({.now = 5 + 50.0 / 60,
                            .sites = MorningRamp(),
                            .running = {ARunningTask(0).Cores(30).Hours(0.1)}});
  EXPECT_THAT(moved.plan.moves, IsEmpty()) << moved.Text();
}

TEST(Moves, WithoutATargetATaskStaysUntilTheLastMomentAndThenWaits) {
  Fleet fleet{.now = 5 + 50.0 / 60,
              .sites = MorningRamp(),
              .running = {ARunningTask(0).Cores(10).Allowed(1)}};
  EXPECT_THAT(Move(fleet).plan.moves, IsEmpty());
  fleet.now = 5 + 53.0 / 60;
  const Moved moved = Move(fleet);
  SCOPED_TRACE(moved.Text());
  ASSERT_THAT(moved.plan.moves, SizeIs(1));
  EXPECT_EQ(moved.plan.moves[0].to, std::nullopt);
  EXPECT_THAT(moved.plan.moves[0].detail, HasSubstr("so it checkpoints and waits"));
}

TEST(Moves, LeavesAtOnceWhenTheMeasuredForegroundHasTakenItsRoom) {
  // The forecast saw none of it.
  const Moved moved = Move(
      {.now = 12,
       .sites = {ASite("a").Headroom(Always(60)).Foreground(75), ASite("b").Headroom(Always(50))},
       .running = {ARunningTask(0).Cores(4).Task(0), ARunningTask(0).Cores(6).Task(1)}});
  SCOPED_TRACE(moved.Text());
  ASSERT_THAT(moved.Tasks(), ElementsAre(1));  // 5 of 10 must go: the 6, and then the 4 may stay.
  EXPECT_EQ(moved.plan.moves[0].reason, Reason::kForegroundOverload);
  EXPECT_THAT(moved.plan.moves[0].detail,
              HasSubstr("foreground in a is at 75 cores of 100 cores and leaves batch 5 cores, of "
                        "which it holds 10 cores"));
}

TEST(Moves, AReactiveDataCenterIsLeftOnlyForMeasuredLoad) {
  const auto fleet = [](double foreground) {
    return Fleet{
        .now = 12,
        .sites = {ASite("a").Reactive().Headroom(Always(80 - foreground)).Foreground(foreground),
                  ASite("b").Headroom(Always(50))},
        .running = {ARunningTask(0).Cores(10)}};
  };
  EXPECT_THAT(Move(fleet(71)).plan.moves, IsEmpty());
  const Moved moved = Move(fleet(75));
  ASSERT_THAT(moved.plan.moves, SizeIs(1));
  EXPECT_EQ(moved.plan.moves[0].reason, Reason::kForegroundOverload);
}

TEST(Moves, ADrainedNodeIsLeft) {
  const Moved moved =
      Move({.now = 12,
            .sites = {ASite("a").Headroom(Always(60)), ASite("b").Headroom(Always(50))},
            .running = {ARunningTask(0).Task(0).NodeDrained(), ARunningTask(0).Task(1),
                        ARunningTask(0).Task(2).NodeDrained().CannotCheckpoint()}});
  SCOPED_TRACE(moved.Text());
  ASSERT_THAT(moved.Tasks(), ElementsAre(0));
  EXPECT_EQ(moved.plan.moves[0].reason, Reason::kNodeDrained);
}

TEST(Moves, LossOfContactMovesNobody) {
  const Moved moved = Move({.now = 12,
                            .sites = {ASite("a").NoNodes(), ASite("b").Headroom(Always(50))},
                            .running = {ARunningTask(0).Cores(10)}});
  EXPECT_THAT(moved.plan.moves, IsEmpty()) << moved.Text();
}

TEST(Moves, TheSafetyNetKeepsATaskWhereItIsAndSaysSo) {
  const Moved moved = Move({.now = 5 + 50.0 / 60,
                            .sites = MorningRamp(),
                            .running = {ARunningTask(0).Cores(10).Hours(4).Deadline(9.9)}});
  SCOPED_TRACE(moved.Text());
  EXPECT_THAT(moved.plan.moves, IsEmpty());
  ASSERT_THAT(moved.plan.stays, SizeIs(1));
  EXPECT_EQ(moved.plan.stays[0].reason, Reason::kDeadlineSafetyNet);
  EXPECT_THAT(moved.plan.stays[0].detail,
              HasSubstr("stays in frankfurt though batch would hold 10 cores of 5 cores of room at "
                        "06:00 UTC"));
}

TEST(Moves, ButNotWhenTheMachinesThemselvesAreFull) {
  const Moved moved = Move({.now = 12,
                            .sites = {ASite("a").Foreground(95), ASite("b").Headroom(Always(50))},
                            .running = {ARunningTask(0).Cores(10).Hours(4).Deadline(16.1)}});
  EXPECT_THAT(moved.plan.moves, SizeIs(1)) << moved.Text();
}

TEST(Moves, ATargetMustBeAllowedAndHoldTheTaskForAWhile) {
  const auto target = [](SiteBuilder other, uint64_t allowed) {
    const Moved moved = Move({.now = 5 + 55.0 / 60,
                              .sites = {ASite("a").Headroom(Daily(21, 6, 60, 5)), other},
                              .running = {ARunningTask(0).Cores(10).Allowed(allowed)}});
    EXPECT_THAT(moved.plan.moves, SizeIs(1)) << moved.Text();
    return moved.plan.moves.empty() ? std::nullopt : moved.plan.moves[0].to;
  };
  EXPECT_EQ(target(ASite("b").Headroom(Always(50)), 3), 1u);
  EXPECT_EQ(target(ASite("b").Headroom(Always(50)), 1), std::nullopt) << "residency";
  EXPECT_EQ(target(ASite("b").Headroom(Always(9)), 3), std::nullopt) << "too little headroom";
  EXPECT_EQ(target(ASite("b").Headroom(Daily(0, 6.3, 50, 0)), 3), std::nullopt) << "not for long";
  EXPECT_EQ(target(ASite("b").Headroom(Daily(6, 12, 50, 0)), 3), std::nullopt) << "not yet";
  EXPECT_EQ(target(ASite("b").Headroom(Always(50)).Foreground(75), 3), std::nullopt)
      << "measured foreground";
  EXPECT_EQ(target(ASite("b").Headroom(Always(50)).LargestNode(8, Bytes::FromGiB(9)), 3),
            std::nullopt)
      << "nodes too small";
}

TEST(Moves, TargetsAreNotOverfilled) {
  Fleet fleet{.now = 5 + 55.0 / 60,
              .sites = {ASite("a").Headroom(Daily(21, 6, 60, 0)), ASite("b").Headroom(Always(20))},
              .running = {}};
  for (uint32_t i = 0; i < 5; ++i) {
    fleet.running.push_back(ARunningTask(0).Cores(10).Task(i).Priority(static_cast<int>(i)));
  }
  const Moved moved = Move(fleet);
  std::map<uint32_t, bool> placed;
  for (const MoveAdvice& move : moved.plan.moves) placed[move.task.index] = move.to.has_value();
  // The most important two find a place.
  EXPECT_THAT(placed, ElementsAre(std::pair(0u, false), std::pair(1u, false), std::pair(2u, false),
                                  std::pair(3u, true), std::pair(4u, true)))
      << moved.Text();
}

struct StayCase {
  const char* name;
  void (*change)(Fleet&);
};

// Of 100 cores 10 are foreground and 70 run batch, as the target allows: a task of 32 must start
// now.
Fleet MustStartAndFindsNoCore() {
  return {.now = 12,
          .sites = {ASite("dubai").Headroom(Always(70)).Foreground(10)},
          .classes = {AClass().Cores(32).Hours(5).Deadline(17.1)},
          .running = {ARunningTask(0).Task(0).Cores(10), ARunningTask(0).Task(1).Cores(20),
                      ARunningTask(0).Task(2).Cores(40)}};
}

TEST(Ways, WhoCanWaitMakesWayForADeadlineThatCannot) {
  Fleet fleet = MustStartAndFindsNoCore();
  fleet.running[0].priority = 1;
  fleet.running[2].deadline = At(40);
  const Moved moved = Move(fleet);
  SCOPED_TRACE(moved.Text());
  // The first for the cores, the second so that batch stays within the target.
  ASSERT_THAT(moved.Tasks(), ElementsAre(1, 2));
  EXPECT_EQ(moved.plan.moves[0].reason, Reason::kMakesWay);
  EXPECT_EQ(moved.plan.moves[1].reason, Reason::kMakesWay);
  EXPECT_EQ(
      moved.plan.moves[0].detail,
      "makes way in dubai for a task of priority 0 that must start now to end by its deadline "
      "at 17:06 UTC and finds no free cores; no allowed data center has headroom for it now, "
      "so it checkpoints and waits");
}

TEST(Ways, NobodyGoesInVainOrForLessImportantWork) {
  const StayCase cases[] = {
      {"free cores are enough", [](Fleet& f) { f.running.resize(2); }},
      {"all of them would not be enough",
       [](Fleet& f) {
         f.running.resize(1);
         f.sites[0].Foreground(70);
       }},
      {"those that run are more important",
       [](Fleet& f) {
         for (RunningTask& task : f.running) task.priority = 1;
       }},
      {"those that run have deadlines too",
       [](Fleet& f) {
         for (RunningTask& task : f.running) task.deadline = At(18);
       }},
      {"those that run cannot checkpoint",
       [](Fleet& f) {
         for (RunningTask& task : f.running) task.checkpointable = false;
       }},
      {"others are leaving already",
       [](Fleet& f) {
         f.running.resize(1);
         f.sites[0].Batch(60);
       }},
      {"its deadline can wait", [](Fleet& f) { f.classes[0].deadline = At(60); }},
  };
  for (const StayCase& c : cases) {
    Fleet fleet = MustStartAndFindsNoCore();
    c.change(fleet);
    const Moved moved = Move(fleet);
    for (const MoveAdvice& move : moved.plan.moves) {
      EXPECT_NE(move.reason, Reason::kMakesWay) << c.name << "\n" << moved.Text();
    }
  }
}

// hangzhou costs 60 for the rest of its day, virginia 30.
Fleet APriceGap() {
  return {.now = 12,
          .sites = {ASite("hangzhou").Headroom(Always(50)).Price(Always(60)),
                    ASite("virginia").Headroom(Always(50)).Price(Always(30))},
          .running = {ARunningTask(0).Cores(4).Hours(6)}};
}

TEST(PriceMoves, GoWhereTheRestIsClearlyCheaper) {
  const Moved moved = Move(APriceGap());
  ASSERT_THAT(moved.plan.moves, SizeIs(1));
  EXPECT_EQ(moved.plan.moves[0].reason, Reason::kCheaperElsewhere);
  EXPECT_EQ(moved.plan.moves[0].detail,
            "virginia costs 30 against 60 in hangzhou over the next 6h (6h of work left, the move "
            "stops it for 1m), and has 50 cores free of 50 cores of headroom");
}

TEST(PriceMoves, StayOtherwise) {
  const StayCase cases[] = {
      {"two data centers alike",
       [](Fleet& f) { f.sites[1] = ASite("virginia").Headroom(Always(50)).Price(Always(60)); }},
      {"a gain within the noise",
       [](Fleet& f) { f.sites[1] = ASite("virginia").Headroom(Always(50)).Price(Always(56)); }},
      {"a task that moved lately", [](Fleet& f) { f.running[0].last_moved = At(11.9); }},
      {"a task that started lately", [](Fleet& f) { f.running[0].started = At(11.9); }},
      {"a task that cannot checkpoint", [](Fleet& f) { f.running[0].checkpointable = false; }},
      {"a task whose residency forbids it", [](Fleet& f) { f.running[0].allowed = 1; }},
      {"a move that takes longer than it saves",
       [](Fleet& f) { f.running[0].move_pause = absl::Hours(4); }},
      {"a task that is nearly done", [](Fleet& f) { f.running[0].remaining = absl::Minutes(1); }},
      {"a deadline without laxity", [](Fleet& f) { f.running[0].deadline = At(18.2); }},
      {"headroom for a short while only",
       [](Fleet& f) {
         f.sites[1] = ASite("virginia").Headroom(Daily(12, 15, 50, 0)).Price(Always(30));
       }},
      {"no headroom", [](Fleet& f) { f.sites[1] = ASite("virginia").Price(Always(30)); }},
      {"cheap only later",
       [](Fleet& f) {
         f.sites[1] = ASite("virginia").Headroom(Always(50)).Price(Daily(17, 5, 30, 70));
       }},
  };
  for (const StayCase& c : cases) {
    Fleet fleet = APriceGap();
    c.change(fleet);
    const Moved moved = Move(fleet);
    EXPECT_THAT(moved.plan.moves, IsEmpty()) << c.name << "\n" << moved.Text();
  }
}

TEST(PriceMoves, AreBounded) {
  Fleet fleet = APriceGap();
  fleet.running.clear();
  for (uint32_t i = 0; i < 50; ++i) fleet.running.push_back(ARunningTask(0).Task(i).Hours(6));
  EXPECT_THAT(Move(fleet).plan.moves, SizeIs(32));
}

TEST(Moves, DoNotThrashOverADayWhenTwoDataCentersAreAlike) {
  int moves = 0;
  size_t at = 0;
  absl::Time moved = absl::InfinitePast();
  for (int step = 0; step < 24 * 12; ++step) {
    const double now = step / 12.0;
    // Prices that differ by 4 % now one way, now the other.
    const Curve wobble = [](double hour) { return 50 + 2 * std::sin(hour * 9); };
    const Curve counter = [](double hour) { return 50 - 2 * std::sin(hour * 9); };
    RunningTask task = ARunningTask(at).Cores(10).Hours(30 - now);
    task.last_moved = moved;
    const Moved plan = Move({.now = now,
                             .sites = {ASite("a").Headroom(Always(30)).Price(wobble),
                                       ASite("b").Headroom(Always(30)).Price(counter)},
                             .running = {task}});
    for (const MoveAdvice& move : plan.plan.moves) {
      ++moves;
      moved = At(now);
      if (move.to.has_value()) at = *move.to;
    }
  }
  EXPECT_EQ(moves, 0);
}

TEST(Moves, ATaskFollowsTheNightAroundTheWorldWithFewMoves) {
  // Three nights of nine hours, each overlapping the next by one.
  const std::vector<SiteBuilder> world = {
      ASite("emea").Headroom(Daily(20, 5, 60, 0)).Price(Daily(20, 5, 30, 60)),
      ASite("americas").Headroom(Daily(4, 13, 60, 0)).Price(Daily(4, 13, 30, 60)),
      ASite("asia").Headroom(Daily(12, 21, 60, 0)).Price(Daily(12, 21, 30, 60))};
  std::vector<std::string> journey;
  size_t at = 0;
  absl::Time moved = At(21);
  for (int step = 0; step < 48 * 12; ++step) {
    const double now = 21 + step / 12.0;
    RunningTask task = ARunningTask(at).Cores(10).Hours(60 - step / 12.0);
    task.last_moved = moved;
    task.started = moved;
    const Moved plan = Move({.now = now, .sites = world, .running = {task}});
    for (const MoveAdvice& move : plan.plan.moves) {
      ASSERT_TRUE(move.to.has_value()) << move.detail;
      at = *move.to;
      moved = At(now);
      journey.push_back(plan.input.sites[at].id.value());
    }
  }
  EXPECT_THAT(journey, ElementsAre("americas", "asia", "emea", "americas", "asia", "emea"));
}

}  // namespace
}  // namespace heliotrope::plan
