// heliotrope plan show
#include "heliotrope/v1/plan.grpc.pb.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "scheduler/base/duration.h"
#include "scheduler/cli/heat_map.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

struct ShowFlags {
  std::optional<absl::Duration> horizon;
};

HeatRow RowOf(const v1::Plan::Row& row) {
  HeatRow heat{.name = ShortName(row.data_center()), .zone = ZoneOf(row.time_zone())};
  const double capacity = static_cast<double>(std::max<int64_t>(row.capacity_milli_cores(), 1));
  for (const v1::Plan::Cell& cell : row.cells()) {
    heat.cells.push_back(
        {.start = TimeOf(cell.start_time()),
         .length = DurationOf(cell.length()),
         .foreground = static_cast<double>(cell.foreground_milli_cores()) / capacity,
         .headroom = static_cast<double>(cell.headroom_milli_cores()) / capacity,
         .planned = static_cast<double>(cell.planned_milli_cores()) / capacity});
  }
  return heat;
}

// From the first block to the last one, at most `horizon`.
HeatMap HeatMapOf(const v1::Plan& plan, absl::Duration horizon) {
  HeatMap map{.start = absl::InfiniteFuture()};
  absl::Time end = absl::InfinitePast();
  for (const v1::Plan::Row& row : plan.rows()) {
    map.rows.push_back(RowOf(row));
    for (const HeatCell& cell : map.rows.back().cells) {
      map.start = std::min(map.start, cell.start);
      end = std::max(end, cell.start + cell.length);
    }
  }
  if (end <= map.start) map.start = end = TimeOf(plan.plan_time());
  map.horizon = std::min(horizon, end - map.start);
  return map;
}

std::string IntentsText(const v1::Plan& plan, const Look& look) {
  const absl::Time now = TimeOf(plan.plan_time());
  Table table({{"JOB"}, {"TASKS", Align::kRight}, {"TO"}, {"START"}, {"WHY"}});
  for (const v1::Plan::Intent& intent : plan.intents()) {
    const bool placed = !intent.data_center().empty();
    table.Add({{ShortName(intent.example_job())},
               {absl::StrCat(intent.tasks(), "/", intent.pending_tasks())},
               {placed ? ShortName(intent.data_center()) : "nowhere",
                placed ? Style::kPlain : Style::kWarn},
               {intent.has_start_time() ? Relative(TimeOf(intent.start_time()), now) : ""},
               {intent.detail().empty() ? intent.reason() : intent.detail()}});
  }
  return table.empty() ? "nothing waits\n" : table.Render(look);
}

std::string ReactiveText(const v1::Plan& plan, const Look& look) {
  std::string names;
  for (const v1::Plan::Row& row : plan.rows()) {
    if (row.planning_mode() != "reactive") continue;
    absl::StrAppend(&names, names.empty() ? "" : ", ", ShortName(row.data_center()));
  }
  if (names.empty()) return "";
  return Paint(absl::StrCat("planned by measured load only: ", names), Style::kWarn, look) + "\n";
}

Outcome Show(Context& context, const ShowFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  const absl::Duration horizon = flags.horizon.value_or(absl::Hours(48));
  v1::GetPlanRequest request;
  *request.mutable_horizon() = wire::ToProto(horizon);
  HT_ASSIGN_OR_RETURN(const v1::Plan plan,
                      scheduler->Read(&v1::PlanService::Stub::GetPlan, request));
  if (context.json()) {
    context.PrintJson(plan);
    return Exit::kOk;
  }
  const Look look = context.look();
  context.Print(absl::StrCat("plan of ", TimeWords(TimeOf(plan.plan_time())), ", made in ",
                             ShortDuration(DurationOf(plan.compute_duration())), ", price in ",
                             plan.price_unit(), "\n\n", DrawHeatMap(HeatMapOf(plan, horizon), look),
                             ReactiveText(plan, look), "\n", IntentsText(plan, look)));
  context.Hint("heliotrope decision list   (what was decided, and why)");
  return Exit::kOk;
}

}  // namespace

void AddPlan(CommandTree& tree) {
  const Noun noun = tree.AddNoun("plan", "what is intended for the next days");
  const auto flags = std::make_shared<ShowFlags>();
  Verb verb = tree.AddVerb(noun,
                           {"show",
                            "draws the fleet's next days, each data center by its own clock",
                            {"heliotrope plan show", "heliotrope plan show --horizon 7d"},
                            ""},
                           [flags](Context& context) { return Show(context, *flags); });
  verb.Duration("--horizon", flags->horizon, "how far ahead (default 48h, at most 7d)");
}

}  // namespace heliotrope::cli
