// The picture of the plan: the script, and that gnuplot takes it without a word.
#include "scheduler/cli/plan_svg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/cli/gnuplot.h"

namespace heliotrope::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;

HeatRow RowOf(const char* name, const char* zone, absl::Time start) {
  HeatRow row{.name = name, .target = 0.8};
  EXPECT_TRUE(absl::LoadTimeZone(zone, &row.zone));
  for (int hour = 0; hour < 48; ++hour) {
    row.cells.push_back({.start = start + absl::Hours(hour),
                         .length = absl::Hours(1),
                         .foreground = 0.25,
                         .headroom = 0.5,
                         .planned = hour < 12 ? 0.125 : 0.625,
                         .price = 30.0 + hour});
  }
  return row;
}

HeatMap TwoDays() {
  HeatMap map{.start = absl::FromUnixSeconds(1772409600),
              .horizon = absl::Hours(48),
              .price_unit = "USD per MWh"};
  map.rows = {RowOf("dubai", "Asia/Dubai", map.start),
              RowOf("virginia", "America/New_York", map.start)};
  return map;
}

TEST(PlanScriptTest, StacksForegroundBatchAndSpare) {
  const std::string script = PlanScript(TwoDays(), "plan");
  // Each block is level, from its start to its end.
  EXPECT_THAT(script, HasSubstr("$row0 << END\n1772409600 25 37.5 75 30\n1772413200 25 37.5 75 30\n"
                                "1772413200 25 37.5 75 31\n"));
  // Batch beyond the headroom: nothing is spare.
  EXPECT_THAT(script, HasSubstr("1772452800 25 87.5 87.5 42\n"));
  EXPECT_THAT(script, HasSubstr("set y2range [0:84.7]\nset y2tics 20\n"));
}

TEST(PlanScriptTest, EachPanelHasItsLocalDay) {
  const std::string script = PlanScript(TwoDays(), "plan");
  EXPECT_THAT(script,
              AllOf(HasSubstr("\"dubai, Asia/Dubai\" at"), HasSubstr("\"Tue 03 Mar\" 1772481600"),
                    HasSubstr("\"virginia, America/New_York\" at"),
                    HasSubstr("\"Tue 03 Mar\" 1772514000")));
}

TEST(PlanScriptTest, PricesMayBeNegative) {
  HeatMap map = TwoDays();
  map.rows[0].cells[0].price = -10;
  EXPECT_THAT(PlanScript(map, ""), HasSubstr("set y2range [-11:84.7]\nset y2tics 20\n"));
}

TEST(PlanScriptTest, GnuplotDrawsIt) {
  HeatMap map = TwoDays();
  map.rows.push_back({.name = "empty`id`", .zone = absl::UTCTimeZone()});
  for (const HeatMap& one : {map, HeatMap{}}) {
    testing::internal::CaptureStderr();
    const auto picture = RunGnuplot(PlanScript(one, "plan of a \"day\""));
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    ASSERT_TRUE(picture.ok()) << picture.status();
    EXPECT_THAT(*picture, AllOf(HasSubstr("<svg"), HasSubstr("plan of a"), HasSubstr("</svg>")));
  }
}

}  // namespace
}  // namespace heliotrope::cli
