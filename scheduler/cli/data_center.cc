// heliotrope datacenter list|get
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "heliotrope/v1/fleet.grpc.pb.h"
#include "scheduler/cli/fleet.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

// "09:00" of "2026-03-02T09:00:00".
std::string LocalClock(const v1::DataCenter& data_center) {
  const std::string& time = data_center.local_time();
  return time.size() >= 16 ? time.substr(11, 5) : time;
}

// "forecast", or "reactive: SENSOR_FROZEN": whoever sees it must know where to look.
Cell PlanningCell(const v1::DataCenter& dc) {
  if (dc.planning_mode() != "reactive") return {dc.planning_mode()};
  return {dc.planning_reason().empty()
              ? dc.planning_mode()
              : absl::StrCat(dc.planning_mode(), ": ", dc.planning_reason()),
          Style::kWarn};
}

Outcome List(Context& context) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  HT_ASSIGN_OR_RETURN(const v1::ListDataCentersResponse answer, ListDataCenters(*scheduler));
  if (context.json()) {
    context.PrintJson(answer);
    return Exit::kOk;
  }
  Table table({{"DATA CENTER"},
               {"REGION"},
               {"JURISDICTION"},
               {"LOCAL"},
               {"NODES", Align::kRight},
               {"CORES", Align::kRight},
               {"FOREGROUND", Align::kRight},
               {"BATCH", Align::kRight},
               {"HEADROOM", Align::kRight},
               {"TASKS", Align::kRight},
               {"PLANNING"}});
  for (const v1::DataCenter& dc : answer.data_centers()) {
    const int64_t capacity = dc.capacity_milli_cores();
    table.Add({{ShortName(dc.name())},
               {ShortName(dc.region())},
               {dc.jurisdiction()},
               {LocalClock(dc)},
               {absl::StrCat(dc.connected_node_count(), "/", dc.node_count())},
               {CoresWords(capacity)},
               {ShareWords(dc.foreground_milli_cores(), capacity)},
               {ShareWords(dc.batch_milli_cores(), capacity)},
               {CoresWords(dc.headroom_milli_cores())},
               {absl::StrCat(dc.task_count())},
               PlanningCell(dc)});
  }
  context.Print(table.Render(context.look()));
  return Exit::kOk;
}

Outcome Get(Context& context, const std::string& name) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::GetDataCenterRequest request;
  request.set_name(FullDataCenterName(name));
  HT_ASSIGN_OR_RETURN(const v1::DataCenter dc,
                      scheduler->Read(&v1::FleetService::Stub::GetDataCenter, request));
  if (context.json()) {
    context.PrintJson(dc);
    return Exit::kOk;
  }
  Facts facts;
  facts.Add("data center", dc.name(), Style::kStrong);
  facts.Add("region", dc.region());
  facts.Add("jurisdiction", dc.jurisdiction());
  facts.Add("local time", absl::StrCat(dc.local_time(), " ", dc.time_zone()));
  if (dc.latitude() != 0 || dc.longitude() != 0) {
    facts.Add("position", absl::StrFormat("%.2f, %.2f", dc.latitude(), dc.longitude()));
  }
  facts.Add("nodes", absl::StrCat(dc.connected_node_count(), " connected of ", dc.node_count()));
  facts.Add("cores", absl::StrCat(CoresWords(dc.capacity_milli_cores()), ", foreground ",
                                  CoresWords(dc.foreground_milli_cores()), ", batch ",
                                  CoresWords(dc.batch_milli_cores()), ", headroom ",
                                  CoresWords(dc.headroom_milli_cores())));
  facts.Add("target", absl::StrFormat("%.0f%% of the cores", 100 * dc.target_utilization()));
  facts.Add("tasks", absl::StrCat(dc.task_count()));
  facts.Add("price", absl::StrFormat("%.4g", dc.price()));
  facts.Add("planning", dc.planning_reason().empty()
                            ? dc.planning_mode()
                            : absl::StrCat(dc.planning_mode(), ": ", dc.planning_reason()));
  context.Print(facts.Render(context.look()));
  context.Hint(absl::StrCat("heliotrope curve show ", ShortName(dc.name())));
  return Exit::kOk;
}

}  // namespace

void AddDataCenter(CommandTree& tree) {
  const Noun noun = tree.AddNoun("datacenter", "the sites, with their clocks, load and headroom");
  tree.AddVerb(noun,
               {"list", "lists data centers with their load", {"heliotrope datacenter list"}, ""},
               List);
  const auto name = std::make_shared<std::string>();
  Verb verb = tree.AddVerb(
      noun,
      {"get", "shows one data center", {"heliotrope datacenter get frankfurt-1"}, "datacenter"},
      [name](Context& context) { return Get(context, *name); });
  verb.Argument("DATACENTER", *name, Need::kRequired, "such as frankfurt-1");
}

}  // namespace heliotrope::cli
