// heliotrope version
#include "scheduler/os/version.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "scheduler/base/duration.h"
#include "scheduler/cli/json.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

struct Flags {
  bool client_only = false;
};

// One document: {"client": "0.1.0", "server": {...}}; our version needs no quoting.
void PrintVersions(Context& context, const v1::Scheduler& server) {
  context.Print(absl::StrCat("{\"client\":\"", os::VersionText(),
                             "\",\"server\":", ToJson(server, JsonShape::kDocument), "}\n"));
}

Outcome Show(Context& context, const Flags& flags) {
  if (flags.client_only) {
    context.Print(context.json() ? absl::StrCat("{\"client\":\"", os::VersionText(), "\"}\n")
                                 : absl::StrCat("client  ", os::VersionText(), "\n"));
    return Exit::kOk;
  }
  if (!context.json()) context.Print(absl::StrCat("client  ", os::VersionText(), "\n"));
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  HT_ASSIGN_OR_RETURN(
      const v1::Scheduler server,
      scheduler->Read(&v1::FleetService::Stub::GetScheduler, v1::GetSchedulerRequest()));
  if (context.json()) {
    PrintVersions(context, server);
    return Exit::kOk;
  }
  Facts facts;
  facts.Add("server", absl::StrCat(server.version(), " at ", scheduler->address()));
  facts.Add("clock", absl::StrCat(TimeWords(TimeOf(server.now())), ", ",
                                  absl::StrFormat("%g", server.clock_speed()), " times real time"));
  facts.Add("lease", ShortDuration(DurationOf(server.lease_duration())));
  facts.Add("term", absl::StrCat(server.term()));
  facts.Add("jobs",
            absl::StrCat(server.active_job_count(), " active, ", server.running_task_count(),
                         " tasks running, ", server.pending_task_count(), " waiting"));
  context.Print(facts.Render(context.look()));
  return Exit::kOk;
}

}  // namespace

void AddVersion(CommandTree& tree) {
  const auto flags = std::make_shared<Flags>();
  Verb command =
      tree.AddCommand({"version",
                       "the versions of this command and of the scheduler, and its clock",
                       {"heliotrope version", "heliotrope version --client"},
                       ""},
                      [flags](Context& context) { return Show(context, *flags); });
  command.Flag("--client", flags->client_only, "this command's alone: asks no scheduler");
}

}  // namespace heliotrope::cli
