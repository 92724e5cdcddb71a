// What the program heliotrope-scheduler can be told to do. Each prints what it has to say and
// returns the exit status: 0, or 1 when it failed.
#pragma once

#include <string>

#include "scheduler/daemon/config.h"

namespace heliotrope::daemon {

struct RunOptions {
  std::string config_file = kDefaultConfigFile;
  // Where to write `{"grpc":7400,"http":7401}` once serving; empty: nowhere.
  std::string ports_file;
};
// Serves until SIGTERM or SIGINT. SIGHUP reloads. Blocks signals, so call it before any thread.
int RunDaemon(const RunOptions& options);

// Prints "FILE: OK", or every problem to stderr.
int CheckConfigFile(const std::string& path);

struct DumpOptions {
  std::string config_file = kDefaultConfigFile;  // Names the database, unless that is given.
  std::string database;
  std::string kind;  // Empty: all.
};
// Prints the store's records to stdout, a line of JSON each.
int DumpStore(const DumpOptions& options);

}  // namespace heliotrope::daemon
