#include "scheduler/cli/plan_svg.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/cli/chart_svg.h"
#include "scheduler/cli/gnuplot.h"

namespace heliotrope::cli {
namespace {

// Pixels.
constexpr int kWidth = 1000;
constexpr int kHeader = 90;  // The title and the key.
constexpr int kFooter = 12;  // The marks of the last panel.
constexpr int kPanel = 165;  // Of which the drawing takes the part that its margins leave.
constexpr int kPanelTop = 30;
constexpr int kPanelBottom = 30;
// Marks of the price at most: more would stand in each other's way.
constexpr double kPriceMarks = 5;

constexpr char kLook[] =
    "set border 11 lc rgb '#666666'\n"
    "set grid xtics ytics lc rgb '#e4e4e4' lt 1\n"
    "set tics nomirror out\n"
    "set format y '%g %%'\n"
    "set yrange [0:100]\n"
    "set ytics 25\n"
    "set lmargin at screen 0.07\n"
    "set rmargin at screen 0.93\n";

// "start foreground batch-on-it spare-on-both price" twice for each block: its values are level.
std::string Block(size_t index, const HeatRow& row) {
  std::string block = absl::StrCat("$row", index, " << END\n");
  for (const HeatCell& cell : row.cells) {
    const double batch = cell.foreground + cell.planned;
    const std::string values =
        absl::StrFormat(" %.5g %.5g %.5g %.5g\n", 100 * cell.foreground, 100 * batch,
                        100 * (batch + cell.spare()), cell.price);
    absl::StrAppend(&block, absl::ToUnixSeconds(cell.start), values,
                    absl::ToUnixSeconds(cell.start + cell.length), values);
  }
  return block + "END\n";
}

// 1, 2 or 5 times a power of ten.
double MarkStep(double range) {
  const double least = range / kPriceMarks;
  const double power = std::pow(10, std::floor(std::log10(least)));
  for (const double factor : {1, 2, 5}) {
    if (factor * power >= least) return factor * power;
  }
  return 10 * power;
}

// From the top of the picture, as gnuplot counts: 0 at the bottom, 1 at the top.
std::string Screen(int pixels, int height) {
  return absl::StrFormat("%.5f", 1 - static_cast<double>(pixels) / height);
}

// A series without points is not drawn: gnuplot would warn of it.
std::string Plot(size_t index, const HeatRow& row, const std::string& price_unit) {
  if (row.cells.empty()) return "plot NaN notitle\n";
  const std::string data = absl::StrCat("$row", index, " using ");
  return absl::StrCat(
      "plot ", data, "1:2 with filledcurves y1=0 lc rgb '#c9ced4' title 'foreground (median)', ",
      data, "1:2:3 with filledcurves lc rgb '#1f6fb2' title 'batch, running and planned', ", data,
      "1:3:4 with filledcurves lc rgb '#cfe8d5' title 'spare', ",
      absl::StrFormat("%.5g", 100 * row.target),
      " with lines lw 1 dt 2 lc rgb '#666666' title 'target', ", data,
      "1:5 axes x1y2 with lines lw 2 lc rgb '#d9822b' title ",
      GnuplotText(absl::StrCat("price, ", price_unit, " (right)")), "\n");
}

std::string Panel(const HeatMap& map, size_t index, int height) {
  const HeatRow& row = map.rows[index];
  const int top = kHeader + static_cast<int>(index) * kPanel;
  return absl::StrCat("set tmargin at screen ", Screen(top + kPanelTop, height),
                      "\nset bmargin at screen ", Screen(top + kPanel - kPanelBottom, height),
                      "\nset label 1 ", GnuplotText(absl::StrCat(row.name, ", ", row.zone.name())),
                      " at graph 0,1.13 left noenhanced\nset xtics (",
                      LocalMarks(map.start, map.start + map.horizon, row.zone), ")\n",
                      Plot(index, row, map.price_unit), "unset key\n");
}

}  // namespace

std::string PlanScript(const HeatMap& map, absl::string_view title) {
  const int height =
      kHeader + kPanel * static_cast<int>(std::max<size_t>(map.rows.size(), 1)) + kFooter;
  const PriceRange prices = PricesOf(map);
  const double least = std::min(0.0, 1.1 * prices.least);
  const double most = std::max(1.1 * prices.most, least + 1);
  std::string script = absl::StrCat(
      "set terminal svg size ", kWidth, ",", height, " font 'Helvetica,13' background '#ffffff'\n",
      kLook, "set xrange [", absl::ToUnixSeconds(map.start), ":",
      absl::ToUnixSeconds(map.start + std::max(map.horizon, absl::Minutes(5))), "]\n",
      absl::StrFormat("set y2range [%.5g:%.5g]\nset y2tics %.5g\n", least, most,
                      MarkStep(most - least)));
  for (size_t i = 0; i < map.rows.size(); ++i) absl::StrAppend(&script, Block(i, map.rows[i]));
  absl::StrAppend(&script, "set multiplot\nset label 2 ", GnuplotText(title), " at screen 0.5,",
                  Screen(18, height), " center noenhanced font ',15'\nset key at screen 0.93,",
                  Screen(44, height), " right horizontal samplen 2\n");
  // Axes alone.
  if (map.rows.empty()) absl::StrAppend(&script, "plot NaN notitle\n");
  for (size_t i = 0; i < map.rows.size(); ++i) {
    absl::StrAppend(&script, Panel(map, i, height), i == 0 ? "unset label 2\n" : "");
  }
  return script + "unset multiplot\n";
}

}  // namespace heliotrope::cli
