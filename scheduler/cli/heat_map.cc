#include "scheduler/cli/heat_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/duration.h"

namespace heliotrope::cli {
namespace {

constexpr int kMinColumns = 24;
constexpr int kMaxColumns = 144;
// "Mon 23:10", under the name.
constexpr int kClockColumns = 9;
constexpr int kTitleColumns = 10;
// From one mark of the ruler to the next.
constexpr int kColumnsPerMark = 5;
// Less than this share of the capacity is nothing; less than the second is a point, no digit.
constexpr double kNothing = 1e-6;
constexpr double kPoint = 0.05;

constexpr std::array<double, 4> kHeatSteps = {0.2, 0.4, 0.6, 0.8};
constexpr std::array<Style, 5> kHeatStyles = {Style::kHeat0, Style::kHeat1, Style::kHeat2,
                                              Style::kHeat3, Style::kHeat4};
constexpr std::array<const char*, 5> kShadesUtf8 = {" ", "░", "▒", "▓", "█"};
constexpr std::array<const char*, 5> kShadesAscii = {" ", ".", ":", "%", "#"};

size_t HeatLevel(double share) {
  return static_cast<size_t>(std::upper_bound(kHeatSteps.begin(), kHeatSteps.end(), share) -
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
    mean.price += weight * cell.price;
    total += weight;
  }
  if (total <= 0) return std::nullopt;
  mean.foreground /= total;
  mean.headroom /= total;
  mean.planned /= total;
  mean.price /= total;
  return mean;
}

char Digit(double tenths) {
  return static_cast<char>('0' + std::clamp(static_cast<int>(std::lround(tenths)), 0, 9));
}

// A share of the capacity in tenths.
std::string Tenths(double share) {
  if (share < kNothing) return " ";
  return share < kPoint ? "." : std::string(1, Digit(10 * share));
}

const char* Shade(size_t level, const Look& look) {
  if (look.color) return " ";
  return look.utf8 ? kShadesUtf8[level] : kShadesAscii[level];
}

// How much time a column stands for: the finest step that fits.
absl::Duration ColumnLength(absl::Duration horizon, int columns) {
  for (const int minutes : {5, 10, 15, 20, 30, 40, 60, 90, 120, 180, 240, 360, 720}) {
    if (horizon <= absl::Minutes(minutes) * columns) return absl::Minutes(minutes);
  }
  return absl::Hours(24);
}

// Local hours from one mark to the next: as few as leave room.
int HoursPerMark(absl::Duration step) {
  for (const int hours : {1, 2, 3, 6, 12}) {
    if (absl::Hours(hours) >= kColumnsPerMark * step) return hours;
  }
  return 24;
}

// Local hours above a row; midnight with its day.
std::string Ruler(const HeatRow& row, absl::Time start, absl::Duration step, int columns) {
  std::string ruler(static_cast<size_t>(columns) + 8, ' ');
  const int hours = HoursPerMark(step);
  size_t free_from = 0;
  for (int column = 0; column < columns; ++column) {
    const absl::Time from = start + step * column;
    const absl::CivilHour hour = absl::ToCivilHour(from + step - absl::Nanoseconds(1), row.zone);
    // The last hour of the column that has a mark.
    const absl::CivilHour marked = hour - hour.hour() % hours;
    const absl::Time whole = absl::FromCivil(absl::CivilSecond(marked), row.zone);
    // An hour that the clock skips has no mark.
    if (whole < from || absl::ToCivilHour(whole, row.zone) != marked) continue;
    const auto at = static_cast<size_t>(column);
    if (at < free_from) continue;
    const std::string label = absl::FormatTime(marked.hour() == 0 ? "%a" : "%H", whole, row.zone);
    ruler.replace(at, label.size(), label);
    free_from = at + label.size() + 1;
  }
  ruler.erase(ruler.find_last_not_of(' ') + 1);
  return ruler;
}

class Drawer {
 public:
  Drawer(const HeatMap& map, const Look& look) : map_(map), look_(look), prices_(PricesOf(map)) {
    for (const HeatRow& row : map.rows) label_ = std::max(label_, Columns(row.name));
    const int room =
        std::clamp((look.width > 0 ? look.width : 100) - before(), kMinColumns, kMaxColumns);
    step_ = ColumnLength(map.horizon, room);
    columns_ = static_cast<int>(std::ceil(absl::FDivDuration(map.horizon, step_) - 1e-9));
  }

  std::string Row(const HeatRow& row) const;
  std::string Legend() const;

 private:
  int before() const { return label_ + 2 + kTitleColumns + 2; }
  // How dear a price is among those of the map: 0 to 1.
  double Dearness(double price) const {
    const double range = prices_.most - prices_.least;
    return range > 0 ? (price - prices_.least) / range : 0;
  }
  template <class Add>
  std::string Line(const HeatRow& row, absl::string_view label, absl::string_view title,
                   Add add) const;

  const HeatMap& map_;
  const Look& look_;
  const PriceRange prices_;
  int label_ = kClockColumns;
  absl::Duration step_;
  int columns_ = 0;
};

template <class Add>
std::string Drawer::Line(const HeatRow& row, absl::string_view label, absl::string_view title,
                         Add add) const {
  StyledLine line;
  line.Add(absl::StrCat(PadRight(label, label_), "  ", PadRight(title, kTitleColumns), "  "),
           Style::kPlain);
  for (int column = 0; column < columns_; ++column) {
    const absl::Time from = map_.start + step_ * column;
    if (const auto cell = MeanOver(row, from, from + step_); cell.has_value()) {
      add(*cell, line);
    } else {
      line.Add(" ", Style::kPlain);
    }
  }
  return line.Render(look_) + "\n";
}

std::string Drawer::Row(const HeatRow& row) const {
  const std::string clock = absl::FormatTime("%a %H:%M", map_.start, row.zone);
  std::string text =
      absl::StrCat(Paint(PadRight(row.name, before()), Style::kStrong, look_),
                   Paint(Ruler(row, map_.start, step_, columns_), Style::kFaint, look_), "\n");
  text += Line(row, clock, "foreground", [this](const HeatCell& cell, StyledLine& line) {
    const size_t level = HeatLevel(cell.foreground);
    line.Add(Shade(level, look_), kHeatStyles[level]);
  });
  text += Line(row, "", "batch", [](const HeatCell& cell, StyledLine& line) {
    line.Add(Tenths(cell.planned), Style::kActive);
  });
  text += Line(row, "", "spare", [](const HeatCell& cell, StyledLine& line) {
    line.Add(Tenths(cell.spare()), Style::kGood);
  });
  text += Line(row, "", "price", [this](const HeatCell& cell, StyledLine& line) {
    const double dearness = Dearness(cell.price);
    line.Add(std::string(1, Digit(9 * dearness)), kHeatStyles[HeatLevel(dearness)]);
  });
  return text;
}

std::string Drawer::Legend() const {
  std::string scale;
  for (size_t level = 0; level < kHeatStyles.size(); ++level) {
    absl::StrAppend(&scale, Paint(Shade(level, look_), kHeatStyles[level], look_));
  }
  std::string text = absl::StrCat("a column is ", ShortDuration(step_), "; foreground 0% [", scale,
                                  "] 100%; batch and spare in tenths of the cores, . is less\n");
  if (!map_.rows.empty()) {
    absl::StrAppend(&text, absl::StrFormat("price: 0 is %.1f, 9 is %.1f %s\n", prices_.least,
                                           prices_.most, map_.price_unit));
  }
  return text;
}

}  // namespace

PriceRange PricesOf(const HeatMap& map) {
  std::optional<PriceRange> range;
  for (const HeatRow& row : map.rows) {
    for (const HeatCell& cell : row.cells) {
      if (!range) range = {cell.price, cell.price};
      range->least = std::min(range->least, cell.price);
      range->most = std::max(range->most, cell.price);
    }
  }
  return range.value_or(PriceRange{});
}

std::string DrawHeatMap(const HeatMap& map, const Look& look) {
  const Drawer drawer(map, look);
  std::string out;
  for (const HeatRow& row : map.rows) absl::StrAppend(&out, drawer.Row(row));
  return absl::StrCat(out, drawer.Legend());
}

}  // namespace heliotrope::cli
