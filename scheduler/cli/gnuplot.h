// Pictures for reports: gnuplot draws them, from scripts that are made here.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heliotrope::cli {

// The text as a gnuplot string in double quotes, without anything that gnuplot would read as markup
// or as an end of the string.
std::string GnuplotText(absl::string_view text);

// The picture, an SVG document, that a gnuplot script draws on its standard output. FAILED_PRECONDITION
// when gnuplot is not installed; INTERNAL when it fails, which it explains on standard error.
absl::StatusOr<std::string> RunGnuplot(const std::string& script);

}  // namespace heliotrope::cli
