#include "scheduler/cli/table.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"

namespace heliotrope::cli {
namespace {

constexpr absl::string_view kGap = "  ";
// A last column narrower than this says nothing: then the line may wrap.
constexpr int kMinLastColumn = 12;

std::string Aligned(const std::string& text, Align align, int width) {
  return align == Align::kRight ? PadLeft(text, width) : PadRight(text, width);
}

void StripTrailingSpaces(std::string& line) { line.erase(line.find_last_not_of(' ') + 1); }

}  // namespace

void Table::Add(std::vector<Cell> row) {
  HT_CHECK_LE(row.size(), columns_.size());
  row.resize(columns_.size());
  for (Cell& cell : row) cell.text = Printable(cell.text);
  rows_.push_back(std::move(row));
}

std::string Table::Render(const Look& look) const {
  std::vector<int> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    int width = Columns(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, Columns(row[i].text));
    widths.push_back(width);
  }
  int before_last = 0;
  for (size_t i = 0; i + 1 < widths.size(); ++i) before_last += widths[i] + 2;
  if (look.width > 0 && !widths.empty()) {
    widths.back() = std::min(widths.back(), std::max(look.width - before_last, kMinLastColumn));
  }

  std::string out;
  const auto add_line = [&](const std::vector<Cell>& row) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      std::string text = last ? Clip(row[i].text, widths[i]) : row[i].text;
      text = Aligned(text, columns_[i].align, widths[i]);
      if (last) StripTrailingSpaces(text);
      absl::StrAppend(&line, i == 0 ? "" : kGap, Paint(text, row[i].style, look));
    }
    StripTrailingSpaces(line);
    absl::StrAppend(&out, line, "\n");
  };
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.push_back({column.title, Style::kStrong});
  add_line(titles);
  for (const auto& row : rows_) add_line(row);
  return out;
}

void Facts::Add(std::string name, std::string value, Style style) {
  if (!value.empty()) facts_.push_back({std::move(name), {Printable(value), style}});
}

std::string Facts::Render(const Look& look) const {
  int width = 0;
  for (const Fact& fact : facts_) width = std::max(width, Columns(fact.name));
  std::string out;
  for (const Fact& fact : facts_) {
    absl::StrAppend(&out, Paint(PadRight(fact.name, width), Style::kFaint, look), kGap,
                    Paint(fact.value.text, fact.value.style, look), "\n");
  }
  return out;
}

}  // namespace heliotrope::cli
