#include "scheduler/cli/chart_svg.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "scheduler/cli/gnuplot.h"

namespace heliotrope::cli {
namespace {

constexpr char kLook[] =
    "set terminal svg size 1000,420 font 'Helvetica,13' background '#ffffff'\n"
    "set border 3 lc rgb '#666666'\n"
    "set grid xtics ytics lc rgb '#e4e4e4' lt 1\n"
    "set tics nomirror out\n"
    "set key above right horizontal samplen 2\n"
    "set format y '%g %%'\n";
// A series without points is not named: gnuplot would warn of it.
constexpr char kPlotForecast[] =
    "$forecast using 1:2:4 with filledcurves lc rgb '#cfe3f5' title 'p10 to p90', "
    "$forecast using 1:5 with lines lw 1 dt 2 lc rgb '#d9822b' title 'p97', "
    "$forecast using 1:3 with lines lw 2 lc rgb '#1f6fb2' title 'forecast (median)'";
constexpr char kPlotMeasured[] =
    "$measured using 1:2 with lines lw 2 lc rgb '#333333' title 'measured'";

// Further apart than this, two points are not joined: nothing was measured between them.
constexpr absl::Duration kMaxGap = absl::Minutes(95);

std::string Plot(const Chart& chart) {
  std::vector<std::string> series;
  if (!chart.forecast.empty()) series.push_back(kPlotForecast);
  if (!chart.measured.empty()) series.push_back(kPlotMeasured);
  // A function without values: the axes alone.
  if (series.empty()) series.push_back("NaN notitle");
  return absl::StrCat("plot ", absl::StrJoin(series, ", "), "\n");
}

std::string Block(absl::string_view name, const std::vector<ChartPoint>& points) {
  std::string block = absl::StrCat("$", name, " << END\n");
  absl::Time last = absl::InfiniteFuture();
  for (const ChartPoint& point : points) {
    if (point.time - last > kMaxGap) block += "\n";
    last = point.time;
    absl::StrAppendFormat(&block, "%d %.5g %.5g %.5g %.5g\n", absl::ToUnixSeconds(point.time),
                          100 * point.low, 100 * point.middle, 100 * point.high, 100 * point.p97);
  }
  return block + "END\n";
}

}  // namespace

std::string LocalMarks(absl::Time start, absl::Time end, absl::TimeZone zone) {
  const double hours = absl::ToDoubleHours(end - start);
  const int step = hours <= 12 ? 1 : hours <= 30 ? 3 : hours <= 80 ? 6 : 24;
  std::string marks;
  const absl::CivilHour first(absl::CivilDay(absl::ToCivilSecond(start, zone)));
  for (int64_t n = 0; n < 2000; ++n) {
    const absl::CivilHour hour = first + n * step;
    const absl::Time time = absl::FromCivil(absl::CivilSecond(hour), zone);
    if (time > end) break;
    // An hour that the clock skips has no place.
    if (time < start || absl::ToCivilHour(time, zone) != hour) continue;
    const bool midnight = hour.hour() == 0;
    absl::StrAppend(&marks, marks.empty() ? "" : ", ",
                    GnuplotText(absl::FormatTime(midnight ? "%a %d %b" : "%H:%M", time, zone)), " ",
                    absl::ToUnixSeconds(time));
  }
  return marks;
}

std::string ChartScript(const Chart& chart, absl::string_view title) {
  double top = 0.1;
  for (const ChartPoint& point : chart.measured) top = std::max(top, point.middle);
  for (const ChartPoint& point : chart.forecast) top = std::max(top, point.p97);
  const int64_t now = absl::ToUnixSeconds(chart.now);
  return absl::StrCat(kLook, "set title ", GnuplotText(title), " noenhanced\n", "set xrange [",
                      absl::ToUnixSeconds(chart.start), ":", absl::ToUnixSeconds(chart.end), "]\n",
                      absl::StrFormat("set yrange [0:%.4g]\n", 105 * top), "set xtics (",
                      LocalMarks(chart.start, chart.end, chart.zone), ")\n", "set arrow from ", now,
                      ",graph 0 to ", now, ",graph 1 nohead lc rgb '#999999' dt 3\n",
                      Block("measured", chart.measured), Block("forecast", chart.forecast),
                      Plot(chart));
}

}  // namespace heliotrope::cli
