// Golden drawings of load curves: a change here is a change of what people see.
#include "scheduler/cli/chart.h"

#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_split.h"
#include "scheduler/cli/look.h"

namespace heliotrope::cli {
namespace {

absl::TimeZone Berlin() {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Berlin", &zone));
  return zone;
}

// A triangle of a day: 10 % at local midnight, 70 % at noon.
double LoadAt(absl::Time time, absl::TimeZone zone) {
  const absl::CivilHour hour = absl::ToCivilHour(time, zone);
  const double hours = hour.hour() + absl::ToDoubleHours(time - absl::FromCivil(hour, zone));
  return 0.1 + 0.6 * (1 - std::abs(hours - 12) / 12);
}

// Measured until `now`, 2026-03-02 12:00 in Berlin, then a band of 10 points either way.
Chart TwoDays() {
  Chart chart;
  chart.zone = Berlin();
  chart.now = absl::FromCivil(absl::CivilHour(2026, 3, 2, 12), chart.zone);
  chart.start = chart.now - absl::Hours(24);
  chart.end = chart.now + absl::Hours(24);
  for (absl::Time t = chart.start; t < chart.now; t += absl::Minutes(5)) {
    const double load = LoadAt(t, chart.zone);
    chart.measured.push_back({t, load, load, load});
  }
  for (absl::Time t = chart.now; t < chart.end; t += absl::Minutes(15)) {
    const double load = LoadAt(t, chart.zone);
    chart.forecast.push_back({t, load - 0.1, load, load + 0.1});
  }
  return chart;
}

TEST(ChartTest, DrawsInAsciiWhereTheLocaleIsNotUtf8) {
  EXPECT_EQ("\n" + DrawChart(TwoDays(), {.width = 56}), R"(
 100% |                        |
      |                        |
      |                        ::                      :
      |*                      *oo::                  ::o
      | **                  ** ::oo::              ::oo:
  50% |   **              **   | ::oo::          ::oo::
      |     **          **     |   ::oo::      ::oo::
      |       **      **       |     ::oo::  ::oo::
      |         **  **         |       ::oo::oo::
      |           **           |         ::oo::
   0% |                        |           ::
      ++-----------+-----------+-----------+------------
       12:00       Mon 02      12:00       Tue 03
)");
}

TEST(ChartTest, DrawsInBrailleWhereItCan) {
  EXPECT_EQ("\n" + DrawChart(TwoDays(), {.utf8 = true, .width = 56}), R"(
 100% ┤                        │
      │                        │
      │                        ░░                      ░
      │⠢⡀                     ⡠⠒⢄░░                  ░⢀⠔
      │ ⠘⢄                  ⢀⠔⠁░░⠑⡄░░              ░░⡰⠁░
  50% ┤   ⠑⢄              ⢀⠔⠁  │ ░⠈⠢⡀░░          ░░⡠⠊░░
      │     ⠑⢄          ⢀⠔⠁    │   ░⠈⠢⡀░       ░░⡠⠊░░
      │       ⠑⢄      ⢀⠔⠁      │    ░░⠈⠢⡀░   ░░⡠⠊░░
      │         ⠑⢄   ⡔⠁        │      ░░⠘⢄░░░⢀⠔⠁░
      │          ⠈⠢⠤⠊          │        ░░⠑⢄⠔⠁░
   0% ┤                        │          ░░░░
      └┬───────────┬───────────┬───────────┬────────────
       12:00       Mon 02      12:00       Tue 03
)");
}

TEST(ChartTest, LeavesAHoleWhereNothingWasMeasured) {
  Chart chart = TwoDays();
  std::erase_if(chart.measured, [&](const ChartPoint& point) {
    return point.time > chart.start + absl::Hours(6) && point.time < chart.start + absl::Hours(12);
  });
  chart.height = 4;
  EXPECT_EQ("\n" + DrawChart(chart, {.width = 56}), R"(
 100% |                        |
  67% |****                ****ooooo::            ::oooo
      |    ***       ******    |  ::oooooo:::ooooooo::
   0% |            **          |        ::ooo::
      ++-----------+-----------+-----------+------------
       12:00       Mon 02      12:00       Tue 03
)");
}

TEST(ChartTest, NoLineIsWiderThanTheTerminal) {
  for (const int width : {20, 40, 80, 133, 250}) {
    for (const bool utf8 : {false, true}) {
      const std::string drawing = DrawChart(TwoDays(), {.utf8 = utf8, .width = width});
      for (const absl::string_view line : absl::StrSplit(drawing, '\n')) {
        EXPECT_LE(Columns(line), std::max(width, 40)) << width << ": " << line;
      }
    }
  }
}

TEST(ChartTest, AnHourThatTheClockSkipsIsNotDrawnTwice) {
  Chart chart = TwoDays();
  // The night to 2026-03-29 has no 02:00 in Berlin: the labels stay at their own local hours.
  chart.now = absl::FromCivil(absl::CivilHour(2026, 3, 29, 0), chart.zone);
  chart.start = chart.now - absl::Hours(6);
  chart.end = chart.now + absl::Hours(6);
  chart.measured.clear();
  chart.forecast.clear();
  const std::vector<std::string> lines = absl::StrSplit(DrawChart(chart, {.width = 80}), '\n');
  EXPECT_EQ(lines[lines.size() - 2],
            "       18:00       20:00       22:00       Sun 29            04:00       06:00");
}

TEST(ChartTest, NothingKnownStillHasItsAxes) {
  Chart chart = TwoDays();
  chart.measured.clear();
  chart.forecast.clear();
  chart.height = 3;
  EXPECT_EQ("\n" + DrawChart(chart, {.width = 40}), R"(
  25% |                |
  12% |                |
   0% |                |
      ++-------+-------+-------+--------
       12:00   Mon 02  12:00   Tue 03
)");
}

TEST(ChartTest, AnEmptyRangeIsNothing) { EXPECT_EQ(DrawChart(Chart{}, {}), ""); }

}  // namespace
}  // namespace heliotrope::cli
