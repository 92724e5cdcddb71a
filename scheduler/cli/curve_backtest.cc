#include "scheduler/cli/curve_backtest.h"

#include <google/protobuf/struct.pb.h>

#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/table.h"
#include "scheduler/curve/backtest.h"
#include "scheduler/os/clock.h"
#include "scheduler/os/csv.h"
#include "scheduler/os/files.h"

namespace heliotrope::cli {
namespace {

using google::protobuf::Struct;

struct Flags {
  std::string load;
  std::string column = "load";
  std::string time_zone;
  std::optional<absl::Duration> test;
  std::optional<absl::Duration> origin_step;
  std::optional<absl::Duration> horizon;
  std::string out;
  bool compare = false;
};

// "p50" and its place among the quantiles that are shown.
constexpr std::pair<const char*, size_t> kShown[] = {{"p03", 0}, {"p10", 1}, {"p50", 3},
                                                     {"p90", 5}, {"p95", 6}, {"p97", 7}};

// Written whole or not at all.
absl::Status WriteForecasts(const std::string& path, const curve::Backtest& backtest) {
  std::string text = "origin_utc,target_utc";
  for (const auto& [name, at] : kShown) absl::StrAppend(&text, ",", name);
  text += "\n";
  for (const curve::BacktestPoint& point : backtest.points) {
    absl::StrAppend(&text, Rfc3339(point.origin), ",", Rfc3339(point.target));
    for (const auto& [name, at] : kShown) absl::StrAppendFormat(&text, ",%.6g", point.forecast[at]);
    text += "\n";
  }
  return os::WriteFileAtomically(path, text, {.mode = 0644});
}

// What cannot be told is left out.
void Set(Struct& to, const std::string& name, double value) {
  if (std::isfinite(value)) (*to.mutable_fields())[name].set_number_value(value);
}

Struct& Sub(Struct& of, const std::string& name) {
  return *(*of.mutable_fields())[name].mutable_struct_value();
}

void SetErrors(Struct& to, const curve::Scores& scores) {
  Set(to, "points", static_cast<double>(scores.points));
  Set(to, "wape_percent", 100 * scores.wape);
  Set(to, "mase", scores.mase);
}

Struct JsonOf(const curve::Backtest& backtest, const Flags& flags) {
  Struct json;
  (*json.mutable_fields())["load"].set_string_value(flags.load);
  (*json.mutable_fields())["time_zone"].set_string_value(flags.time_zone);
  Set(json, "step_seconds", absl::ToDoubleSeconds(backtest.step));
  Set(json, "samples", static_cast<double>(backtest.samples));
  Set(json, "missing_samples", static_cast<double>(backtest.missing));
  Set(json, "training_seconds", absl::ToDoubleSeconds(backtest.trained));
  Set(json, "origins", static_cast<double>(backtest.origins));
  SetErrors(json, backtest.scores);
  // Of the mean load, as the WAPE is.
  Struct& pinball = Sub(json, "pinball_percent");
  Set(pinball, "p50", 100 * backtest.scores.pinball[0]);
  Set(pinball, "p90", 100 * backtest.scores.pinball[1]);
  Set(pinball, "p95", 100 * backtest.scores.pinball[2]);
  Struct& coverage = Sub(json, "coverage_percent");
  for (const auto& [name, at] : kShown) Set(coverage, name, 100 * backtest.scores.coverage[at]);
  if (flags.compare) {
    Struct& compare = Sub(json, "compare");
    SetErrors(Sub(compare, "naive_day"), backtest.naive_day);
    SetErrors(Sub(compare, "naive_week"), backtest.naive_week);
    SetErrors(Sub(compare, "profile_level"), backtest.profile_level);
  }
  return json;
}

std::string Number(const char* unit, double value) {
  return std::isfinite(value) ? absl::StrFormat("%.2f%s", value, unit) : "-";
}

std::string TextOf(const curve::Backtest& backtest, const Flags& flags, const Look& look) {
  Facts facts;
  facts.Add("series",
            absl::StrCat(backtest.samples, " samples every ", ShortDuration(backtest.step), ", ",
                         backtest.missing, " missing; ", ShortDuration(backtest.trained),
                         " to learn from"));
  facts.Add("forecasts",
            absl::StrCat(backtest.origins, " origins, ", backtest.scores.points, " points"));
  std::string coverage;
  for (const auto& [name, at] : kShown) {
    absl::StrAppendFormat(&coverage, "%s%s %.1f%%", coverage.empty() ? "" : "  ", name,
                          100 * backtest.scores.coverage[at]);
  }
  facts.Add("coverage", coverage);
  facts.Add("pinball",
            absl::StrCat("p50 ", Number("%", 100 * backtest.scores.pinball[0]), "  p90 ",
                         Number("%", 100 * backtest.scores.pinball[1]), "  p95 ",
                         Number("%", 100 * backtest.scores.pinball[2]), "  of the mean load"));
  Table table({{"METHOD"}, {"WAPE", Align::kRight}, {"MASE", Align::kRight}});
  const auto add = [&table](const char* name, const curve::Scores& scores) {
    table.Add({{name}, {Number("%", 100 * scores.wape)}, {Number("", scores.mase)}});
  };
  add("heliotrope", backtest.scores);
  if (flags.compare) {
    add("same time a day before", backtest.naive_day);
    add("same time a week before", backtest.naive_week);
    add("4-week profile and level", backtest.profile_level);
  }
  return absl::StrCat(facts.Render(look), table.Render(look));
}

Outcome Run(Context& context, const Flags& flags) {
  HT_ASSIGN_OR_RETURN(const absl::TimeZone zone, os::LoadTimeZone(flags.time_zone));
  HT_ASSIGN_OR_RETURN(const std::vector<os::Sample> rows,
                      os::ReadSeriesCsv(flags.load, {.value_column = flags.column}));
  if (rows.empty()) return absl::InvalidArgumentError(absl::StrCat(flags.load, ": no samples"));
  std::vector<curve::Sample> samples;
  samples.reserve(rows.size());
  for (const os::Sample& row : rows) samples.push_back({row.time, row.value});
  curve::BacktestOptions options{.compare = flags.compare};
  options.test = flags.test.value_or(options.test);
  options.origin_step = flags.origin_step.value_or(options.origin_step);
  options.horizon = flags.horizon.value_or(options.horizon);
  HT_ASSIGN_OR_RETURN(const curve::Backtest backtest, curve::RunBacktest(samples, zone, options),
                      flags.load);
  if (!flags.out.empty()) HT_RETURN_IF_ERROR(WriteForecasts(flags.out, backtest));
  if (context.json()) {
    context.PrintJson(JsonOf(backtest, flags));
  } else {
    context.Print(TextOf(backtest, flags, context.look()));
  }
  return Exit::kOk;
}

}  // namespace

void AddCurveBacktest(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<Flags>();
  Verb verb = tree.AddVerb(
      noun,
      {"backtest",
       "forecasts a recorded series as if it were coming, and scores that; needs no scheduler",
       {"heliotrope curve backtest --load frankfurt.csv --time-zone Europe/Berlin --compare",
        "heliotrope curve backtest --load web.csv --time-zone Asia/Tokyo --out forecasts.csv"},
       ""},
      [flags](Context& context) { return Run(context, *flags); });
  verb.Text("--load", flags->load, "FILE",
            "CSV: a header `timestamp_utc,load`, rows in order of time; steps of 5m to 1h, any "
            "positive unit, rows may be missing");
  verb.Text("--column", flags->column, "NAME", "the second column's title");
  verb.Text("--time-zone", flags->time_zone, "ZONE", "where its people live: Europe/Berlin");
  verb.Duration("--test", flags->test, "the last part, which is forecast (default 14d)");
  verb.Duration("--origin-step", flags->origin_step, "from one forecast to the next (default 6h)");
  verb.Duration("--horizon", flags->horizon, "how far each looks (default 24h, at most 7d)");
  verb.Text("--out", flags->out, "FILE", "write every forecast there, as CSV");
  verb.Flag("--compare", flags->compare, "score simple methods, too");
  verb.Require("--load");
  verb.Require("--time-zone");
}

}  // namespace heliotrope::cli
