#include "agent/probe/replay_probe.h"

#include <cmath>

#include "gtest/gtest.h"

namespace heliotrope::agent::probe {
namespace {

// Has daylight saving time.
absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone)) << "tzdata is needed";
  return zone;
}

absl::Time Local(const absl::TimeZone& zone, const std::string& text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, zone, &time, &error)) << error;
  return time;
}

// `weeks` weeks of hours from Monday 2026-02-02 00:00 local: the value is the local hour of the
// day, plus 100 for each week before.
std::vector<os::Sample> Hours(const absl::TimeZone& zone, int weeks) {
  std::vector<os::Sample> series;
  const absl::Time begin = Local(zone, "2026-02-02 00:00");
  for (int hour = 0; hour <= weeks * 7 * 24; ++hour) {
    const absl::Time time = begin + absl::Hours(hour);
    series.push_back({.time = time,
                      .value = static_cast<double>(absl::ToCivilHour(time, zone).hour() +
                                                   100 * (hour / (7 * 24)))});
  }
  return series;
}

ReplayProbe::Options AnOptions(std::vector<os::Sample> series, absl::TimeZone zone) {
  ReplayProbe::Options options;
  options.series = std::move(series);
  options.peak = 1000;
  options.time_zone = zone;
  options.capacity = MilliCores::FromMilli(1'000'000);
  options.memory = Bytes::FromGiB(8);
  return options;
}

std::unique_ptr<ReplayProbe> Make(ReplayProbe::Options options) {
  auto probe = ReplayProbe::Create(std::move(options));
  EXPECT_TRUE(probe.ok()) << probe.status();
  return *std::move(probe);
}

TEST(ReplayProbeTest, InterpolatesBetweenPoints) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const auto probe = Make(AnOptions(Hours(utc, 1), utc));
  EXPECT_DOUBLE_EQ(probe->LoadAt(Local(utc, "2026-02-03 09:00")), 0.009);
  EXPECT_DOUBLE_EQ(probe->LoadAt(Local(utc, "2026-02-03 09:30")), 0.0095);
  EXPECT_NEAR(probe->LoadAt(Local(utc, "2026-02-03 09:15")), 0.00925, 1e-12);
  const auto sample = probe->Measure(Local(utc, "2026-02-03 10:00"), {});
  ASSERT_TRUE(sample.ok());
  EXPECT_EQ(sample->foreground, MilliCores::FromMilli(10'000));
  EXPECT_EQ(sample->capacity, MilliCores::FromMilli(1'000'000));
  EXPECT_EQ(sample->time, Local(utc, "2026-02-03 10:00"));
  EXPECT_EQ(sample->memory_available, Bytes::FromGiB(8));
}

TEST(ReplayProbeTest, RepeatsAllItsWeeksInTurn) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const auto probe = Make(AnOptions(Hours(utc, 2), utc));
  const struct {
    const char* name;
    const char* time;
    double want;
  } cases[] = {
      {"its first week", "2026-02-04 09:00", 0.009},
      {"its second week", "2026-02-11 09:00", 0.109},
      {"after the end: the first again", "2026-02-18 09:00", 0.009},
      {"then the second", "2026-02-25 09:00", 0.109},
      {"a year later", "2027-02-03 09:00", 0.009},
      {"before the beginning: the second", "2026-01-28 09:00", 0.109},
      {"long before", "2025-01-22 09:00", 0.009},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_NEAR(probe->LoadAt(Local(utc, c.time)), c.want, 1e-12);
  }
}

// The series ends before the clocks change on 29 March and 25 October 2026.
TEST(ReplayProbeTest, TheMorningStaysInTheMorning) {
  const absl::TimeZone zone = Berlin();
  const auto probe = Make(AnOptions(Hours(zone, 1), zone));
  for (const char* day : {"2026-02-10", "2026-03-27", "2026-03-30", "2026-07-15", "2026-10-24",
                          "2026-10-26", "2026-12-31", "2026-01-12", "2025-07-15"}) {
    for (int hour = 3; hour < 23; ++hour) {
      const absl::Time time = Local(zone, std::string(day) + " 00:30") + absl::Hours(hour);
      const int local = absl::ToCivilHour(time, zone).hour();
      EXPECT_NEAR(probe->LoadAt(time), (local + 0.5) / 1000, 1e-12) << day << " " << local;
    }
  }
}

// Every moment around both changes and the joints gives a load that the series has.
TEST(ReplayProbeTest, NoMomentFallsOut) {
  const absl::TimeZone zone = Berlin();
  const auto probe = Make(AnOptions(Hours(zone, 1), zone));
  const absl::Time begin = Local(zone, "2025-09-01 00:00");
  for (int step = 0; step < 2 * 365 * 24 * 4; ++step) {
    const absl::Time time = begin + absl::Minutes(15) * step;
    const double load = probe->LoadAt(time);
    ASSERT_GE(load, 0);
    ASSERT_LE(load, 0.1) << absl::FormatTime(time, zone);
  }
}

TEST(ReplayProbeTest, Scales) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::Time at_midnight = Local(utc, "2026-02-03 00:00");
  const absl::Time at_23 = Local(utc, "2026-02-03 23:00");
  ReplayProbe::Options options = AnOptions(Hours(utc, 1), utc);
  options.series.pop_back();  // Its value is of the week after, 100.
  options.series.push_back({.time = Local(utc, "2026-02-09 00:00"), .value = 0});
  options.peak.reset();
  EXPECT_DOUBLE_EQ(Make(options)->LoadAt(at_23), 1.0) << "the largest is all";
  options.low = 0.2;
  options.high = 0.8;
  EXPECT_DOUBLE_EQ(Make(options)->LoadAt(at_midnight), 0.2);
  EXPECT_DOUBLE_EQ(Make(options)->LoadAt(at_23), 0.8);
  options.low.reset();
  options.high.reset();
  options.peak = 11.5;
  EXPECT_DOUBLE_EQ(Make(options)->LoadAt(at_23), 1.0) << "never more than all";
}

TEST(ReplayProbeTest, AFlatSeriesIsAllowed) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  ReplayProbe::Options options = AnOptions(Hours(utc, 1), utc);
  for (os::Sample& sample : options.series) sample.value = 0;
  options.peak.reset();
  EXPECT_EQ(Make(options)->LoadAt(Local(utc, "2026-02-03 09:00")), 0);
  options.low = 0.3;
  options.high = 0.6;
  EXPECT_DOUBLE_EQ(Make(options)->LoadAt(Local(utc, "2026-02-03 09:00")), 0.3);
}

TEST(ReplayProbeTest, RefusesWhatMakesNoSense) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const struct {
    const char* name;
    void (*change)(ReplayProbe::Options&);
  } cases[] = {
      {"nothing", [](ReplayProbe::Options& o) { o.series.clear(); }},
      {"less than a week", [](ReplayProbe::Options& o) { o.series.resize(100); }},
      {"times that go back", [](ReplayProbe::Options& o) { std::swap(o.series[3], o.series[4]); }},
      {"negative load", [](ReplayProbe::Options& o) { o.series[3].value = -1; }},
      {"no number", [](ReplayProbe::Options& o) { o.series[3].value = std::nan(""); }},
      {"peak of zero", [](ReplayProbe::Options& o) { o.peak = 0; }},
      {"low alone", [](ReplayProbe::Options& o) { o.peak.reset(), o.low = 0.1; }},
      {"peak and stretch", [](ReplayProbe::Options& o) { o.low = 0.1, o.high = 0.2; }},
      {"low above high",
       [](ReplayProbe::Options& o) { o.peak.reset(), o.low = 0.5, o.high = 0.2; }},
      {"above all", [](ReplayProbe::Options& o) { o.peak.reset(), o.low = 0.5, o.high = 1.2; }},
      {"no capacity", [](ReplayProbe::Options& o) { o.capacity = MilliCores::Zero(); }},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ReplayProbe::Options options = AnOptions(Hours(utc, 1), utc);
    c.change(options);
    EXPECT_TRUE(absl::IsInvalidArgument(ReplayProbe::Create(options).status()));
  }
}

}  // namespace
}  // namespace heliotrope::agent::probe
