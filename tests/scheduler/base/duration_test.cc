#include "scheduler/base/duration.h"

#include <string>

#include "gtest/gtest.h"

namespace heliotrope {
namespace {

TEST(DurationTest, ReadsWhatPeopleWrite) {
  struct Case {
    const char* text;
    absl::Duration want;
  };
  const Case cases[] = {{"90s", absl::Seconds(90)},         {"5m", absl::Minutes(5)},
                        {"1h30m", absl::Minutes(90)},       {"2d", absl::Hours(48)},
                        {"1w", absl::Hours(168)},           {"1.5h", absl::Minutes(90)},
                        {"250ms", absl::Milliseconds(250)}, {"3us", absl::Microseconds(3)},
                        {"4ns", absl::Nanoseconds(4)},      {"0", absl::ZeroDuration()},
                        {"0s", absl::ZeroDuration()},       {"-5m", -absl::Minutes(5)}};
  for (const Case& c : cases) {
    const auto got = ParseDuration(c.text);
    ASSERT_TRUE(got.ok()) << c.text;
    EXPECT_EQ(*got, c.want) << c.text;
  }
}

TEST(DurationTest, RefusesWhatHasNoClearMeaning) {
  for (const char* text : {"", "5", "m", "-", "5 m", "5m ", "5x", "1h-5m", "1..5h", "5M", "inf",
                           "1e3s", "--5m", "0x5m", "99999999999999999999999s", "."}) {
    EXPECT_EQ(ParseDuration(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(std::string(ParseDuration("5").status().message()),
            "\"5\" is not a duration: write it like 90s, 5m, 1h30m or 2d");
}

TEST(DurationTest, ShortTextShowsTheTwoLargestUnits) {
  struct Case {
    absl::Duration duration;
    const char* want;
  };
  const Case cases[] = {{absl::ZeroDuration(), "0s"},
                        {absl::Milliseconds(250), "250ms"},
                        {absl::Milliseconds(1500), "1.5s"},
                        {absl::Seconds(45), "45s"},
                        {absl::Minutes(5), "5m"},
                        {absl::Minutes(90), "1h30m"},
                        {absl::Hours(51) + absl::Seconds(7), "2d3h"},
                        {absl::Hours(1) + absl::Seconds(7), "1h"},
                        {absl::Hours(24 * 14), "14d"},
                        {-absl::Minutes(5), "-5m"},
                        {absl::InfiniteDuration(), "inf"},
                        {-absl::InfiniteDuration(), "-inf"}};
  for (const Case& c : cases) EXPECT_EQ(ShortDuration(c.duration), c.want) << c.want;
}

TEST(SizeTest, ReadsWhatPeopleWrite) {
  struct Case {
    const char* text;
    int64_t want;
  };
  const Case cases[] = {{"0", 0},
                        {"512", 512},
                        {"9007199254740993", 9007199254740993},
                        {"512M", int64_t{512} << 20},
                        {"4GiB", int64_t{4} << 30},
                        {"4 GiB", int64_t{4} << 30},
                        {"1.5g", int64_t{3} << 29},
                        {"10kb", 10'000},
                        {"2TB", 2'000'000'000'000},
                        {"8Ti", int64_t{8} << 40}};
  for (const Case& c : cases) {
    const auto got = ParseSize(c.text);
    ASSERT_TRUE(got.ok()) << c.text;
    EXPECT_EQ(got->value(), c.want) << c.text;
  }
  for (const char* text : {"", "-1", "4X", "GiB", "4GiBs", "1e9", "99999999T", "4 Gi B", "nan"}) {
    EXPECT_FALSE(ParseSize(text).ok()) << text;
  }
}

TEST(TimeTest, ReadsRfc3339WithItsZone) {
  const auto utc = ParseTime("2026-01-31T08:00:00Z");
  ASSERT_TRUE(utc.ok());
  EXPECT_EQ(absl::ToUnixSeconds(*utc), 1769846400);
  EXPECT_EQ(*ParseTime("2026-01-31T16:00:00+08:00"), *utc);
  EXPECT_EQ(*ParseTime("2026-01-31T08:00:00.5Z"), *utc + absl::Milliseconds(500));
  for (const char* text :
       {"", "2026-01-31", "2026-01-31T08:00:00", "2026-02-30T08:00:00Z", "infinite-future",
        "infinite-past", "yesterday", "2026-01-31T08:00:00Z and more"}) {
    EXPECT_FALSE(ParseTime(text).ok()) << text;
  }
}

TEST(TimeTest, PrintsAsItReads) {
  for (const char* text : {"2026-01-31T08:00:00Z", "2026-01-31T08:00:00.25Z"}) {
    EXPECT_EQ(Rfc3339(*ParseTime(text)), text);
  }
}

}  // namespace
}  // namespace heliotrope
