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
                         .planned = local < 3 ? 0.5 : 0.0,
                         .price = day ? 84.0 : 21.0});
  }
  return row;
}

HeatMap Fleet() {
  return HeatMap{.start = absl::FromUnixSeconds(1772409600),
                 .horizon = absl::Hours(24),
                 .rows = {RowOf("hangzhou", "Asia/Shanghai"), RowOf("frankfurt-1", "Europe/Berlin"),
                          RowOf("silicon-valley", "America/Los_Angeles")},
                 .price_unit = "USD per MWh"};
}

TEST(HeatMapTest, ShadesWhereThereIsNoColour) {
  EXPECT_EQ("\n" + DrawHeatMap(Fleet(), {.utf8 = true, .width = 80}), R"(
hangzhou                      09    12    15    18    21    Tue   03    06
Mon 08:00       foreground  ████████████████████████
                batch                                       555555
                spare                               777777772222227777777777
                price       999999999999999999999999000000000000000000000000
frankfurt-1                     03    06    09    12    15    18    21    Tue
Mon 01:00       foreground                ████████████████████████
                batch       5555                                          55
                spare       22227777777777                        7777777722
                price       000000000000009999999999999999999999990000000000
silicon-valley                  18    21    Mon   03    06    09    12    15
Sun 16:00       foreground  ████████                        ████████████████
                batch                       555555
                spare               777777772222227777777777
                price       999999990000000000000000000000009999999999999999
a column is 30m; foreground 0% [ ░▒▓█] 100%; batch and spare in tenths of the cores, . is less
price: 0 is 21.0, 9 is 84.0 USD per MWh
)");
}

TEST(HeatMapTest, DrawsInAscii) {
  EXPECT_EQ("\n" + DrawHeatMap(Fleet(), {.width = 60}), R"(
hangzhou                        12    18    Tue   06
Mon 08:00       foreground  ############
                batch                       555
                spare                   777722277777
                price       999999999999000000000000
frankfurt-1                      06    12    18    Tue
Mon 01:00       foreground         ############
                batch       55                     5
                spare       2277777            77772
                price       000000099999999999900000
silicon-valley                18    Mon   06    12
Sun 16:00       foreground  ####            ########
                batch               555
                spare           777722277777
                price       999900000000000099999999
a column is 1h; foreground 0% [ .:%#] 100%; batch and spare in tenths of the cores, . is less
price: 0 is 21.0, 9 is 84.0 USD per MWh
)");
}

TEST(HeatMapTest, PaintsTheForegroundAndThePrice) {
  HeatMap map = Fleet();
  map.rows.resize(1);
  map.rows[0].cells.resize(2);
  map.horizon = absl::Hours(2);
  const std::string drawing = DrawHeatMap(map, {.color = true, .utf8 = true, .width = 60});
  EXPECT_NE(drawing.find("foreground  \x1b[97;48;5;124m"), std::string::npos) << drawing;
}

TEST(HeatMapTest, AnyPlannedBatchIsSeen) {
  HeatMap map = Fleet();
  map.rows.resize(1);
  map.horizon = absl::Hours(1);
  map.rows[0].cells[0].planned = 0.001;
  const std::string drawing = DrawHeatMap(map, {.width = 60});
  EXPECT_NE(drawing.find("batch       ............"), std::string::npos) << drawing;
}

TEST(HeatMapTest, BatchBeyondTheHeadroomLeavesNothingSpare) {
  HeatMap map = Fleet();
  map.rows.resize(1);
  map.rows[0].cells = {
      {.start = map.start, .length = absl::Hours(24), .headroom = 0.3, .planned = 0.4}};
  const std::string drawing = DrawHeatMap(map, {.width = 80});
  EXPECT_NE(drawing.find("  spare\n"), std::string::npos) << drawing;
}

// Half an hour off the whole ones, and a night that has no 02:00.
TEST(HeatMapTest, TheRulerIsTheLocalClocks) {
  HeatMap map = Fleet();
  map.rows.resize(2);
  map.rows[0].zone = Zone("Asia/Kolkata");
  map.start = absl::FromUnixSeconds(1774735200);  // 2026-03-28 22:00 UTC.
  map.horizon = absl::Hours(12);
  const std::string drawing = DrawHeatMap(map, {.width = 80});
  EXPECT_NE(drawing.find("hangzhou                   04      06      08  "), std::string::npos)
      << drawing;
  EXPECT_NE(drawing.find("Sun         04      06  "), std::string::npos) << drawing;
}

TEST(HeatMapTest, ABlockOfHoursFillsItsColumns) {
  HeatMap map = Fleet();
  map.rows.resize(1);
  map.rows[0].cells = {{.start = map.start, .length = absl::Hours(24), .planned = 0.9}};
  const std::string drawing = DrawHeatMap(map, {.width = 80});
  EXPECT_NE(drawing.find("batch       " + std::string(48, '9')), std::string::npos) << drawing;
}

TEST(HeatMapTest, AFleetOfNoneHasOnlyItsLegend) {
  const std::string drawing = DrawHeatMap(HeatMap{}, {});
  EXPECT_EQ(std::count(drawing.begin(), drawing.end(), '\n'), 1) << drawing;
}

}  // namespace
}  // namespace heliotrope::cli
