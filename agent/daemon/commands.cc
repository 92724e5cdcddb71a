#include "agent/daemon/commands.h"

#include <malloc.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/daemon/daemon.h"
#include "scheduler/os/files.h"
#include "scheduler/os/log.h"
#include "scheduler/os/notify.h"
#include "scheduler/os/signals.h"

namespace heliotrope::agent::daemon {
namespace {

absl::Status WritePorts(const std::string& path, const Daemon& daemon) {
  if (path.empty()) return absl::OkStatus();
  return os::WriteFileAtomically(
      path, absl::StrCat("{\"grpc\":", daemon.grpc_port(), ",\"http\":", daemon.http_port(), "}\n"),
      {.mode = 0644, .sync = false});
}

// Only the log's level is taken up without a restart.
void Reload(const std::string& config_file) {
  os::NotifyReloading();
  const auto config = LoadConfig(config_file);
  if (config.ok()) {
    os::SetLogLevel(config->log_level).IgnoreError();  // Checked when it was loaded.
    os::LogInfo("log level taken up; everything else needs a restart, which attempts survive");
  } else {
    os::LogError("new configuration refused, the old one stays", {{"error", config.status()}});
  }
  os::NotifyReady();
}

void ServeUntilTold(const std::string& config_file) {
  while (true) {
    const std::optional<int> signal = os::WaitForSignal(absl::InfiniteDuration());
    if (!signal.has_value()) continue;
    if (*signal != SIGHUP) {
      os::LogInfo("stopping", {{"signal", *signal}});
      return;
    }
    Reload(config_file);
  }
}

}  // namespace

int RunDaemon(const RunOptions& options) {
  os::BlockSignals();
  // A limit on file sizes is to be a write error, not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  // Tasks of another user must get through the directories that are made for them.
  umask(022);
  // Threads that mostly sleep need no heap of their own each: the agent is to stay small.
  mallopt(M_ARENA_MAX, 2);
  auto config = LoadConfig(options.config_file);
  if (!config.ok()) {
    std::cerr << "heliotrope-agent: " << config.status().message() << '\n';
    return EXIT_FAILURE;
  }
  os::SetLogLevel(config->log_level).IgnoreError();  // Checked when it was loaded.
  Daemon daemon(*std::move(config));
  absl::Status status = daemon.Start();
  if (status.ok()) status = WritePorts(options.ports_file, daemon);
  if (!status.ok()) {
    os::LogError("cannot start", {{"error", status}});
    os::NotifyStatus(absl::StrCat("cannot start: ", status.message()));
    return EXIT_FAILURE;
  }
  ServeUntilTold(options.config_file);
  daemon.Stop();
  return EXIT_SUCCESS;
}

int CheckConfigFile(const std::string& path) {
  const auto config = LoadConfig(path);
  if (!config.ok()) {
    std::cerr << config.status().message() << '\n';
    return EXIT_FAILURE;
  }
  std::cout << path << ": OK\n";
  return EXIT_SUCCESS;
}

}  // namespace heliotrope::agent::daemon
