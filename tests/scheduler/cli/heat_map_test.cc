// Golden drawings of the fleet's next days.
#include "scheduler/cli/heat_map.h"

#include <gtest/gtest.h>

namespace heliotrope::cli {
namespace {

absl::TimeZone Zone(const char* name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone));
  return zone;
}

// A day from 2026-03-02 00:00 UTC: foreground 90 % from 8 to 20 local time, 10 % at night; batch
// takes half of the cores in the first three hours of each local night.
HeatRow RowOf(const char* name, const char* zone) {
  HeatRow row{.name = name, .zone = Zone(zone)};
  const absl::Time start = absl::FromUnixSeconds(1772409600);
  for (int hour = 0; hour < 24; ++hour) {
    const absl::Time at = start + absl::Hours(hour);
    const int local = absl::ToCivilHour(at, row.zone).hour();
    const bool day = local >= 8 && local < 20;
    row.cells.push_back({.start = at,
                         .length = absl::Hours(1),
                         .foreground = day ? 0.9 : 0.1,
                         .headroom = day ? 0.0 : 0.7,
                         .planned = local < 3 ? 0.5 : 0.0});
  }
  return row;
}

HeatMap Fleet() {
  return HeatMap{.start = absl::FromUnixSeconds(1772409600),
                 .horizon = absl::Hours(24),
                 .rows = {RowOf("hangzhou", "Asia/Shanghai"), RowOf("frankfurt-1", "Europe/Berlin"),
                          RowOf("silicon-valley", "America/Los_Angeles")}};
}

TEST(HeatMapTest, ShadesWhereThereIsNoColour) {
  EXPECT_EQ("\n" + DrawHeatMap(Fleet(), {.utf8 = true, .width = 80}), R"(
                                   12          18          Tue         06
hangzhou        Mon 08:00  ████████████████████████        555555
                                     06          12          18          Tue
frankfurt-1     Mon 01:00  5555          ████████████████████████        55
                               18          Mon         06          12
silicon-valley  Sun 16:00  ████████        555555          ████████████████
a column is 30m; foreground 0% [ ░▒▓█] 100%; a digit is planned batch in tenths of the cores
)");
}

TEST(HeatMapTest, DrawsInAscii) {
  EXPECT_EQ("\n" + DrawHeatMap(Fleet(), {.width = 60}), R"(
                               12    18    Tue   06
hangzhou        Mon 08:00  ############    555
                                06    12    18    Tue
frankfurt-1     Mon 01:00  55     ############    5
                             18    Mon   06    12
silicon-valley  Sun 16:00  ####    555     ########
a column is 1h; foreground 0% [ .:%#] 100%; a digit is planned batch in tenths of the cores
)");
}

TEST(HeatMapTest, PaintsTheForegroundAndMarksWhatHasNoHeadroom) {
  HeatMap map = Fleet();
  map.rows.resize(1);
  map.rows[0].cells.resize(2);
  map.horizon = absl::Hours(2);
  const std::string drawing = DrawHeatMap(map, {.color = true, .utf8 = true, .width = 60});
  EXPECT_NE(drawing.find("\x1b[97;48;5;124m····"), std::string::npos) << drawing;
}

TEST(HeatMapTest, AnyPlannedBatchIsSeen) {
  HeatMap map = Fleet();
  map.rows.resize(1);
  map.horizon = absl::Hours(1);
  map.rows[0].cells[0].planned = 0.001;
  const std::string drawing = DrawHeatMap(map, {.width = 60});
  EXPECT_NE(drawing.find("111111111111"), std::string::npos) << drawing;
}

TEST(HeatMapTest, ABlockOfHoursFillsItsColumns) {
  HeatMap map = Fleet();
  map.rows.resize(1);
  map.rows[0].cells = {{.start = map.start, .length = absl::Hours(24), .planned = 0.9}};
  const std::string drawing = DrawHeatMap(map, {.width = 80});
  EXPECT_NE(drawing.find(std::string(48, '9')), std::string::npos) << drawing;
}

TEST(HeatMapTest, AFleetOfNoneHasOnlyItsLegend) {
  const std::string drawing = DrawHeatMap(HeatMap{}, {});
  EXPECT_EQ(std::count(drawing.begin(), drawing.end(), '\n'), 1) << drawing;
}

}  // namespace
}  // namespace heliotrope::cli
