#include "scheduler/curve/durations.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'772'409'600);  // 2026-03-02T00:00:00Z.
const AccountId kAcme("acme");
constexpr absl::Duration kHour = absl::Hours(1);

double MeanHours(const Durations& durations, absl::string_view stem, absl::Duration done) {
  return absl::ToDoubleHours(durations.Remaining(kAcme, stem, kHour, done, {}).mean);
}
Chance ChanceOf(const Durations& durations, double done_hours, double limit_hours) {
  return durations.ChanceWithin(kAcme, "nightly", kHour, done_hours * kHour, limit_hours * kHour);
}
double HighHours(const Durations& durations, absl::string_view stem, absl::Duration done,
                 double quantile) {
  return absl::ToDoubleHours(
      durations.Remaining(kAcme, stem, kHour, done, {.quantile = quantile}).high);
}

TEST(JobStem, DropsWhatCountsAndDates) {
  struct Case {
    const char* id;
    const char* stem;
  };
  const Case kCases[] = {
      {"nightly-2026-11-29", "nightly"},
      {"nightly-7", "nightly"},
      {"nightly", "nightly"},
      {"render_v2.scene-12", "render_v2.scene"},
      {"etl-20261129T0300Z", "etl"},
      {"etl-20261129T030000", "etl"},
      {"report-2026-11-29.03:00", "report"},
      {"job-k3v7qa2z", "job"},  // Made up by the scheduler.
      {"job-k3v7qa2z1", "job-k3v7qa2z"},
      {"BOT", "BOT"},
      {"20261129", ""},
      {"", ""},
  };
  for (const Case& test : kCases) EXPECT_EQ(JobStem(test.id), test.stem) << test.id;
}

TEST(Durations, BeforeAnythingIsKnownTheyAreLogNormalAroundWhatIsExpected) {
  const Durations durations;
  EXPECT_NEAR(MeanHours(durations, "nightly", absl::ZeroDuration()), std::exp(0.045), 0.005);
  EXPECT_NEAR(HighHours(durations, "nightly", absl::ZeroDuration(), 0.5), 1, 0.005);
  EXPECT_NEAR(HighHours(durations, "nightly", absl::ZeroDuration(), 0.9), std::exp(0.3 * 1.2816),
              0.01);
  EXPECT_NEAR(HighHours(durations, "nightly", absl::ZeroDuration(), 0.999), std::exp(0.3 * 3.0902),
              0.03);
}

TEST(Durations, WhatIsLeftIsGivenThatItHasNotEnded) {
  const Durations durations;
  // The mean and the quantiles of a log-normal distribution above a point, by the error function.
  const auto above = [](double x) { return 0.5 * std::erfc(x / std::sqrt(2.0)); };
  for (const double done : {0.2, 0.7, 1.0, 1.5, 2.0}) {
    SCOPED_TRACE(done);
    const double z = std::log(done) / 0.3;
    const double mean = std::exp(0.045) * above(z - 0.3) / above(z) - done;
    EXPECT_NEAR(MeanHours(durations, "nightly", done * kHour), std::max(mean, 1.0 / 60), 0.01);
    const double high = HighHours(durations, "nightly", done * kHour, 0.9);
    EXPECT_NEAR(above(std::log(done + high) / 0.3) / above(z), 0.1, 0.01);
  }
}

TEST(Durations, AreLearnedByName) {
  Durations durations;
  Random random(5);
  for (int i = 0; i < 2000; ++i) {
    durations.Learn(kAcme, "long", kHour, kHour * 2 * std::exp(0.1 * Noise(random)), kStart);
    durations.Learn(kAcme, "short", kHour, kHour * 0.25 * std::exp(0.5 * Noise(random)), kStart);
  }
  EXPECT_NEAR(MeanHours(durations, "long", absl::ZeroDuration()), 2 * std::exp(0.005), 0.06);
  EXPECT_NEAR(HighHours(durations, "long", absl::ZeroDuration(), 0.9), 2 * std::exp(0.128), 0.07);
  EXPECT_NEAR(MeanHours(durations, "short", absl::ZeroDuration()), 0.25 * std::exp(0.125), 0.03);
  EXPECT_NEAR(HighHours(durations, "short", absl::ZeroDuration(), 0.9), 0.25 * std::exp(0.64),
              0.05);
  // Half of a new name's tasks are expected to be like each of its account's.
  EXPECT_NEAR(MeanHours(durations, "new", absl::ZeroDuration()), 1.14, 0.1);
  EXPECT_NEAR(HighHours(durations, "new", absl::ZeroDuration(), 0.75), 2, 0.1);
  // One that has outlived the short ones is one of the long ones.
  EXPECT_NEAR(MeanHours(durations, "new", 1.5 * kHour), 0.5, 0.1);
}

TEST(Durations, ALevelIsTrustedAsItsTasksCome) {
  Durations durations;
  double before = MeanHours(durations, "nightly", absl::ZeroDuration());
  for (int i = 0; i < 20; ++i) {
    durations.Learn(kAcme, "nightly", kHour, 3 * kHour, kStart);
    const double mean = MeanHours(durations, "nightly", absl::ZeroDuration());
    EXPECT_GT(mean, before);
    before = mean;
  }
  // Each of three levels by half: an eighth of the prior is left.
  EXPECT_NEAR(before, 3 - (3 - 1.046) / 8, 0.03);
}

TEST(Durations, AnotherHabitIsFollowed) {
  Durations durations;
  for (int i = 0; i < 3000; ++i) durations.Learn(kAcme, "nightly", kHour, kHour, kStart);
  for (int i = 0; i < 1000; ++i) durations.Learn(kAcme, "nightly", kHour, 2 * kHour, kStart);
  EXPECT_NEAR(MeanHours(durations, "nightly", absl::ZeroDuration()), 2 - std::exp(-1), 0.03);
}

// A deadline tells how long its task can be, once it was seen how much of the time to them tasks take.
TEST(Durations, ATightDeadlineIsOneOfAShortTask) {
  Durations durations;
  Random random(7);
  const auto learn = [&](int tasks) {
    for (int i = 0; i < tasks; ++i) {
      const absl::Duration actual = kHour * std::exp(0.3 * Noise(random));
      durations.Learn(kAcme, "nightly", kHour, actual, kStart,
                      actual * (1.25 + 5 * random.Double()));
    }
  };
  const auto high = [&](absl::Duration window, double done_hours = 0) {
    return absl::ToDoubleHours(durations
                                   .Remaining(kAcme, "nightly", kHour, done_hours * kHour,
                                              {.quantile = 1, .window = window})
                                   .high);
  };
  const auto chance = [&](double limit_hours, absl::Duration window) {
    return durations
        .ChanceWithin(kAcme, "nightly", kHour, absl::ZeroDuration(), limit_hours * kHour, window)
        .value;
  };
  learn(150);
  EXPECT_GT(high(kHour), 1.5);  // Too few to tell.
  learn(2000);
  // Four fifths at the most, and its bin.
  EXPECT_GE(high(kHour), 0.79);
  EXPECT_LE(high(kHour), 0.8 * std::exp2(1.0 / 48));
  EXPECT_GT(high(10 * kHour), 1.5);
  EXPECT_GT(high(absl::InfiniteDuration()), 1.5);
  EXPECT_EQ(chance(0.85, kHour), 1);
  EXPECT_LT(chance(0.7, kHour), 0.95);
  EXPECT_LT(chance(0.85, absl::InfiniteDuration()), 0.5);
  const RemainingWork left = durations.Remaining(kAcme, "nightly", kHour, absl::ZeroDuration(),
                                                 {.quantile = 0.5, .window = kHour});
  EXPECT_LT(left.mean, 0.8 * kHour);
  EXPECT_LT(left.high, 0.8 * kHour);
  EXPECT_LE(left.pressing, 0.82 * kHour);
  // One that has outlived it is like any other.
  EXPECT_GT(high(kHour, 0.9), 0.5);
  EXPECT_LT(durations.ChanceWithin(kAcme, "nightly", kHour, 0.9 * kHour, 0.1 * kHour, kHour).value,
            0.6);
  // Another name of the account, too; of another account as well, until it has some of its own.
  const auto other = durations.Remaining(AccountId("globex"), "weekly", kHour, absl::ZeroDuration(),
                                         {.quantile = 1, .window = kHour});
  EXPECT_LE(other.high, 0.82 * kHour);
}

TEST(Durations, ADeadlineSaysLittleWhereTasksOutliveTheirs) {
  Durations durations;
  for (int i = 0; i < 2000; ++i) {
    durations.Learn(kAcme, "nightly", kHour, kHour * (i % 100 == 0 ? 3 : 1), kStart, 2 * kHour);
  }
  const RemainingWork left = durations.Remaining(kAcme, "nightly", kHour, absl::ZeroDuration(),
                                                 {.quantile = 1, .window = 2 * kHour});
  EXPECT_GE(left.high, 3 * kHour);
}

// A name whose tasks outlive their deadlines is not judged by the others of its account.
TEST(Durations, TheNarrowestLevelTellsWhatADeadlineSays) {
  Durations durations;
  for (int i = 0; i < 1000; ++i) {
    durations.Learn(kAcme, "late", kHour, (i % 20 == 0 ? 5 : 1) * kHour, kStart, 2 * kHour);
    for (int k = 0; k < 30; ++k) durations.Learn(kAcme, "tight", kHour, kHour, kStart, 2 * kHour);
  }
  const auto high = [&](absl::string_view stem) {
    return durations
        .Remaining(kAcme, stem, kHour, absl::ZeroDuration(), {.quantile = 1, .window = 2 * kHour})
        .high;
  };
  EXPECT_GT(high("late"), 2 * kHour);
  EXPECT_LT(high("tight"), 1.1 * kHour);
}

// An hour of waiting costs what the chance to end within it is.
TEST(Durations, ADeadlinePressesFromWhereItIsLikelyToEndOn) {
  Durations durations;
  for (int i = 0; i < 900; ++i) durations.Learn(kAcme, "nightly", kHour, kHour, kStart);
  for (int i = 0; i < 100; ++i) durations.Learn(kAcme, "nightly", kHour, 4 * kHour, kStart);
  const auto pressing = [&](double chance_per_hour, double done_hours) {
    return absl::ToDoubleHours(durations
                                   .Remaining(kAcme, "nightly", kHour, done_hours * kHour,
                                              {.chance_per_hour = chance_per_hour})
                                   .pressing);
  };
  // The bins are 6 % wide: nine tenths end within 0.06 h of one hour, a tenth within 0.23 h of four.
  EXPECT_NEAR(pressing(0.1, 0), 4, 0.15);
  EXPECT_NEAR(pressing(1, 0), 1, 0.05);
  EXPECT_NEAR(pressing(10, 0), 1, 0.05);
  EXPECT_NEAR(pressing(100, 0), 1.0 / 60, 1e-9);
  // Of one that has run two hours it is known that it takes four.
  EXPECT_NEAR(pressing(1, 2), 2, 0.15);
  // Where nothing was ever seen to end it does not press, whatever little is asked for.
  EXPECT_LT(pressing(1e-9, 0), 17);
}

TEST(Durations, WhatOutlivesEverythingGoesOnForATenth) {
  Durations durations;
  const RemainingWork left =
      durations.Remaining(kAcme, "nightly", kHour, 17 * kHour, {.quantile = 0.9});
  EXPECT_EQ(left.mean, absl::Minutes(6));
  EXPECT_EQ(left.high, absl::Minutes(18));
  EXPECT_EQ(left.pressing, absl::Minutes(6));
  const RemainingWork least = durations.Remaining(kAcme, "nightly", absl::Seconds(1),
                                                  absl::ZeroDuration(), {.quantile = 0.9});
  EXPECT_EQ(least.mean, absl::Minutes(1));
  EXPECT_EQ(least.high, absl::Minutes(1));
  // Anything may be reported.
  durations.Learn(kAcme, "nightly", absl::ZeroDuration(), kHour, kStart);
  durations.Learn(kAcme, "nightly", kHour, -kHour, kStart);
  durations.Learn(kAcme, "nightly", kHour, absl::InfiniteDuration(), kStart);
  EXPECT_EQ(durations.size(), 0u);
  durations.Learn(kAcme, "nightly", absl::Seconds(1), 1000 * kHour, kStart);
  durations.Learn(kAcme, "nightly", 1000 * kHour, absl::ZeroDuration(), kStart);
  EXPECT_EQ(durations.size(), 3u);
}

TEST(Durations, MoreMayBeLeftTheHigherTheQuantileAndTheTaskNeverEndsBeforeNow) {
  Durations durations;
  Random random(9);
  for (int i = 0; i < 300; ++i) {
    durations.Learn(kAcme, "wild", kHour, kHour * std::exp(1.5 * Noise(random)), kStart);
  }
  for (double done = 0; done < 18; done += 0.01) {
    double before = 0;
    for (const double quantile : {0.0, 0.3, 0.6, 0.9, 0.99, 0.999, 1.0}) {
      const double high = HighHours(durations, "wild", done * kHour, quantile);
      EXPECT_GE(high, before) << done << " " << quantile;
      EXPECT_LE(high, 17) << done << " " << quantile;
      before = high;
    }
    EXPECT_LE(MeanHours(durations, "wild", done * kHour), std::max(before, 0.1));
  }
}

TEST(Durations, TheChanceOfAnEndInTimeIsThatOfTheExpectationBeforeAnythingIsKnown) {
  const Durations durations;
  EXPECT_FALSE(ChanceOf(durations, 0, 1).learned);
  EXPECT_NEAR(ChanceOf(durations, 0, 1).value, 0.5, 0.01);
  EXPECT_NEAR(ChanceOf(durations, 0, std::exp(0.3 * 1.2816)).value, 0.9, 0.01);
  EXPECT_LT(ChanceOf(durations, 0, 0.2).value, 0.001);
  EXPECT_EQ(ChanceOf(durations, 0, 20).value, 1);
  EXPECT_EQ(durations.ChanceWithin(kAcme, "", kHour, kHour, absl::InfiniteDuration()).value, 1);
}

TEST(Durations, WithoutTimeThereIsNoChance) {
  Durations durations;
  for (const double done : {0.0, 0.5, 3.0, 17.0}) {
    EXPECT_EQ(ChanceOf(durations, done, 0).value, 0) << done;
    EXPECT_EQ(ChanceOf(durations, done, -1).value, 0) << done;
  }
  EXPECT_FALSE(ChanceOf(durations, 0, -1).learned);
  durations.Learn(kAcme, "other", kHour, kHour, kStart);
  EXPECT_TRUE(ChanceOf(durations, 0, -1).learned) << "of its account";
}

TEST(Durations, TheChanceIsGivenThatTheTaskHasNotEnded) {
  Durations durations;
  for (int i = 0; i < 2000; ++i) {
    durations.Learn(kAcme, "nightly", kHour, (i % 4 == 0 ? 3 : 0.5) * kHour, kStart);
  }
  EXPECT_NEAR(ChanceOf(durations, 0, 1).value, 0.75, 0.02);
  EXPECT_LT(ChanceOf(durations, 1, 1).value, 0.1) << "the short ones have ended by then";
  EXPECT_GT(ChanceOf(durations, 1, 2.2).value, 0.95);
  // As good as a way beyond all that was seen.
  EXPECT_NEAR(ChanceOf(durations, 17, 0.1).value, 1 - std::exp(-1), 1e-9);
}

TEST(Durations, TheChanceOfTheQuantileIsThatQuantile) {
  Durations durations;
  for (int i = 0; i < 300; ++i) {
    durations.Learn(kAcme, "nightly", kHour, (0.4 + 0.01 * (i * 37 % 211)) * kHour, kStart);
  }
  for (const double done : {0.0, 0.3, 1.0, 2.0}) {
    double before = 0;
    for (const double quantile : {0.3, 0.6, 0.9, 0.99, 0.999}) {
      const double high = HighHours(durations, "nightly", done * kHour, quantile);
      const double chance = ChanceOf(durations, done, high).value;
      EXPECT_NEAR(chance, quantile, 1e-6) << done;
      EXPECT_GT(chance, before);
      before = chance;
    }
  }
}

TEST(Durations, AnAccountsTypicalDurationIsKnownFromFiveTasksOn) {
  Durations durations;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(durations.Typical(kAcme).has_value());
    durations.Learn(kAcme, absl::StrCat("name-", i), kHour,
                    i % 2 == 0 ? absl::Minutes(10) : absl::Minutes(40), kStart);
  }
  EXPECT_NEAR(absl::ToDoubleMinutes(*durations.Typical(kAcme)), 10 * std::pow(4.0, 0.4), 0.1);
  EXPECT_FALSE(durations.Typical(AccountId("globex")).has_value());
}

TEST(Durations, WhoHasEndedNothingForLongestGivesWay) {
  Durations durations;
  // A name, its account and everything.
  durations.Learn(kAcme, "old", kHour, kHour, kStart);
  for (size_t i = 0; durations.size() < kMaxDurationKeys; ++i) {
    durations.Learn(kAcme, absl::StrCat("name", i, "x"), kHour, kHour, kStart);
  }
  durations.Learn(kAcme, "old", kHour, kHour, kStart);
  const Durations::Learned learned =
      durations.Learn(AccountId("globex"), "new", kHour, kHour, kStart);
  EXPECT_EQ(learned.removed.size(), 2u);
  for (const std::string& key : learned.removed) EXPECT_FALSE(durations.Contains(key));
  for (const std::string& key : learned.changed) EXPECT_TRUE(durations.Contains(key));
  EXPECT_EQ(learned.removed.front(), std::string("acme\0name0x", 11));
  EXPECT_TRUE(durations.Contains(absl::string_view("acme\0old", 8)));
  EXPECT_EQ(durations.size(), kMaxDurationKeys);
}

TEST(Durations, RestoredOnesGoOnAsIfNothingHadBeen) {
  Durations durations;
  Random random(3);
  const auto learn = [](Durations& to, Random& chance) {
    to.Learn(AccountId(absl::StrCat("a", chance.Uniform(5))),
             absl::StrCat("s", chance.Uniform(2000)), kHour, kHour * std::exp(0.4 * Noise(chance)),
             kStart, kHour * (1 + chance.Double()));
  };
  for (int i = 0; i < 6000; ++i) learn(durations, random);
  Durations restored;
  for (const std::string& key : durations.Keys()) {
    ASSERT_TRUE(restored.Restore(key, durations.Save(key)).ok());
  }
  Random again = random;
  for (int i = 0; i < 3000; ++i) {
    learn(durations, random);
    learn(restored, again);
  }
  ASSERT_EQ(durations.Keys(), restored.Keys());
  for (const std::string& key : durations.Keys()) {
    EXPECT_EQ(durations.Save(key).integers, restored.Save(key).integers);
    EXPECT_EQ(durations.Save(key).numbers, restored.Save(key).numbers);
    EXPECT_EQ(durations.Save(key).weights, restored.Save(key).weights);
    EXPECT_EQ(durations.Save(key).shares, restored.Save(key).shares);
  }
  EXPECT_EQ(durations.Typical(AccountId("a1")), restored.Typical(AccountId("a1")));
}

TEST(Durations, AStateBeforeDeadlinesCountedIsTaken) {
  Durations durations;
  durations.Learn(kAcme, "nightly", kHour, 2 * kHour, kStart, 3 * kHour);
  DurationState old = durations.Save("");
  old.version = 1;
  old.shares.clear();
  Durations restored;
  ASSERT_TRUE(restored.Restore("", old).ok());
  EXPECT_EQ(restored.Save("").weights, old.weights);
  EXPECT_EQ(restored.Save("").shares, std::vector<float>(durations.Save("").shares.size()));
}

TEST(Durations, AStateOfAnotherLayoutIsRefused) {
  Durations durations;
  durations.Learn(kAcme, "nightly", kHour, kHour, kStart);
  const DurationState good = durations.Save("");
  const auto refused = [](const DurationState& state) {
    Durations fresh;
    const bool is_refused = !fresh.Restore("", state).ok();
    EXPECT_EQ(fresh.size(), is_refused ? 0u : 1u);
    return is_refused;
  };
  EXPECT_FALSE(refused(good));
  DurationState bad = good;
  bad.version = 9;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.weights.pop_back();
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.shares.clear();
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.shares[3] = -1;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.weights[4] = -1;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.weights[4] = std::nanf("");
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.numbers[0] = 1e300;
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.integers[0] = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(refused(bad));
  bad = good;
  bad.integers.clear();
  EXPECT_TRUE(refused(bad));
}

}  // namespace
}  // namespace heliotrope::curve
