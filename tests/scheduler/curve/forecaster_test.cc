#include "scheduler/curve/forecaster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>

#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

using Curve = std::function<double(int64_t)>;

// Sum of |error| over sum of load, and the share at or under each quantile.
struct Score {
  double error = 0;
  double load = 0;
  int count = 0;
  std::array<int, kQuantiles> covered{};

  void Add(const Forecast& forecast, double actual) {
    error += std::abs(forecast.p50 - actual);
    load += actual;
    ++count;
    const auto values = Values(forecast);
    for (size_t i = 0; i < kQuantiles; ++i) covered[i] += actual <= values[i] ? 1 : 0;
  }
  double Wape() const { return error / load; }
  double Cover(size_t i) const { return covered[i] / static_cast<double>(count); }
};

// A forecaster of one zone, fed in order, asked again and again for `lead` bins ahead.
class Feed {
 public:
  Feed(const std::string& zone_name, const std::string& start)
      : zone(Zone(zone_name)), forecaster(zone, {}), next(BinIndex(At(start))) {}

  void Run(int days, const Curve& curve) {
    for (int i = 0; i < days * kSlotsPerDay; ++i) {
      forecaster.Observe({BinStart(next), curve(next)});
      ++next;
    }
  }
  Score RunScored(int days, int lead, const Curve& curve) {
    Score score;
    std::deque<Forecast> open;
    for (int i = 0; i < days * kSlotsPerDay; ++i) {
      const double load = curve(next);
      if (open.size() == static_cast<size_t>(lead)) {
        score.Add(open.front(), load);
        open.pop_front();
      }
      forecaster.Observe({BinStart(next), load});
      open.push_back(forecaster.At(BinStart(next + lead), Now()));
      ++next;
    }
    return score;
  }
  absl::Time Now() const { return BinStart(next); }
  Curve Office() const {
    return [zone = zone](int64_t index) { return OfficeLoad(zone, index); };
  }

  absl::TimeZone zone;
  Forecaster forecaster;
  int64_t next;  // the bin to come
};

// The office curve with noise that lasts for hours and noise of the moment.
Curve Noisy(const absl::TimeZone& zone, uint64_t seed, double size) {
  return [zone, random = Random(seed), drift = 0.0, size](int64_t index) mutable {
    drift = 0.98 * drift + 0.2 * size * Noise(random);
    return std::max(0.0, OfficeLoad(zone, index) + drift + 0.5 * size * Noise(random));
  };
}

TEST(ForecasterTest, ColdItAnswersWideFromItsPriorAndSaysSo) {
  const Forecaster forecaster(Zone("Asia/Dubai"), {.prior_load = 0.4, .prior_error = 0.1});
  const absl::Time now = At("2024-01-01T00:00:00Z");
  const Forecast forecast = forecaster.At(now + absl::Hours(5), now);
  EXPECT_NEAR(forecast.p50, 0.4, 1e-6);
  EXPECT_GT(forecast.p97, 0.6);
  EXPECT_LT(forecast.p03, 0.2);
  EXPECT_FALSE(forecast.mature);
  EXPECT_TRUE(forecast.stale);
  const CurveStatus status = forecaster.StatusAt(now);
  EXPECT_EQ(status.health, Health::kNoHistory);
  EXPECT_TRUE(status.reactive);
  EXPECT_EQ(status.reason, "no sample yet");
  EXPECT_TRUE(forecaster.History().empty());
}

TEST(ForecasterTest, GrowsFromNoHistoryToYoungToHealthy) {
  Feed feed("Asia/Dubai", "2024-01-01T00:00:00+04:00");
  feed.forecaster.Observe({BinStart(feed.next++), 0.5});
  CurveStatus status = feed.forecaster.StatusAt(feed.Now());
  EXPECT_EQ(status.health, Health::kYoung);
  EXPECT_TRUE(status.reactive) << "five minutes of samples are no ground to plan on";
  EXPECT_FALSE(status.stale);

  feed.Run(1, feed.Office());
  status = feed.forecaster.StatusAt(feed.Now());
  EXPECT_EQ(status.health, Health::kYoung);
  EXPECT_FALSE(status.reactive) << status.reason;
  EXPECT_TRUE(feed.forecaster.At(feed.Now(), feed.Now()).mature);

  feed.Run(7, feed.Office());
  status = feed.forecaster.StatusAt(feed.Now());
  EXPECT_EQ(status.health, Health::kHealthy) << status.reason;
  EXPECT_EQ(status.samples, 8 * kSlotsPerDay + 1);
  EXPECT_EQ(status.first_sample, At("2024-01-01T00:00:00+04:00"));
  EXPECT_EQ(status.last_sample, feed.Now() - BinLength());
}

TEST(ForecasterTest, ConvergesOnAWeeklyCurve) {
  Feed feed("Asia/Shanghai", "2024-01-01T00:00:00+08:00");
  feed.Run(6 * 7, feed.Office());
  EXPECT_LT(feed.RunScored(7, kSlotsPerDay, feed.Office()).Wape(), 0.02);
  EXPECT_LT(feed.RunScored(7, kBinsPerHour, feed.Office()).Wape(), 0.02);
  EXPECT_LT(feed.RunScored(14, kSlotsPerWeek, feed.Office()).Wape(), 0.02);
}

TEST(ForecasterTest, ADayOfHistoryBeatsItsMean) {
  Feed feed("Asia/Shanghai", "2024-01-01T00:00:00+08:00");
  feed.Run(2, feed.Office());
  double error = 0;
  double mean_error = 0;
  for (int i = 1; i <= kSlotsPerDay; ++i) {
    const double actual = OfficeLoad(feed.zone, feed.next + i);
    error += std::abs(feed.forecaster.At(BinStart(feed.next + i), feed.Now()).p50 - actual);
    mean_error += std::abs(0.348 - actual);
  }
  EXPECT_LT(error, 0.5 * mean_error);
}

TEST(ForecasterTest, TheMorningRampStaysAtNineAcrossAChangeOfTheClocks) {
  struct Case {
    const char* sentence;
    const char* zone;
    const char* start;  // eight weeks and a day before the Monday after the change
    const char* nine;   // 09:00 of that Monday
  };
  const Case kCases[] = {
      {"Berlin in spring", "Europe/Berlin", "2024-02-04T23:00:00Z", "2024-04-01T09:00:00+02:00"},
      {"Berlin in autumn", "Europe/Berlin", "2024-09-01T22:00:00Z", "2024-10-28T09:00:00+01:00"},
      {"New York in spring", "America/New_York", "2024-01-14T05:00:00Z",
       "2024-03-11T09:00:00-04:00"},
      {"New York in autumn", "America/New_York", "2024-09-08T04:00:00Z",
       "2024-11-04T09:00:00-05:00"},
      {"Melbourne in autumn", "Australia/Melbourne", "2024-02-11T13:00:00Z",
       "2024-04-08T09:00:00+10:00"},
      {"Melbourne in spring", "Australia/Melbourne", "2024-08-11T14:00:00Z",
       "2024-10-07T09:00:00+11:00"},
      {"Dubai never changes", "Asia/Dubai", "2024-02-04T20:00:00Z", "2024-04-01T09:00:00+04:00"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.sentence);
    Feed feed(c.zone, c.start);
    const absl::Time nine = At(c.nine);
    // Up to the Friday before: nothing of the new clock has been seen.
    while (feed.Now() < nine - absl::Hours(60)) feed.Run(1, feed.Office());
    const auto median = [&](absl::Duration after) {
      return feed.forecaster.At(nine + after, feed.Now()).p50;
    };
    EXPECT_NEAR(median(absl::Hours(-1)), 0.15, 0.06);
    EXPECT_NEAR(median(absl::ZeroDuration()), 0.40, 0.06);
    EXPECT_NEAR(median(absl::Hours(1)), 0.65, 0.06);
    EXPECT_NEAR(median(absl::Hours(10)), 0.15, 0.06);
    EXPECT_LT(feed.RunScored(7, kSlotsPerDay, feed.Office()).Wape(), 0.04);
  }
}

// A load whose evening follows the sun is an hour off by the clock from one day to the next. The week
// from the change on has at most 1.2 times the error of the week before, in spring and in autumn, north
// and south; of a load by the clock alone too.
TEST(ForecasterTest, AWeekWithAChangeOfTheClocksIsHardlyWorseThanTheOneBefore) {
  struct Case {
    const char* zone;
    const char* change;  // The midnight before it.
  };
  for (const Case& c : {Case{"Europe/Berlin", "2024-03-31T00:00:00+01:00"},
                        Case{"Europe/Berlin", "2024-10-27T00:00:00+02:00"},
                        Case{"Australia/Melbourne", "2024-10-06T00:00:00+10:00"},
                        Case{"America/Los_Angeles", "2024-11-03T00:00:00-07:00"}}) {
    for (const double lamps : {0.0, 0.10}) {
      SCOPED_TRACE(testing::Message() << c.zone << " " << c.change << " lamps " << lamps);
      const int64_t change = BinIndex(At(c.change));
      Feed feed(c.zone, "2024-01-01T00:00:00Z");
      feed.next = change - 70 * kSlotsPerDay;
      // From dusk to midnight, dusk being at one time of the standard day.
      const int64_t dusk = SlotAt(feed.zone, change - 6 * kBinsPerHour).day;  // 18:00
      const int64_t before_change = change - 6 * kBinsPerHour;
      const Curve office = Noisy(feed.zone, 21, 0.02);
      const Curve curve = [&](int64_t index) {
        const int64_t turn = ((index - before_change) % kSlotsPerDay + kSlotsPerDay) % kSlotsPerDay;
        const int64_t local = SlotAt(feed.zone, index).day;
        const bool lit = turn < 6 * kBinsPerHour && local >= dusk - kBinsPerHour;
        return office(index) + (lit ? lamps : 0);
      };
      feed.Run(62, curve);
      const double before = feed.RunScored(8, kSlotsPerDay, curve).Wape();
      const double after = feed.RunScored(8, kSlotsPerDay, curve).Wape();
      EXPECT_LT(after, 1.2 * before);
    }
  }
}

TEST(ForecasterTest, QuantilesCoverWhatTheySayOnANoisySeries) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  const Curve curve = Noisy(feed.zone, 42, 0.05);
  feed.Run(6 * 7, curve);
  for (const int lead : {kBinsPerHour, kSlotsPerDay}) {
    SCOPED_TRACE(lead);
    const Score score = feed.RunScored(8 * 7, lead, curve);
    EXPECT_NEAR(score.Cover(3), 0.50, 0.05);
    EXPECT_NEAR(score.Cover(5), 0.90, 0.03);
    EXPECT_NEAR(score.Cover(6), 0.95, 0.02);
    EXPECT_NEAR(score.Cover(7), 0.97, 0.015);
    EXPECT_NEAR(score.Cover(1), 0.10, 0.03);
  }
  const CurveStatus status = feed.forecaster.StatusAt(feed.Now());
  EXPECT_EQ(status.health, Health::kHealthy) << status.reason;
  EXPECT_NEAR(status.cover_p90, 0.90, 0.04);
  EXPECT_NEAR(status.cover_p97, 0.97, 0.03);
  EXPECT_GT(status.wape_day, 0.02);
  EXPECT_LT(status.wape_day, 0.25);
  EXPECT_LT(status.wape_hour, status.wape_day);
}

TEST(ForecasterTest, QuantilesAreOrderedAndWidenWithTheLead) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  const Curve curve = Noisy(feed.zone, 7, 0.05);
  const auto width = [&](int64_t lead) {
    const Forecast forecast = feed.forecaster.At(BinStart(feed.next + lead), feed.Now());
    return forecast.p97 - forecast.p50;
  };
  // Midnight and the midnight after, so that the hour is the same; over ten days.
  double next = 0;
  double day_ahead = 0;
  for (int day = 0; day < 30; ++day) {
    feed.Run(1, curve);
    for (int lead = 1; lead < 3000; lead += 37) {
      const auto values = Values(feed.forecaster.At(BinStart(feed.next + lead), feed.Now()));
      ASSERT_TRUE(std::is_sorted(values.begin(), values.end()));
      ASSERT_GE(values.front(), 0);
    }
    if (day < 20) continue;
    next += width(0);
    day_ahead += width(kSlotsPerDay);
  }
  EXPECT_GT(day_ahead, 1.2 * next);
}

TEST(ForecasterTest, InterpolatesBetweenTheLevelsKept) {
  const Forecast forecast{
      .p03 = 1, .p10 = 2, .p25 = 3, .p50 = 4, .p75 = 5, .p90 = 6, .p95 = 7, .p97 = 8};
  EXPECT_DOUBLE_EQ(QuantileOf(forecast, 0.0), 1);
  EXPECT_DOUBLE_EQ(QuantileOf(forecast, 0.5), 4);
  EXPECT_DOUBLE_EQ(QuantileOf(forecast, 0.825), 5.5);
  EXPECT_DOUBLE_EQ(QuantileOf(forecast, 0.96), 7.5);
  EXPECT_DOUBLE_EQ(QuantileOf(forecast, 0.999), 8);
}

TEST(ForecasterTest, ANewLevelIsFollowedWithinADayAndAHalf) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  const Curve curve = Noisy(feed.zone, 21, 0.02);
  feed.Run(6 * 7, curve);
  const double before = feed.RunScored(3, kSlotsPerDay, curve).Wape();
  const Curve raised = [&](int64_t index) { return 1.3 * curve(index); };
  feed.Run(1, raised);
  const double second_day = feed.RunScored(2, kSlotsPerDay, raised).Wape();
  feed.Run(7, raised);
  const double later = feed.RunScored(3, kSlotsPerDay, raised).Wape();
  EXPECT_LT(before, 0.10);
  EXPECT_LT(second_day, 0.18) << "unfollowed it would be 0.23";
  EXPECT_LT(later, 0.12);
  EXPECT_FALSE(feed.forecaster.StatusAt(feed.Now()).reactive);
}

// Swing and level together, as when half of the machines are taken away.
TEST(ForecasterTest, AShiftOfTheLevelIsFollowedWithItsSwingInTwoDays) {
  for (const double factor : {1.3, 0.6}) {
    SCOPED_TRACE(factor);
    Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
    const Curve curve = Noisy(feed.zone, 21, 0.01);
    const Curve shifted = [&](int64_t index) { return factor * curve(index); };
    feed.Run(7 * 7, curve);
    const double before = feed.RunScored(4, kSlotsPerDay, curve).Wape();
    feed.Run(2, shifted);
    const Score after = feed.RunScored(4, kSlotsPerDay, shifted);
    EXPECT_LT(after.Wape(), 1.5 * before);
    EXPECT_GT(after.Cover(6), 0.9);
    EXPECT_LT(after.Cover(1), 0.2);
  }
}

// Spikes of five minutes at :30 past: no profile that is smoothed knows them, yesterday does.
TEST(ForecasterTest, WhereYesterdayIsTheBetterForecastItIsTaken) {
  Feed feed("UTC", "2024-01-01T00:00:00Z");
  const Curve spikes = [](int64_t index) { return index % kBinsPerHour == 6 ? 0.9 : 0.2; };
  feed.Run(6 * 7, spikes);
  EXPECT_LT(feed.RunScored(7, kSlotsPerDay, spikes).Wape(), 0.1);
}

TEST(ForecasterTest, ALoadThatTurnsToChaosIsOutOfBandUntilItReturns) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  feed.Run(3 * 7, feed.Office());
  ASSERT_EQ(feed.forecaster.StatusAt(feed.Now()).health, Health::kHealthy);
  Random random(9);
  feed.Run(4, [&](int64_t) { return random.Double(); });
  const CurveStatus chaos = feed.forecaster.StatusAt(feed.Now());
  EXPECT_EQ(chaos.health, Health::kOutOfBand);
  EXPECT_TRUE(chaos.reactive);
  EXPECT_NE(chaos.reason.find("day-ahead error"), std::string::npos) << chaos.reason;
  feed.Run(28, feed.Office());
  const CurveStatus calm = feed.forecaster.StatusAt(feed.Now());
  EXPECT_EQ(calm.health, Health::kHealthy) << calm.reason;
}

TEST(ForecasterTest, ASensorThatHangsIsToldAndTeachesNothing) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  const Curve curve = Noisy(feed.zone, 21, 0.01);
  feed.Run(4 * 7, curve);
  const absl::Time noon_in_a_week = feed.Now() + absl::Hours(7 * 24 + 12);
  const double before = feed.forecaster.At(noon_in_a_week, feed.Now()).p50;
  int told = 0;
  for (int i = 0; i < kSlotsPerDay; ++i, ++feed.next) {  // A Monday that stays as at night.
    feed.forecaster.Observe({BinStart(feed.next), 0.171});
    const CurveStatus status = feed.forecaster.StatusAt(feed.Now() + BinLength());
    if (status.health != Health::kFrozen) continue;
    ++told;
    EXPECT_TRUE(status.reactive);
    EXPECT_NE(status.reason.find("without any change since"), std::string::npos) << status.reason;
  }
  EXPECT_GE(told, 3 * kBinsPerHour) << "neither the morning nor the evening ramp came";
  EXPECT_NEAR(feed.forecaster.At(noon_in_a_week, feed.Now()).p50, before, 0.25 * before);
  feed.Run(1, curve);
  EXPECT_NE(feed.forecaster.StatusAt(feed.Now()).health, Health::kFrozen);
}

TEST(ForecasterTest, ASensorThatHangsAndLosesBinsIsToldToo) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  feed.Run(4 * 7, Noisy(feed.zone, 21, 0.01));
  int told = 0;
  for (int i = 0; i < kSlotsPerDay; ++i, ++feed.next) {
    if (i % 5 != 0) continue;  // Four of five do not come.
    feed.forecaster.Observe({BinStart(feed.next), 0.171});
    told += feed.forecaster.StatusAt(feed.Now() + BinLength()).health == Health::kFrozen ? 1 : 0;
  }
  EXPECT_GE(told, 3 * kBinsPerHour / 5);
}

// What was before a gap of hours may be the same by chance.
TEST(ForecasterTest, ALongGapBetweenTwoEqualValuesIsNoStandstill) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  feed.Run(4 * 7, Noisy(feed.zone, 21, 0.01));
  feed.forecaster.Observe({BinStart(feed.next), 0.171});
  feed.next += 10 * kBinsPerHour;
  feed.forecaster.Observe({BinStart(feed.next), 0.171});
  EXPECT_NE(feed.forecaster.StatusAt(feed.Now()).health, Health::kFrozen);
}

// A sale of two days at twice the load is no new level; a new level that begins the day before one is
// followed after it.
TEST(ForecasterTest, AShiftOfTheLevelIsNotSeenInSpecialDaysButAfterThem) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  const Curve curve = Noisy(feed.zone, 21, 0.01);
  const int64_t sale = SlotAt(feed.zone, feed.next).date + 42;
  feed.forecaster.SetSpecialDays({{.name = "sale", .dates = {sale, sale + 1, sale + 15}}});
  feed.Run(42, curve);
  const double before = feed.forecaster.ProfileAt(feed.Now() + absl::Hours(12));
  feed.Run(2, [&](int64_t index) { return 2 * curve(index); });
  EXPECT_NEAR(feed.forecaster.ProfileAt(feed.Now() - absl::Hours(36)), before, 0.02 * before);
  feed.Run(12, curve);
  const Curve raised = [&](int64_t index) { return 1.4 * curve(index); };
  feed.Run(2, raised);
  EXPECT_LT(feed.forecaster.ProfileAt(feed.Now() - absl::Hours(12)), 1.2 * before);
  feed.Run(3, raised);
  EXPECT_NEAR(feed.forecaster.ProfileAt(feed.Now() - absl::Hours(12)), 1.4 * before, 0.1 * before);
}

TEST(ForecasterTest, ANearlyIdleDataCenterIsNotOutOfBandForTrifles) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  Random random(9);
  feed.Run(14, [&](int64_t) { return 0.02 * random.Double(); });
  const CurveStatus status = feed.forecaster.StatusAt(feed.Now());
  EXPECT_GT(status.wape_day, 0.30);
  EXPECT_EQ(status.health, Health::kHealthy) << status.reason;
}

TEST(ForecasterTest, ALoadThatNeverMovesStaysSoForEver) {
  Feed feed("Asia/Dubai", "2024-01-01T00:00:00+04:00");
  feed.Run(60, [](int64_t) { return 0.4; });
  const Forecast forecast = feed.forecaster.At(feed.Now() + absl::Hours(24), feed.Now());
  EXPECT_NEAR(forecast.p50, 0.4, 1e-3);
  EXPECT_LT(forecast.p97 - forecast.p03, 0.02);
  feed.Run(1, [](int64_t) { return 0.0; });
  EXPECT_TRUE(std::isfinite(feed.forecaster.At(feed.Now() + absl::Hours(1), feed.Now()).p97));
}

TEST(ForecasterTest, AGapIsStaleAtOnceAndForgivenAfter) {
  Feed feed("Asia/Shanghai", "2024-01-01T00:00:00+08:00");
  feed.Run(21, feed.Office());
  const absl::Time end = feed.Now();
  EXPECT_FALSE(feed.forecaster.StatusAt(end + absl::Minutes(30)).stale);
  EXPECT_TRUE(feed.forecaster.StatusAt(end + absl::Minutes(31)).stale);
  EXPECT_TRUE(feed.forecaster.At(end + absl::Hours(2), end + absl::Minutes(31)).stale);

  feed.next += 3 * kSlotsPerDay / 2;  // a day and a half is missing
  const Score after = feed.RunScored(3, kBinsPerHour, feed.Office());
  EXPECT_LT(after.Wape(), 0.05);
  EXPECT_EQ(feed.forecaster.History().size(),
            static_cast<size_t>(kHistoryBins - 3 * kSlotsPerDay / 2));

  feed.next += 30 * kSlotsPerDay;  // longer than the history kept
  feed.Run(1, feed.Office());
  EXPECT_EQ(feed.forecaster.History().size(), static_cast<size_t>(kSlotsPerDay));
}

TEST(ForecasterTest, TellsWhatBecameOfEachBin) {
  Forecaster forecaster(Zone("UTC"), {});
  const absl::Time start = At("2024-01-01T00:00:00Z");
  const auto observe = [&](int bin, double load) {
    return forecaster.Observe({start + bin * BinLength(), load});
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(observe(0, 0.1), Observation::kTaken);
  EXPECT_EQ(observe(3, 0.4), Observation::kTaken);
  EXPECT_EQ(observe(3, 0.9), Observation::kDuplicate);
  EXPECT_EQ(observe(1, 0.2), Observation::kLate);
  EXPECT_EQ(observe(1, 0.2), Observation::kDuplicate);
  EXPECT_EQ(observe(-5, 0.3), Observation::kLate);
  EXPECT_EQ(observe(-8 * kSlotsPerDay, 0.3), Observation::kTooOld);
  EXPECT_EQ(observe(4, nan), Observation::kRefused);
  EXPECT_EQ(observe(4, infinity), Observation::kRefused);
  EXPECT_EQ(observe(4, -0.01), Observation::kRefused);
  EXPECT_EQ(observe(4, kMaxLoad + 1), Observation::kRefused);
  EXPECT_EQ(forecaster.Observe({start + absl::Minutes(21), 0.1}), Observation::kRefused);
  EXPECT_EQ(forecaster.Observe({absl::UnixEpoch(), 0.1}), Observation::kRefused);

  const CurveStatus status = forecaster.StatusAt(start + absl::Minutes(20));
  EXPECT_EQ(status.samples, 4);
  EXPECT_EQ(status.repeated, 3);
  EXPECT_EQ(status.refused, 6);
  EXPECT_EQ(status.first_sample, start - absl::Minutes(25));
  const std::vector<Bin> history = forecaster.History();
  ASSERT_EQ(history.size(), 4u);
  EXPECT_NEAR(history[0].load, 0.3, 1e-6);
  EXPECT_NEAR(history[1].load, 0.1, 1e-6);
  EXPECT_NEAR(history[3].load, 0.4, 1e-6) << "the first value stays";
}

TEST(ForecasterTest, RepeatedBinsChangeNoForecast) {
  Feed once("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  Feed twice("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  const Curve curve = Noisy(once.zone, 5, 0.05);
  for (int i = 0; i < 3000; ++i) {
    const Bin bin{BinStart(once.next++), curve(once.next)};
    once.forecaster.Observe(bin);
    twice.forecaster.Observe(bin);
    twice.forecaster.Observe(bin);
    if (i > 50) twice.forecaster.Observe({bin.start - absl::Hours(2), 3.0});
  }
  for (int lead = 1; lead < 2100; lead += 50) {
    const absl::Time target = BinStart(once.next + lead);
    EXPECT_EQ(once.forecaster.At(target, once.Now()), twice.forecaster.At(target, once.Now()));
  }
}

TEST(ForecasterTest, AnswersTimesFarAwayWithoutHarm) {
  Feed feed("Europe/Berlin", "2024-01-01T00:00:00+01:00");
  feed.Run(8, feed.Office());
  for (const absl::Time target : {absl::InfiniteFuture(), absl::InfinitePast(), absl::UnixEpoch(),
                                  feed.Now() + absl::Hours(24 * 400)}) {
    const Forecast forecast = feed.forecaster.At(target, feed.Now());
    EXPECT_TRUE(std::isfinite(forecast.p50));
    EXPECT_GE(forecast.p97, forecast.p50);
  }
  EXPECT_FALSE(feed.forecaster.At(feed.Now(), absl::InfinitePast()).stale);
  EXPECT_TRUE(feed.forecaster.At(feed.Now(), absl::InfiniteFuture()).stale);
}

}  // namespace
}  // namespace heliotrope::curve
