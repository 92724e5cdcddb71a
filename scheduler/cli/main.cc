// heliotrope: submit batch work, and see where in the world it runs.
#include <string>
#include <vector>

#include "scheduler/cli/console.h"
#include "scheduler/cli/run.h"

int main(int argc, char** argv) {
  heliotrope::cli::Console console = heliotrope::cli::ProcessConsole();
  return heliotrope::cli::Run(std::vector<std::string>(argv + 1, argv + argc), console);
}
