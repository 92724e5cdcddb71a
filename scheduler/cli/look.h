// How text looks in a terminal: colour, width, and what the terminal can show. Pure: what the
// terminal is like comes in as a value.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace heliotrope::cli {

// What the place that we write to can show.
struct Look {
  // Whether escape sequences for colour may be written.
  bool color = false;
  // Whether characters beyond ASCII may be written.
  bool utf8 = false;
  // Columns of the terminal; 0 when it is none, so that nothing is cut.
  int width = 0;
};

enum class Style {
  kPlain,
  kStrong,
  kFaint,
  kGood,
  kBad,
  kWarn,
  kActive,
  // Backgrounds of a heat map, from night to noon.
  kHeat0,
  kHeat1,
  kHeat2,
  kHeat3,
  kHeat4,
};

// `text` in `style`; unchanged without colour.
std::string Paint(absl::string_view text, Style style, const Look& look);

// A line made of pieces in their styles; neighbours of one style share their escape sequences.
class StyledLine {
 public:
  void Add(absl::string_view text, Style style);
  // Without spaces at its end, unless they have a style that shows.
  std::string Render(const Look& look) const;

 private:
  struct Run {
    std::string text = {};
    Style style = Style::kPlain;
  };
  std::vector<Run> runs_;
};

// Columns that a text takes: its UTF-8 code points.
int Columns(absl::string_view text);

// Text of others made safe to show: control characters, which could steer the terminal, become "?".
std::string Printable(absl::string_view text);

// At most `columns` columns of the text, "..." at the end if something was cut.
std::string Clip(absl::string_view text, int columns);

// The text with spaces up to `columns`.
std::string PadRight(absl::string_view text, int columns);
std::string PadLeft(absl::string_view text, int columns);

}  // namespace heliotrope::cli
