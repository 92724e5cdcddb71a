#include "scheduler/cli/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>

#include "absl/strings/str_cat.h"
#include "scheduler/base/duration.h"

namespace heliotrope::cli {
namespace {

constexpr int kMinColumns = 24;
constexpr int kMaxColumns = 144;
// Less headroom than this share of the capacity is none.
constexpr double kNoHeadroom = 0.01;

constexpr std::array<double, 4> kHeatSteps = {0.2, 0.4, 0.6, 0.8};
constexpr std::array<Style, 5> kHeatStyles = {Style::kHeat0, Style::kHeat1, Style::kHeat2,
                                              Style::kHeat3, Style::kHeat4};
constexpr std::array<const char*, 5> kShadesUtf8 = {" ", "░", "▒", "▓", "█"};
constexpr std::array<const char*, 5> kShadesAscii = {" ", ".", ":", "%", "#"};

size_t HeatLevel(double foreground) {
  return static_cast<size_t>(std::upper_bound(kHeatSteps.begin(), kHeatSteps.end(), foreground) -
                             kHeatSteps.begin());
}

// The mean of a row's blocks over [from, to), weighted by how much of each lies in it.
std::optional<HeatCell> MeanOver(const HeatRow& row, absl::Time from, absl::Time to) {
  HeatCell mean{.start = from, .length = to - from};
  double total = 0;
  for (const HeatCell& cell : row.cells) {
    const absl::Duration overlap =
        std::min(to, cell.start + cell.length) - std::max(from, cell.start);
    const double weight = absl::ToDoubleSeconds(overlap);
    if (weight <= 0) continue;
    mean.foreground += weight * cell.foreground;
    mean.headroom += weight * cell.headroom;
    mean.planned += weight * cell.planned;
    total += weight;
  }
  if (total <= 0) return std::nullopt;
  mean.foreground /= total;
  mean.headroom /= total;
  mean.planned /= total;
  return mean;
}

// Planned batch in tenths of the capacity: anything at all is at least 1.
char PlannedDigit(double planned) {
  return static_cast<char>('0' + std::clamp(static_cast<int>(std::lround(planned * 10)), 1, 9));
}

void AddCell(const HeatCell& cell, const Look& look, StyledLine& line) {
  const size_t level = HeatLevel(cell.foreground);
  std::string text = " ";
  if (cell.planned > 1e-6) {
    text = std::string(1, PlannedDigit(cell.planned));
  } else if (!look.color) {
    text = look.utf8 ? kShadesUtf8[level] : kShadesAscii[level];
  } else if (cell.headroom < kNoHeadroom) {
    text = look.utf8 ? "·" : ".";
  }
  line.Add(text, kHeatStyles[level]);
}

// How much time a column stands for: the finest step that fits.
absl::Duration ColumnLength(absl::Duration horizon, int columns) {
  for (const int minutes : {5, 10, 15, 20, 30, 40, 60, 90, 120, 180, 240, 360, 720}) {
    if (horizon <= absl::Minutes(minutes) * columns) return absl::Minutes(minutes);
  }
  return absl::Hours(24);
}

// Local hours above a row, every sixth of them; midnight with its day.
std::string Ruler(const HeatRow& row, absl::Time start, absl::Duration step, int columns) {
  std::string ruler(static_cast<size_t>(columns) + 8, ' ');
  size_t free_from = 0;
  for (int column = 0; column < columns; ++column) {
    const absl::Time from = start + step * column;
    const absl::CivilHour hour = absl::ToCivilHour(from + step - absl::Nanoseconds(1), row.zone);
    const absl::Time whole = absl::FromCivil(absl::CivilSecond(hour), row.zone);
    if (whole < from || hour.hour() % 6 != 0) continue;
    const auto at = static_cast<size_t>(column);
    if (at < free_from) continue;
    const std::string label = absl::FormatTime(hour.hour() == 0 ? "%a" : "%H", whole, row.zone);
    ruler.replace(at, label.size(), label);
    free_from = at + label.size() + 1;
  }
  ruler.erase(ruler.find_last_not_of(' ') + 1);
  return ruler;
}

std::string Legend(absl::Duration step, const Look& look) {
  std::string scale;
  for (size_t level = 0; level < kHeatStyles.size(); ++level) {
    const char* shade = " ";
    if (!look.color) shade = look.utf8 ? kShadesUtf8[level] : kShadesAscii[level];
    absl::StrAppend(&scale, Paint(shade, kHeatStyles[level], look));
  }
  return absl::StrCat("a column is ", ShortDuration(step), "; foreground 0% [", scale,
                      "] 100%; a digit is planned batch in tenths of the cores\n");
}

}  // namespace

std::string DrawHeatMap(const HeatMap& map, const Look& look) {
  int label_columns = 0;
  for (const HeatRow& row : map.rows) label_columns = std::max(label_columns, Columns(row.name));
  // The label, the local clock "Mon 23:10", and two gaps.
  const int before = label_columns + 2 + 9 + 2;
  const int room =
      std::clamp((look.width > 0 ? look.width : 100) - before, kMinColumns, kMaxColumns);
  const absl::Duration step = ColumnLength(map.horizon, room);
  const int columns = static_cast<int>(std::ceil(absl::FDivDuration(map.horizon, step) - 1e-9));

  std::string out;
  for (const HeatRow& row : map.rows) {
    const std::string ruler = Ruler(row, map.start, step, columns);
    absl::StrAppend(&out, std::string(static_cast<size_t>(before), ' '),
                    Paint(ruler, Style::kFaint, look), "\n");
    StyledLine line;
    line.Add(absl::StrCat(PadRight(row.name, label_columns), "  ",
                          absl::FormatTime("%a %H:%M", map.start, row.zone), "  "),
             Style::kPlain);
    for (int column = 0; column < columns; ++column) {
      const auto cell = MeanOver(row, map.start + step * column, map.start + step * (column + 1));
      if (cell.has_value()) {
        AddCell(*cell, look, line);
      } else {
        line.Add(" ", Style::kPlain);
      }
    }
    absl::StrAppend(&out, line.Render(look), "\n");
  }
  return absl::StrCat(out, Legend(step, look));
}

}  // namespace heliotrope::cli
