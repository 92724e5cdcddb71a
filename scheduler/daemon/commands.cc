#include "scheduler/daemon/commands.h"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "scheduler/daemon/daemon.h"
#include "scheduler/os/files.h"
#include "scheduler/os/log.h"
#include "scheduler/os/notify.h"
#include "scheduler/os/signals.h"
#include "scheduler/store/dump.h"

namespace heliotrope::daemon {
namespace {

int Failed(const absl::Status& status) {
  std::cerr << "heliotrope-scheduler: " << status.message() << '\n';
  return EXIT_FAILURE;
}

absl::Status WritePorts(const std::string& path, const Daemon& daemon) {
  if (path.empty()) return absl::OkStatus();
  return os::WriteFileAtomically(
      path, absl::StrCat("{\"grpc\":", daemon.grpc_port(), ",\"http\":", daemon.http_port(), "}\n"),
      {.mode = 0644, .sync = false});
}

void ServeUntilTold(Daemon& daemon, const std::string& config_file) {
  while (true) {
    const std::optional<int> signal = os::WaitForSignal(absl::InfiniteDuration());
    if (!signal) continue;
    if (*signal != SIGHUP) {
      os::LogInfo("stopping", {{"signal", *signal}});
      return;
    }
    daemon.Reload(config_file);
  }
}

}  // namespace

int RunDaemon(const RunOptions& options) {
  os::BlockSignals();
  // A limit on file sizes is to be a write error of the store, not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  auto config = LoadConfig(options.config_file);
  if (!config.ok()) return Failed(config.status());
  os::SetLogLevel(config->log_level).IgnoreError();  // Checked when it was loaded.
  Daemon daemon(*std::move(config));
  absl::Status status = daemon.Start();
  if (status.ok()) status = WritePorts(options.ports_file, daemon);
  if (!status.ok()) {
    os::LogError("cannot start", {{"error", status}});
    os::NotifyStatus(absl::StrCat("cannot start: ", status.message()));
    return EXIT_FAILURE;
  }
  ServeUntilTold(daemon, options.config_file);
  return daemon.Stop().ok() ? EXIT_SUCCESS : EXIT_FAILURE;
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

int DumpStore(const DumpOptions& options) {
  std::optional<store::Kind> kind;
  if (!options.kind.empty()) {
    const auto parsed = store::ParseKind(options.kind);
    if (!parsed.ok()) return Failed(parsed.status());
    kind = *parsed;
  }
  std::string database = options.database;
  if (database.empty()) {
    const auto config = LoadConfig(options.config_file);
    if (!config.ok()) return Failed(config.status());
    database = config->database;
  }
  const absl::Status status = store::DumpSqlite(database, kind, std::cout);
  return status.ok() ? EXIT_SUCCESS : Failed(status);
}

}  // namespace heliotrope::daemon
