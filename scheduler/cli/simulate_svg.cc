#include "scheduler/cli/simulate_svg.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "scheduler/cli/gnuplot.h"

namespace heliotrope::cli {
namespace {

using Cores = std::vector<std::vector<double>>;

constexpr char kLook[] =
    "set terminal svg size 1000,820 font 'Helvetica,13' background '#ffffff'\n"
    "set multiplot\n"
    "set border 3 lc rgb '#666666'\n"
    "set tics nomirror out\n";
constexpr const char* kColors[] = {"#1f6fb2", "#2a9d5c", "#d9822b",
                                   "#8a5fb5", "#c2455e", "#7f7f7f"};
// Points of a price curve.
constexpr size_t kSteps = 200;
constexpr size_t kBinsPerHour = 12;

// Which share of the batch core-hours paid at most a price: "price share" lines.
std::string PriceCurve(const sim::World& world, const Cores& cores) {
  std::vector<std::pair<double, double>> paid;
  double total = 0;
  for (size_t place = 0; place < cores.size(); ++place) {
    for (size_t bin = 0; bin < cores[place].size(); ++bin) {
      if (cores[place][bin] <= 0) continue;
      paid.emplace_back(world.data_centers[place].price[bin / kBinsPerHour], cores[place][bin]);
      total += cores[place][bin];
    }
  }
  std::sort(paid.begin(), paid.end());
  std::string lines;
  double sum = 0;
  size_t step = 0;
  for (const auto& [price, share] : paid) {
    sum += share;
    if (sum * kSteps < static_cast<double>(step) * total) continue;
    ++step;
    absl::StrAppendFormat(&lines, "%.6g %.5g\n", price, 100 * sum / total);
  }
  return lines;
}

// Foreground and batch in per cent of the target, by hour: a matrix, one row a data center.
std::string FillMatrix(const sim::World& world, const Cores& cores) {
  std::string matrix;
  for (size_t place = world.data_centers.size(); place-- > 0;) {
    const sim::DataCenter& one = world.data_centers[place];
    for (size_t bin = 0; bin + kBinsPerHour <= cores[place].size(); bin += kBinsPerHour) {
      double fill = 0;
      for (size_t i = bin; i < bin + kBinsPerHour; ++i) {
        fill += one.load[i] + cores[place][i] / static_cast<double>(one.cores());
      }
      absl::StrAppendFormat(&matrix, "%.4g ", 100 * fill / kBinsPerHour / world.target_utilization);
    }
    matrix += "\n";
  }
  return matrix;
}

std::string HeatMap(const sim::World& world, const SimulationRun& run, const Cores& cores) {
  std::string names;
  const size_t places = world.data_centers.size();
  for (size_t row = 0; row < places; ++row) {
    absl::StrAppend(&names, row == 0 ? "" : ", ",
                    GnuplotText(world.data_centers[places - 1 - row].id.value()), " ", row);
  }
  return absl::StrCat(
      "set origin 0,0\nset size 1,0.5\nunset key\nunset grid\nset title ",
      GnuplotText(absl::StrCat(run.name, ": foreground and batch, % of the target")),
      " noenhanced\nset xlabel 'day'\nunset ylabel\nset format y '%s'\nset ytics (", names,
      ")\nset xtics auto\nset autoscale x\n", "set xrange [0:", world.horizon / sim::kDay,
      "]\nset yrange [-0.5:", static_cast<double>(places) - 0.5,
      "]\nset cbrange [0:120]\nset palette defined (0 '#f7fbff', 60 '#9ecae1', 95 '#2171b5', ",
      "100 '#08306b', 103 '#d7301f', 120 '#7f0000')\n$fill << END\n", FillMatrix(world, cores),
      "END\nplot $fill matrix using (($1+0.5)/24):2:3 with image\n");
}

}  // namespace

std::string SimulationScript(const sim::World& world, const std::vector<SimulationRun>& runs) {
  std::string script = kLook;
  std::vector<std::string> plots;
  std::string map;
  for (size_t i = 0; i < runs.size(); ++i) {
    const Cores cores = sim::CoresByBin(world, runs[i].journal);
    absl::StrAppend(&script, "$paid", i, " << END\n", PriceCurve(world, cores), "END\n");
    plots.push_back(absl::StrCat(
        "$paid", i, " using 1:2 with lines lw 2 lc rgb '", kColors[i % std::size(kColors)],
        "' title ",
        GnuplotText(absl::StrFormat("%s, mean %.1f", runs[i].name, runs[i].score.mean_price)),
        " noenhanced"));
    if (i == 0) map = HeatMap(world, runs[i], cores);
  }
  absl::StrAppend(&script,
                  "set origin 0,0.5\nset size 1,0.5\nset grid lc rgb '#e4e4e4' lt 1\n"
                  "set key bottom right\nset yrange [0:100]\nset format y '%g %%'\n"
                  "set xlabel 'USD per MWh'\nset title 'share of batch core-hours that paid at "
                  "most this price'\nplot ",
                  absl::StrJoin(plots, ", "), "\n", map, "unset multiplot\n");
  return script;
}

}  // namespace heliotrope::cli
