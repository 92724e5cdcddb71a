// What the program does, by its command line.
#pragma once

#include <string>

#include "agent/daemon/config.h"

namespace heliotrope::agent::daemon {

struct RunOptions {
  std::string config_file = kDefaultConfigFile;
  // Where to write the ports as JSON once serving; empty: nowhere.
  std::string ports_file = {};
};

// Serves until SIGTERM or SIGINT. The exit code.
int RunDaemon(const RunOptions& options);

// Says OK or everything that is wrong. The exit code.
int CheckConfigFile(const std::string& path);

}  // namespace heliotrope::agent::daemon
