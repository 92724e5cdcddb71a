// The scheduler's configuration: the YAML file, checked and turned into values.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/core/command.h"
#include "scheduler/os/clock.h"
#include "scheduler/wire/credentials.h"

namespace heliotrope::daemon {

inline constexpr char kDefaultConfigFile[] = "/etc/heliotrope/scheduler.yaml";

struct Config {
  // These need a restart.
  std::string listen;
  std::string http_listen;
  wire::TlsFiles tls;
  std::string database;
  absl::Duration lease;  // Real time.
  os::ClockMapping clock;
  // These a reload replaces.
  std::string log_level;
  core::FleetConfig fleet;
};

// Reads and checks all of it, price files and certificates included. NOT_FOUND or PERMISSION_DENIED
// for the file itself, else INVALID_ARGUMENT with every problem, one a line: `file:line: what`.
absl::StatusOr<Config> LoadConfig(const std::string& path);
// From text; `source` names it in errors, and relative paths start from its directory.
absl::StatusOr<Config> ParseConfig(absl::string_view text, const std::string& source);

// Which keys differ that only a restart takes up.
std::vector<std::string> NeedRestart(const Config& running, const Config& loaded);

}  // namespace heliotrope::daemon
