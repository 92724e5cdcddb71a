// The agent's configuration: the YAML file, checked and turned into values.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/core/types.h"
#include "agent/exec/attempt.h"
#include "heliotrope/config/v1/agent.pb.h"
#include "scheduler/base/units.h"
#include "scheduler/wire/credentials.h"

namespace heliotrope::agent::daemon {

inline constexpr char kDefaultConfigFile[] = "/etc/heliotrope/agent.yaml";

struct Config {
  std::string node;
  std::string data_center;
  // What the core decides by: capacity, jurisdiction, when to give way.
  NodeSpec spec;
  std::string scheduler;
  std::string listen;
  // Empty: what `listen` was bound to.
  std::string advertise;
  std::string http_listen;
  wire::TlsFiles tls;
  std::string state_directory;             // Absolute.
  std::optional<exec::JobUser> task_user;  // Unset: the agent's own.
  std::string shim;
  Bytes log_size;
  // Of ended attempts; real time.
  absl::Duration keep_ended;
  Bytes keep_bytes;
  absl::Duration load_interval;
  std::optional<config::v1::AgentConfig::Replay> replay;  // The file's path made absolute.
  std::string log_level;
};

// Reads and checks all of it, certificates and load file included. NOT_FOUND or PERMISSION_DENIED
// for the file itself, else INVALID_ARGUMENT with every problem, one a line: `file:line: what`.
absl::StatusOr<Config> LoadConfig(const std::string& path);
// From text; `source` names it in errors, and relative paths start from its directory.
absl::StatusOr<Config> ParseConfig(absl::string_view text, const std::string& source);

}  // namespace heliotrope::agent::daemon
