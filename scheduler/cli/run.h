// Runs one command line from its words to its exit code: what main does, for tests as well.
#pragma once

#include <string>
#include <vector>

#include "scheduler/cli/console.h"

namespace heliotrope::cli {

// `args` without the program's name. Returns the exit code: 0, 1 failed, 2 usage.
int Run(const std::vector<std::string>& args, Console& console);

}  // namespace heliotrope::cli
