// heliotrope region list
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/pages.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

Outcome List(Context& context) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  HT_ASSIGN_OR_RETURN(
      const v1::ListRegionsResponse answer,
      ListAll(
          *scheduler, &v1::FleetService::Stub::ListRegions, v1::ListRegionsRequest(),
          +[](const v1::ListRegionsResponse& r) { return r.regions_size(); }));
  if (context.json()) {
    context.PrintJson(answer);
    return Exit::kOk;
  }
  Table table({{"REGION"},
               {"CORES", Align::kRight},
               {"FOREGROUND", Align::kRight},
               {"BATCH", Align::kRight},
               {"DATA CENTERS"}});
  for (const v1::Region& region : answer.regions()) {
    const std::string data_centers = absl::StrJoin(
        region.data_centers(), ", ",
        [](std::string* out, const std::string& name) { absl::StrAppend(out, ShortName(name)); });
    table.Add({{ShortName(region.name())},
               {CoresWords(region.capacity_milli_cores())},
               {ShareWords(region.foreground_milli_cores(), region.capacity_milli_cores())},
               {ShareWords(region.batch_milli_cores(), region.capacity_milli_cores())},
               {data_centers}});
  }
  context.Print(table.Render(context.look()));
  return Exit::kOk;
}

}  // namespace

void AddRegion(CommandTree& tree) {
  const Noun noun = tree.AddNoun("region", "groups of data centers");
  tree.AddVerb(noun, {"list", "lists regions with their load", {"heliotrope region list"}, ""},
               List);
}

}  // namespace heliotrope::cli
