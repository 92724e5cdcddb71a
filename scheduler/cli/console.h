// Where the command reads and writes: streams, and what is behind them. Tests make their own.
#pragma once

#include <istream>
#include <ostream>

namespace heliotrope::cli {

struct Console {
  std::istream& in;
  // Data.
  std::ostream& out;
  // Talk.
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  // Columns of the terminal behind `out`.
  int width = 80;
  // Whether the locale is UTF-8.
  bool utf8 = false;
  // False with NO_COLOR or a dumb terminal.
  bool color = true;
};

// The process's own streams, terminal, locale and environment.
Console ProcessConsole();

}  // namespace heliotrope::cli
