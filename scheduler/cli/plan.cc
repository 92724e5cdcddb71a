// heliotrope plan show
#include "heliotrope/v1/plan.grpc.pb.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "scheduler/cli/gnuplot.h"
#include "scheduler/cli/heat_map.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/plan_svg.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"
#include "scheduler/os/files.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

struct ShowFlags {
  std::optional<absl::Duration> horizon;
  std::string svg;
};

// Intents that are shown to people.
constexpr int kIntentsShown = 40;

HeatRow RowOf(const v1::Plan::Row& row) {
  HeatRow heat{.name = ShortName(row.data_center()), .zone = ZoneOf(row.time_zone())};
  const double capacity = static_cast<double>(std::max<int64_t>(row.capacity_milli_cores(), 1));
  heat.target = static_cast<double>(row.target_milli_cores()) / capacity;
  for (const v1::Plan::Cell& cell : row.cells()) {
    heat.cells.push_back(
        {.start = TimeOf(cell.start_time()),
         .length = DurationOf(cell.length()),
         .foreground = static_cast<double>(cell.foreground_milli_cores()) / capacity,
         .headroom = static_cast<double>(cell.headroom_milli_cores()) / capacity,
         .planned = static_cast<double>(cell.planned_milli_cores()) / capacity,
         .price = cell.price()});
  }
  return heat;
}

std::string PriceUnitWords(const std::string& unit) {
  if (unit == "usd_per_mwh") return "USD per MWh";
  return unit == "load_percent" ? "% of load" : unit;
}

// From the first block to the last one, at most `horizon`.
HeatMap HeatMapOf(const v1::Plan& plan, absl::Duration horizon) {
  HeatMap map{.start = absl::InfiniteFuture(), .price_unit = PriceUnitWords(plan.price_unit())};
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
  const int shown = std::min(plan.intents_size(), kIntentsShown);
  for (int i = 0; i < shown; ++i) {
    const v1::Plan::Intent& intent = plan.intents(i);
    const bool placed = !intent.data_center().empty();
    table.Add({{ShortName(intent.example_job())},
               {absl::StrCat(intent.tasks(), "/", intent.pending_tasks())},
               {placed ? ShortName(intent.data_center()) : "nowhere",
                placed ? Style::kPlain : Style::kWarn},
               {intent.has_start_time() ? Relative(TimeOf(intent.start_time()), now) : ""},
               {intent.detail().empty() ? intent.reason() : intent.detail()}});
  }
  if (table.empty()) return "nothing waits\n";
  const int more = plan.intents_size() - shown + plan.intents_left_out();
  return absl::StrCat(table.Render(look), more == 0 ? "" : absl::StrCat("and ", more, " more\n"));
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
  const HeatMap map = HeatMapOf(plan, horizon);
  const std::string title = plan.has_plan_time()
                                ? absl::StrCat("plan of ", TimeWords(TimeOf(plan.plan_time())))
                                : "no plan yet";
  if (!flags.svg.empty()) {
    HT_ASSIGN_OR_RETURN(const std::string picture, RunGnuplot(PlanScript(map, title)));
    HT_RETURN_IF_ERROR(os::WriteFileAtomically(flags.svg, picture, {.mode = 0644}));
  }
  if (context.json()) {
    context.PrintJson(plan);
    return Exit::kOk;
  }
  const Look look = context.look();
  context.Print(absl::StrCat(title, ", each data center by its own clock\n\n",
                             DrawHeatMap(map, look), ReactiveText(plan, look), "\n",
                             IntentsText(plan, look)));
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
                            {"heliotrope plan show", "heliotrope plan show --horizon 7d",
                             "heliotrope plan show --svg plan.svg"},
                            ""},
                           [flags](Context& context) { return Show(context, *flags); });
  verb.Duration("--horizon", flags->horizon, "how far ahead (default 48h, at most 7d)");
  verb.Text("--svg", flags->svg, "FILE", "also write it there as a picture; needs gnuplot");
}

}  // namespace heliotrope::cli
