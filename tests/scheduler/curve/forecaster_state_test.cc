#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "scheduler/curve/forecaster.h"
#include "tests/scheduler/curve/synthetic.h"

namespace heliotrope::curve {
namespace {

class ForecasterStateTest : public testing::Test {
 protected:
  void Run(Forecaster& forecaster, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      Random random(static_cast<uint64_t>(i));  // the same noise whoever is fed
      forecaster.Observe({BinStart(i), OfficeLoad(zone_, i) + 0.05 * random.Double()});
    }
  }
  static size_t Bytes(const ForecasterState& state) {
    return state.integers.size() * 8 + state.numbers.size() * 8 +
           4 * (state.profile.size() + state.samples.size() + state.open_forecasts.size());
  }

  absl::TimeZone zone_ = Zone("Europe/Berlin");
  int64_t first_ = BinIndex(At("2024-03-01T00:00:00+01:00"));
};

TEST_F(ForecasterStateTest, ARestoredForecasterGoesOnAsIfNothingHadBeen) {
  for (const int64_t bins : {0, 1, 100, 5000, 10000}) {
    SCOPED_TRACE(bins);
    Forecaster kept(zone_, {});
    Run(kept, first_, first_ + bins);
    absl::StatusOr<Forecaster> restored = Forecaster::Restore(zone_, {}, kept.Save());
    ASSERT_TRUE(restored.ok()) << restored.status();
    Run(kept, first_ + bins, first_ + bins + 900);
    Run(*restored, first_ + bins, first_ + bins + 900);
    const absl::Time now = BinStart(first_ + bins + 900);
    for (int lead = 0; lead < 2100; lead += 11) {
      EXPECT_EQ(kept.At(now + lead * BinLength(), now),
                restored->At(now + lead * BinLength(), now));
    }
    EXPECT_EQ(kept.History(), restored->History());
    EXPECT_EQ(kept.StatusAt(now).wape_day, restored->StatusAt(now).wape_day);
    EXPECT_EQ(kept.StatusAt(now).reason, restored->StatusAt(now).reason);
  }
}

// The layout of version 2, cut out of today's state.
TEST_F(ForecasterStateTest, AnUpgradeForgetsNothing) {
  Forecaster kept(zone_, {});
  Run(kept, first_, first_ + 8000);
  const ForecasterState now = kept.Save();
  ForecasterState old = now;
  old.version = 2;
  constexpr size_t kNewLevels = 1 + 4 * kLeads;
  constexpr size_t kLevels = 12;
  constexpr size_t kNewIntegers = 2 + kMaxSpecialKinds;
  old.integers.erase(old.integers.begin() + 8, old.integers.begin() + 8 + kNewIntegers);
  old.numbers.erase(old.numbers.begin() + kLevels, old.numbers.begin() + kLevels + kNewLevels);
  old.numbers.resize(old.numbers.size() - SpecialDays::kNumbers);
  old.profile.resize(old.profile.size() - kSlotsPerDay);
  const absl::StatusOr<Forecaster> upgraded = Forecaster::Restore(zone_, {}, old);
  ASSERT_TRUE(upgraded.ok()) << upgraded.status();
  EXPECT_EQ(upgraded->History(), kept.History());
  const absl::Time end = BinStart(first_ + 8000);
  EXPECT_EQ(upgraded->StatusAt(end).reason, kept.StatusAt(end).reason);
  for (int lead = 1; lead < 600; lead += 7) {
    EXPECT_NEAR(upgraded->At(end + lead * BinLength(), end).p50,
                kept.At(end + lead * BinLength(), end).p50, 0.03);
  }
}

// Version 3 lacked the drift alone, which three weeks of samples do not have yet either.
TEST_F(ForecasterStateTest, AnUpgradeFromVersionThreeIsExactWhereNothingDrifts) {
  Forecaster kept(zone_, {});
  Run(kept, first_, first_ + 3 * kSlotsPerWeek - 1);
  ForecasterState old = kept.Save();
  old.version = 3;
  old.profile.resize(old.profile.size() - kSlotsPerDay);
  const absl::StatusOr<Forecaster> upgraded = Forecaster::Restore(zone_, {}, old);
  ASSERT_TRUE(upgraded.ok()) << upgraded.status();
  const absl::Time end = BinStart(first_ + 3 * kSlotsPerWeek - 1);
  for (int lead = 1; lead < 600; lead += 7) {
    EXPECT_EQ(upgraded->At(end + lead * BinLength(), end), kept.At(end + lead * BinLength(), end));
  }
}

TEST_F(ForecasterStateTest, WhatWasLearnedOfSpecialDaysStays) {
  const SpecialKind kind{.name = "sale", .dates = {SlotAt(zone_, first_ + 3000).date}};
  const ForecasterOptions options{.special_days = {kind}};
  Forecaster kept(zone_, options);
  Run(kept, first_, first_ + 4000);
  absl::StatusOr<Forecaster> restored = Forecaster::Restore(zone_, options, kept.Save());
  ASSERT_TRUE(restored.ok()) << restored.status();
  SpecialKind next = kind;
  next.dates.push_back(SlotAt(zone_, first_ + 4300).date);
  kept.SetSpecialDays({next});
  restored->SetSpecialDays({next});
  const absl::Time now = BinStart(first_ + 4000);
  for (int lead = 0; lead < 600; ++lead) {
    EXPECT_EQ(kept.At(now + lead * BinLength(), now), restored->At(now + lead * BinLength(), now));
  }
}

TEST_F(ForecasterStateTest, StaysUnderTwoHundredKilobytes) {
  Forecaster forecaster(zone_, {});
  const size_t empty = Bytes(forecaster.Save());
  Run(forecaster, first_, first_ + 4000);
  EXPECT_EQ(Bytes(forecaster.Save()), empty) << "the size must not grow with the samples";
  EXPECT_LT(empty, 200'000u);
}

TEST_F(ForecasterStateTest, RefusesAStateThatIsNotItsOwn) {
  Forecaster forecaster(zone_, {});
  Run(forecaster, first_, first_ + 500);
  const ForecasterState good = forecaster.Save();
  const auto code = [&](const ForecasterState& state) {
    return Forecaster::Restore(zone_, {}, state).status().code();
  };
  EXPECT_EQ(code(good), absl::StatusCode::kOk);

  std::vector<ForecasterState> bad(9, good);
  bad[0].version = ForecasterState::kVersion + 1;
  bad[1].integers.pop_back();
  bad[2].numbers.push_back(0);
  bad[3].profile.clear();
  bad[4].samples.resize(7);
  bad[5].open_forecasts.clear();
  bad[6].numbers[3] = std::numeric_limits<double>::quiet_NaN();
  bad[7].integers[0] = std::numeric_limits<int64_t>::max();
  bad[8].integers[0] = bad[8].integers[1] + 1;
  for (size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(code(bad[i]), absl::StatusCode::kInvalidArgument) << i;
  }
  EXPECT_EQ(code(ForecasterState{}), absl::StatusCode::kInvalidArgument);
}

// They are finite, and would overflow later.
TEST_F(ForecasterStateTest, RefusesAbsurdValuesByTheirNames) {
  Forecaster forecaster(zone_, {});
  Run(forecaster, first_, first_ + 500);
  const ForecasterState good = forecaster.Save();
  const auto told = [&](const ForecasterState& state) {
    return std::string(Forecaster::Restore(zone_, {}, state).status().message());
  };
  constexpr char kRemedy[] = ": restore another copy or start from imported history";
  ForecasterState bad = good;
  bad.numbers[17] = 1e300;
  EXPECT_EQ(
      told(bad),
      absl::StrCat("curve state has 1e+300 in numbers[17], it may be -1e+09 to 1e+09", kRemedy));
  bad = good;
  const size_t last_count = bad.numbers.size() - 1;
  bad.numbers[last_count] = -1;
  EXPECT_EQ(told(bad), absl::StrCat("curve state has -1 in numbers[", last_count,
                                    "], it may be 0 to 1e+09", kRemedy));
  bad = good;
  bad.profile[Profile::kCells + 5] = -2;  // A trust of n / (n + 2).
  EXPECT_EQ(told(bad), absl::StrCat("curve state has -2 in profile[", Profile::kCells + 5,
                                    "], it may be 0 to 1e+09", kRemedy));
  bad = good;
  bad.samples[40] = 3e38f;
  EXPECT_EQ(
      told(bad),
      absl::StrCat("curve state has 3e+38 in samples[40], it may be -1e+09 to 1e+09", kRemedy));
  bad = good;
  bad.open_forecasts[0] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(
      told(bad),
      absl::StrCat("curve state has inf in open_forecasts[0], it may be -1e+09 to 1e+09", kRemedy));
  bad = good;
  bad.integers[2] = -7;
  EXPECT_EQ(told(bad),
            absl::StrCat("curve state has -7 in integers[2], it may be 0 to 1.09951e+12", kRemedy));
}

}  // namespace
}  // namespace heliotrope::curve
