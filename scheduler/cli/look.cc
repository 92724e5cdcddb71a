#include "scheduler/cli/look.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace heliotrope::cli {
namespace {

bool StartsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

absl::string_view Escape(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kStrong:
      return "\x1b[1m";
    case Style::kFaint:
      return "\x1b[2m";
    case Style::kGood:
      return "\x1b[32m";
    case Style::kBad:
      return "\x1b[31m";
    case Style::kWarn:
      return "\x1b[33m";
    case Style::kActive:
      return "\x1b[36m";
    case Style::kHeat0:
      return "\x1b[97;48;5;17m";
    case Style::kHeat1:
      return "\x1b[97;48;5;25m";
    case Style::kHeat2:
      return "\x1b[97;48;5;100m";
    case Style::kHeat3:
      return "\x1b[97;48;5;166m";
    case Style::kHeat4:
      return "\x1b[97;48;5;124m";
  }
  return "";
}

std::string Spaces(int columns) {
  return std::string(static_cast<size_t>(std::max(columns, 0)), ' ');
}

}  // namespace

std::string Paint(absl::string_view text, Style style, const Look& look) {
  if (!look.color || style == Style::kPlain || text.empty()) return std::string(text);
  return absl::StrCat(Escape(style), text, "\x1b[0m");
}

void StyledLine::Add(absl::string_view text, Style style) {
  if (runs_.empty() || runs_.back().style != style) runs_.push_back({.style = style});
  absl::StrAppend(&runs_.back().text, text);
}

std::string StyledLine::Render(const Look& look) const {
  std::string line;
  for (const Run& run : runs_) absl::StrAppend(&line, Paint(run.text, run.style, look));
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

int Columns(absl::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), StartsCodePoint));
}

std::string Printable(absl::string_view text) {
  std::string safe(text);
  for (size_t i = 0; i < safe.size(); ++i) {
    const auto byte = static_cast<unsigned char>(safe[i]);
    if (byte < 0x20 || byte == 0x7f) safe[i] = '?';
    // The second control block of Unicode (U+0080 to U+009F) steers terminals too.
    if (byte == 0xc2 && i + 1 < safe.size() && static_cast<unsigned char>(safe[i + 1]) < 0xa0) {
      safe[i] = '?';
      safe[i + 1] = '?';
    }
  }
  return safe;
}

std::string Clip(absl::string_view text, int columns) {
  if (Columns(text) <= columns) return std::string(text);
  const int kept = std::max(columns - 3, 0);
  size_t end = 0;
  for (int seen = 0; end < text.size(); ++end) {
    if (StartsCodePoint(text[end]) && ++seen > kept) break;
  }
  return absl::StrCat(
      text.substr(0, end),
      absl::string_view("...").substr(0, static_cast<size_t>(std::max(std::min(columns, 3), 0))));
}

std::string PadRight(absl::string_view text, int columns) {
  return absl::StrCat(text, Spaces(columns - Columns(text)));
}

std::string PadLeft(absl::string_view text, int columns) {
  return absl::StrCat(Spaces(columns - Columns(text)), text);
}

}  // namespace heliotrope::cli
