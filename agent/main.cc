// heliotrope-agent: the command line of the agent daemon.
#include <CLI/CLI.hpp>
#include <string>

#include "agent/daemon/commands.h"
#include "scheduler/os/version.h"

namespace {

constexpr int kUsage = 2;

constexpr char kExamples[] = R"(Examples:
  heliotrope-agent --config /etc/heliotrope/agent.yaml
  heliotrope-agent --config new.yaml --check-config
  heliotrope-agent --config trial.yaml --ports-file ports.json)";

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "The Heliotrope agent: runs tasks on this machine until SIGTERM. Tasks that run then go on, "
      "and the next agent finds them again.",
      "heliotrope-agent");
  app.footer(kExamples);
  heliotrope::agent::daemon::RunOptions run;
  bool check = false;
  app.add_option("--config", run.config_file, "The configuration, YAML")
      ->option_text(std::string("FILE (default ") + heliotrope::agent::daemon::kDefaultConfigFile +
                    ")");
  app.add_flag("--check-config", check, "Say OK or everything that is wrong with it, and end");
  app.add_option("--ports-file", run.ports_file,
                 "Once serving, write the ports as JSON there, for port 0")
      ->option_text("FILE");
  app.set_version_flag("--version", "heliotrope-agent " + heliotrope::os::VersionText(),
                       "Print the version and end");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (check) return heliotrope::agent::daemon::CheckConfigFile(run.config_file);
  return heliotrope::agent::daemon::RunDaemon(run);
}
