// heliotrope-scheduler: the command line of the scheduler daemon.
#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "scheduler/daemon/commands.h"
#include "scheduler/os/version.h"

namespace {

constexpr int kUsage = 2;

constexpr char kExamples[] = R"(Examples:
  heliotrope-scheduler --config /etc/heliotrope/scheduler.yaml
  heliotrope-scheduler --config new.yaml --check-config
  heliotrope-scheduler store dump --kind job
  heliotrope-scheduler store dump --sqlite /var/lib/heliotrope/scheduler/state.db | jq .)";

}  // namespace

int main(int argc, char** argv) {
  using heliotrope::daemon::kDefaultConfigFile;
  CLI::App app("The Heliotrope scheduler: serves until SIGTERM, reloads at SIGHUP.",
               "heliotrope-scheduler");
  app.footer(kExamples);
  heliotrope::daemon::RunOptions run;
  bool check = false;
  app.add_option("--config", run.config_file, "The configuration, YAML")
      ->option_text(std::string("FILE (default ") + kDefaultConfigFile + ")");
  app.add_flag("--check-config", check, "Say OK or everything that is wrong with it, and end");
  app.add_option("--ports-file", run.ports_file,
                 "Once serving, write the ports as JSON there, for port 0")
      ->option_text("FILE");
  app.set_version_flag("--version", "heliotrope-scheduler " + heliotrope::os::VersionText(),
                       "Print the version and end");
  app.require_subcommand(0, 1);

  heliotrope::daemon::DumpOptions dump;
  CLI::App* store = app.add_subcommand("store", "Look at the store");
  store->require_subcommand(1);
  CLI::App* dump_command = store->add_subcommand(
      "dump", "Print the records, a line of JSON each. Reads only; the daemon may run or not");
  dump_command
      ->add_option("--config", dump.config_file, "The configuration that names the database")
      ->option_text("FILE");
  dump_command->add_option("--sqlite", dump.database, "The database itself")->option_text("FILE");
  dump_command
      ->add_option("--kind", dump.kind,
                   "Only these: meta, job, task, request, node, curve_state, curve_bin, "
                   "arrivals or durations")
      ->option_text("KIND");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (dump_command->parsed()) {
    if (dump_command->count("--config") == 0) dump.config_file = run.config_file;
    return heliotrope::daemon::DumpStore(dump);
  }
  if (check) return heliotrope::daemon::CheckConfigFile(run.config_file);
  return heliotrope::daemon::RunDaemon(run);
}
