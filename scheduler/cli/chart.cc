#include "scheduler/cli/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace heliotrope::cli {
namespace {

// "100% " before the drawing and the axis line.
constexpr int kLabelColumns = 6;
constexpr int kMinColumns = 24;
constexpr int kMaxColumns = 168;
// Further apart than this, two points are not joined: nothing was measured between them.
constexpr absl::Duration kMaxGap = absl::Minutes(95);

struct Glyph {
  std::string text = " ";
  Style style = Style::kPlain;
};

// One character in a terminal shows 2 by 4 braille dots; plain ASCII only itself.
struct Resolution {
  int across = 1;
  int down = 1;
};

// The mean of the points in [from, to), else between its neighbours, else nothing.
std::optional<ChartPoint> ValueAt(const std::vector<ChartPoint>& points, absl::Time from,
                                  absl::Time to) {
  const auto before = [](const ChartPoint& point, absl::Time time) { return point.time < time; };
  const auto first = std::lower_bound(points.begin(), points.end(), from, before);
  const auto last = std::lower_bound(points.begin(), points.end(), to, before);
  ChartPoint mean{.time = from};
  if (first != last) {
    for (auto it = first; it != last; ++it) {
      mean.low += it->low;
      mean.middle += it->middle;
      mean.high += it->high;
    }
    const auto count = static_cast<double>(last - first);
    mean.low /= count;
    mean.middle /= count;
    mean.high /= count;
    return mean;
  }
  if (first == points.begin() || first == points.end()) return std::nullopt;
  const ChartPoint& left = *(first - 1);
  const ChartPoint& right = *first;
  if (right.time - left.time > kMaxGap) return std::nullopt;
  const double share = absl::FDivDuration(from - left.time, right.time - left.time);
  mean.low = std::lerp(left.low, right.low, share);
  mean.middle = std::lerp(left.middle, right.middle, share);
  mean.high = std::lerp(left.high, right.high, share);
  return mean;
}

// The load at the top line: the next quarter above everything that is drawn.
double TopOf(const Chart& chart) {
  double top = 0.25;
  for (const auto* points : {&chart.measured, &chart.forecast}) {
    for (const ChartPoint& point : *points) {
      if (point.time >= chart.start && point.time < chart.end) top = std::max(top, point.high);
    }
  }
  return std::ceil(std::min(top, 10.0) * 4 - 1e-9) / 4;
}

// The drawing area: rows of glyphs, with lines made of dots.
class Canvas {
 public:
  Canvas(int columns, int rows, bool utf8)
      : columns_(columns),
        rows_(rows),
        utf8_(utf8),
        dots_(utf8 ? Resolution{2, 4} : Resolution{1, 1}),
        cells_(static_cast<size_t>(columns) * static_cast<size_t>(rows)) {}

  int dots_across() const { return columns_ * dots_.across; }
  int dots_down() const { return rows_ * dots_.down; }
  int columns() const { return columns_; }
  int rows() const { return rows_; }

  // Dots from `y_from` to `y_to` at `x`, counted from the top.
  void Line(int x, int y_from, int y_to, char ascii, Style style) {
    for (int y = std::min(y_from, y_to); y <= std::max(y_from, y_to); ++y) {
      Cell& cell = At(x / dots_.across, y / dots_.down);
      cell.braille |= BrailleBit(x % dots_.across, y % dots_.down);
      cell.glyph = {std::string(1, ascii), style};
    }
  }

  // A glyph where nothing is drawn yet; the line goes over the band.
  void Fill(int column, int row, const Glyph& glyph) {
    Cell& cell = At(column, row);
    if (cell.glyph.text == " ") cell.glyph = glyph;
  }

  Glyph Get(int column, int row) const {
    const Cell& cell = cells_[Index(column, row)];
    if (cell.braille == 0 || !utf8_) return cell.glyph;
    return {BrailleText(cell.braille), cell.glyph.style};
  }

 private:
  struct Cell {
    uint8_t braille = 0;
    Glyph glyph;
  };

  static uint8_t BrailleBit(int x, int y) {
    static constexpr std::array<std::array<uint8_t, 4>, 2> kBits = {
        {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}};
    return kBits[static_cast<size_t>(x)][static_cast<size_t>(y)];
  }

  // U+2800 and the bits, in UTF-8.
  static std::string BrailleText(uint8_t bits) {
    return {'\xe2', static_cast<char>(0xa0 | (bits >> 6)), static_cast<char>(0x80 | (bits & 0x3f))};
  }

  size_t Index(int column, int row) const {
    return static_cast<size_t>(row) * static_cast<size_t>(columns_) + static_cast<size_t>(column);
  }
  Cell& At(int column, int row) { return cells_[Index(column, row)]; }

  int columns_;
  int rows_;
  bool utf8_;
  Resolution dots_;
  std::vector<Cell> cells_;
};

class Plotter {
 public:
  Plotter(const Chart& chart, const Look& look)
      : chart_(chart),
        look_(look),
        top_(TopOf(chart)),
        canvas_(std::clamp((look.width > 0 ? look.width : 80) - kLabelColumns - 1, kMinColumns,
                           kMaxColumns),
                std::max(chart.height, 3), look.utf8) {}

  std::string Draw() {
    DrawLine(chart_.measured, '*', Style::kActive);
    DrawLine(chart_.forecast, 'o', Style::kWarn);
    DrawBand();
    DrawNow();
    std::string out;
    for (int row = 0; row < canvas_.rows(); ++row) absl::StrAppend(&out, RowText(row), "\n");
    absl::StrAppend(&out, AxisText());
    return out;
  }

 private:
  absl::Time TimeAt(int dot) const {
    return chart_.start +
           (chart_.end - chart_.start) *
               (static_cast<double>(dot) / static_cast<double>(canvas_.dots_across()));
  }

  int ColumnOf(absl::Time time) const {
    const double share = absl::FDivDuration(time - chart_.start, chart_.end - chart_.start);
    return static_cast<int>(std::floor(share * canvas_.columns()));
  }

  // The line of dots, from the top, for a load.
  int DotRow(double load) const {
    const double share = std::clamp(load / top_, 0.0, 1.0);
    return static_cast<int>(std::lround((1 - share) * (canvas_.dots_down() - 1)));
  }

  void DrawLine(const std::vector<ChartPoint>& points, char ascii, Style style) {
    std::optional<int> before;
    for (int x = 0; x < canvas_.dots_across(); ++x) {
      const auto point = ValueAt(points, TimeAt(x), TimeAt(x + 1));
      if (!point.has_value()) {
        before.reset();
        continue;
      }
      const int y = DotRow(point->middle);
      // Start next to the dot before, so that a steep line has no holes and no corners.
      int from = y;
      if (before.has_value() && *before != y) from = *before < y ? *before + 1 : *before - 1;
      canvas_.Line(x, from, y, ascii, style);
      before = y;
    }
  }

  void DrawBand() {
    const Glyph shade{look_.utf8 ? "░" : ":", Style::kFaint};
    const int per_column = canvas_.dots_across() / canvas_.columns();
    const int per_row = canvas_.dots_down() / canvas_.rows();
    for (int column = 0; column < canvas_.columns(); ++column) {
      const auto point =
          ValueAt(chart_.forecast, TimeAt(column * per_column), TimeAt((column + 1) * per_column));
      if (!point.has_value()) continue;
      for (int row = DotRow(point->high) / per_row; row <= DotRow(point->low) / per_row; ++row) {
        canvas_.Fill(column, row, shade);
      }
    }
  }

  void DrawNow() {
    const int column = ColumnOf(chart_.now);
    if (column < 0 || column >= canvas_.columns()) return;
    for (int row = 0; row < canvas_.rows(); ++row) {
      canvas_.Fill(column, row, {look_.utf8 ? "│" : "|", Style::kStrong});
    }
  }

  std::string RowText(int row) const {
    // A label at the top, at the bottom and half-way between.
    const int last = canvas_.rows() - 1;
    std::string label;
    if (row == 0 || row == last || row == last / 2) {
      label = absl::StrFormat("%.0f%%", 100 * top_ * (last - row) / last);
    }
    StyledLine line;
    line.Add(absl::StrCat(PadLeft(label, kLabelColumns - 1), " ",
                          look_.utf8 ? (label.empty() ? "│" : "┤") : "|"),
             Style::kPlain);
    for (int column = 0; column < canvas_.columns(); ++column) {
      const Glyph glyph = canvas_.Get(column, row);
      line.Add(glyph.text, glyph.text == " " ? Style::kPlain : glyph.style);
    }
    return line.Render(look_);
  }

  // Civil hours between two labels: as few as leave room for a label.
  int HoursPerTick() const {
    const double hours = absl::ToDoubleHours(chart_.end - chart_.start);
    for (const int step : {1, 2, 3, 6, 12, 24, 48}) {
      if (step * canvas_.columns() / hours >= 8) return step;
    }
    return 24 * 7;
  }

  std::string AxisText() const {
    const int step = HoursPerTick();
    std::string axis;
    std::string labels(static_cast<size_t>(canvas_.columns()) + 8, ' ');
    std::vector<bool> ticks(static_cast<size_t>(canvas_.columns()), false);
    const absl::CivilDay day(absl::ToCivilSecond(chart_.start, chart_.zone));
    const absl::CivilHour first(day);
    for (int n = 0; n < 2000; ++n) {
      const absl::CivilHour hour = first + int64_t{n} * step;
      const absl::Time time = absl::FromCivil(absl::CivilSecond(hour), chart_.zone);
      if (time >= chart_.end) break;
      const int column = ColumnOf(time);
      if (time < chart_.start || column < 0 || column >= canvas_.columns()) continue;
      // An hour that the clock skips has no place.
      if (absl::ToCivilHour(time, chart_.zone) != hour) continue;
      ticks[static_cast<size_t>(column)] = true;
      const std::string label =
          absl::FormatTime(step >= 24 || hour.hour() == 0 ? "%a %d" : "%H:%M", time, chart_.zone);
      labels.replace(static_cast<size_t>(column), label.size(), label);
    }
    for (const bool tick : ticks) absl::StrAppend(&axis, Dash(tick));
    labels.erase(labels.find_last_not_of(' ') + 1);
    return absl::StrCat(std::string(kLabelColumns, ' '), look_.utf8 ? "└" : "+", axis, "\n",
                        std::string(kLabelColumns + 1, ' '), labels, "\n");
  }

  absl::string_view Dash(bool tick) const {
    if (look_.utf8) return tick ? "┬" : "─";
    return tick ? "+" : "-";
  }

  const Chart& chart_;
  const Look& look_;
  const double top_;
  Canvas canvas_;
};

}  // namespace

std::string DrawChart(const Chart& chart, const Look& look) {
  if (chart.end <= chart.start) return "";
  return Plotter(chart, look).Draw();
}

}  // namespace heliotrope::cli
