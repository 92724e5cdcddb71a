// heliotrope simulate: policies over a recorded world, without a scheduler.
#include <google/protobuf/struct.pb.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/gnuplot.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/simulate_runs.h"
#include "scheduler/cli/simulate_svg.h"
#include "scheduler/cli/table.h"
#include "scheduler/os/files.h"
#include "scheduler/sim/bound.h"
#include "scheduler/sim/load_world.h"

namespace heliotrope::cli {
namespace {

using google::protobuf::Struct;

constexpr int kAllDays = 400;
constexpr char kTrueForecast[] = "heliotrope, true forecast";

struct Flags {
  std::string world;
  std::string policy = "heliotrope";
  std::string forecast = "learned";
  std::string journal;
  std::string svg;
  std::optional<int> days;
  int64_t seed = 1;
  bool bound = false;

  bool all() const { return policy == "all"; }
};

struct Results {
  std::vector<SimulationRun> runs;
  std::optional<double> bound;  // USD per MWh.

  const SimulationRun* Find(const std::string& name) const {
    for (const SimulationRun& run : runs) {
      if (run.name == name) return &run;
    }
    return nullptr;
  }
  // How much of what could be saved against running at home was saved.
  std::optional<double> Captured(const sim::Score& score) const {
    const SimulationRun* home = Find("home");
    if (home == nullptr || !bound || home->score.mean_price <= *bound) return std::nullopt;
    return (home->score.mean_price - score.mean_price) / (home->score.mean_price - *bound);
  }
};

absl::StatusOr<sim::World> Load(const Flags& flags) {
  os::FileProblems problems(kMaxWorldProblems);
  sim::World world = sim::LoadWorld(flags.world, problems);
  if (problems.count() == 0) return world;
  std::string text =
      absl::StrCat(problems.count(), " problem", problems.count() == 1 ? "" : "s", " in world ",
                   flags.world, "\n", absl::StrJoin(problems.texts(), "\n"));
  if (problems.count() > problems.texts().size()) {
    absl::StrAppend(&text, "\nand ", problems.count() - problems.texts().size(), " more");
  }
  return absl::InvalidArgumentError(text);
}

absl::StatusOr<std::vector<SimulationRun>> RunsOf(const Flags& flags) {
  std::vector<SimulationRun> runs;
  const std::vector<std::string> names =
      flags.all() ? sim::PolicyNames() : std::vector<std::string>{flags.policy};
  for (const std::string& name : names) {
    SimulationRun run{.name = name, .options = {}, .journal = {}, .score = {}, .took = {}};
    const auto policy = sim::ParsePolicy(name);
    if (!policy.ok()) return Misuse(absl::StrCat("--policy: ", policy.status().message()));
    const auto forecast = sim::ParseForecast(flags.forecast);
    if (!forecast.ok()) return Misuse(absl::StrCat("--forecast: ", forecast.status().message()));
    run.options.policy = *policy;
    run.options.forecast = *forecast;
    run.options.days = flags.days.value_or(kAllDays);
    run.options.seed = static_cast<uint64_t>(flags.seed);
    runs.push_back(run);
    // What remains of the way to the bound with a perfect forecast is the planner's.
    if (flags.bound && *policy == sim::Policy::kHeliotrope) {
      run.name = kTrueForecast;
      run.options.forecast = sim::Forecast::kTruth;
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

void Set(Struct& to, const std::string& name, double value) {
  if (std::isfinite(value)) (*to.mutable_fields())[name].set_number_value(value);
}

Struct JsonOf(const SimulationRun& run, const Results& results) {
  const sim::Score& score = run.score;
  Struct json;
  (*json.mutable_fields())["policy"].set_string_value(run.name);
  Set(json, "jobs", static_cast<double>(score.jobs));
  Set(json, "completed", static_cast<double>(score.completed));
  Set(json, "deadline_misses", static_cast<double>(score.misses));
  Set(json, "miss_percent", 100 * score.miss_share());
  Set(json, "core_hours", score.core_hours);
  Set(json, "useful_core_hours", score.useful_core_hours);
  Set(json, "overload_core_hours", score.overload_core_hours);
  Set(json, "overload_percent", 100 * score.overload_share());
  Set(json, "mean_price_usd_per_mwh", score.mean_price);
  Set(json, "moves", static_cast<double>(score.moves));
  Set(json, "moves_per_movable_job", score.moves_per_movable_job());
  if (const auto captured = results.Captured(score)) {
    Set(json, "captured_percent", 100 * *captured);
  }
  Set(json, "wall_seconds", absl::ToDoubleSeconds(run.took));
  return json;
}

Struct JsonOf(const Flags& flags, const Results& results) {
  Struct json;
  (*json.mutable_fields())["world"].set_string_value(flags.world);
  (*json.mutable_fields())["forecast"].set_string_value(flags.forecast);
  auto& list = *(*json.mutable_fields())["policies"].mutable_list_value();
  for (const SimulationRun& run : results.runs) {
    *list.add_values()->mutable_struct_value() = JsonOf(run, results);
  }
  if (!results.bound) return json;
  Set(json, "bound_usd_per_mwh", *results.bound);
  const SimulationRun* product = results.Find("heliotrope");
  const SimulationRun* truth = results.Find(kTrueForecast);
  if (product == nullptr || truth == nullptr) return json;
  Struct& regret = *(*json.mutable_fields())["regret_usd_per_mwh"].mutable_struct_value();
  Set(regret, "forecast", product->score.mean_price - truth->score.mean_price);
  Set(regret, "planner", truth->score.mean_price - *results.bound);
  return json;
}

std::string Number(const char* unit, double value) {
  return absl::StrFormat("%.2f%s", value, unit);
}

std::string TextOf(const Results& results, const Look& look) {
  Table table({{"POLICY"},
               {"USD/MWH", Align::kRight},
               {"MISSES", Align::kRight},
               {"OVERLOAD", Align::kRight},
               {"MOVES/JOB", Align::kRight},
               {"CAPTURED", Align::kRight},
               {"TOOK", Align::kRight}});
  for (const SimulationRun& run : results.runs) {
    const sim::Score& score = run.score;
    const std::optional<double> captured = results.Captured(score);
    table.Add({{run.name},
               {Number("", score.mean_price)},
               {Number("%", 100 * score.miss_share())},
               {Number("%", 100 * score.overload_share())},
               {absl::StrFormat("%.3f", score.moves_per_movable_job())},
               {captured ? absl::StrFormat("%.1f%%", 100 * *captured) : "-"},
               {absl::StrFormat("%.1fs", absl::ToDoubleSeconds(run.took))}});
  }
  if (results.bound) {
    table.Add({{"clairvoyant bound"}, {Number("", *results.bound)}, {"0.00%"}, {"0.00%"}});
  }
  std::string text = table.Render(look);
  const SimulationRun* product = results.Find("heliotrope");
  const SimulationRun* truth = results.Find(kTrueForecast);
  if (results.bound && product != nullptr && truth != nullptr) {
    absl::StrAppendFormat(&text, "regret: %.2f of the forecast, %.2f of the planner, USD/MWh\n",
                          product->score.mean_price - truth->score.mean_price,
                          truth->score.mean_price - *results.bound);
  }
  return text;
}

absl::Status WriteFiles(const Flags& flags, const sim::World& world, const Results& results) {
  if (!flags.journal.empty()) {
    HT_RETURN_IF_ERROR(os::WriteFileAtomically(flags.journal,
                                               sim::JournalCsv(world, results.runs[0].journal),
                                               {.mode = 0644, .sync = false}));
  }
  if (flags.svg.empty()) return absl::OkStatus();
  HT_ASSIGN_OR_RETURN(const std::string picture, RunGnuplot(SimulationScript(world, results.runs)));
  return os::WriteFileAtomically(flags.svg, picture, {.mode = 0644});
}

Outcome Simulate(Context& context, const Flags& flags) {
  if (flags.all() && !flags.journal.empty()) {
    return Misuse("--journal holds what one policy did: name it with --policy");
  }
  if (flags.days.value_or(1) < 1) return Misuse("--days must be 1 or more");
  Results results;
  HT_ASSIGN_OR_RETURN(results.runs, RunsOf(flags));
  HT_ASSIGN_OR_RETURN(const sim::World world, Load(flags));
  RunSimulations(context, world, results.runs);
  for (const SimulationRun& run : results.runs) {
    if (!run.score.broken.empty()) {
      return absl::InternalError(absl::StrCat(
          "the journal of ", run.name, " cannot be true: ", absl::StrJoin(run.score.broken, ", ")));
    }
  }
  if (flags.bound || flags.all()) {
    results.bound = sim::BoundPrice(world, flags.days.value_or(kAllDays));
    if (!results.bound) {
      context.Say("no bound: the work does not fit before its deadlines, however it is divided");
    }
  }
  HT_RETURN_IF_ERROR(WriteFiles(flags, world, results));
  if (context.json()) {
    context.PrintJson(JsonOf(flags, results));
  } else {
    context.Print(TextOf(results, context.look()));
  }
  return Exit::kOk;
}

}  // namespace

void AddSimulate(CommandTree& tree) {
  const auto flags = std::make_shared<Flags>();
  Verb verb = tree.AddCommand(
      {"simulate",
       "runs policies over a recorded world of load, prices and jobs; needs no scheduler",
       {"heliotrope simulate --world my-world --policy all",
        "heliotrope simulate --world my-world --days 7 --bound --svg week.svg",
        "heliotrope simulate --world my-world --policy cheapest-now --journal ran.csv"},
       ""},
      [flags](Context& context) { return Simulate(context, *flags); });
  verb.Text("--world", flags->world, "DIR", "holds world.yaml, which names the other files");
  verb.Text("--policy", flags->policy, "NAME",
            absl::StrCat(absl::StrJoin(sim::PolicyNames(), ", "), ", or all to compare them"));
  verb.Number("--days", flags->days, "let jobs come for so many days only");
  verb.Text("--journal", flags->journal, "FILE", "write what ran where and when there, as CSV");
  verb.Text("--svg", flags->svg, "FILE", "draw prices paid and how full it was there");
  verb.Flag("--bound", flags->bound,
            "compute the clairvoyant bound, too, and what of the way to it is whose");
  verb.Text("--forecast", flags->forecast, "NAME",
            absl::StrCat("what heliotrope is told of the load: ",
                         absl::StrJoin(sim::ForecastNames(), ", ")));
  verb.Number("--seed", flags->seed, {0, 1'000'000'000}, "of what a world leaves open (default 1)");
  verb.Require("--world");
}

}  // namespace heliotrope::cli
