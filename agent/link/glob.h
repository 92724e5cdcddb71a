// Patterns of output files.
#pragma once

#include "absl/strings/string_view.h"

namespace heliotrope::agent::link {

// `?` is any character but '/', `*` any number of those, `**` any number of characters at all; all
// else is itself. "**/x" matches "x" too. Takes time of pattern times path, whatever they are.
bool GlobMatches(absl::string_view pattern, absl::string_view path);

}  // namespace heliotrope::agent::link
