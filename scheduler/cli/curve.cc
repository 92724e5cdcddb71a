// heliotrope curve show|import|backtest
#include "heliotrope/v1/curves.grpc.pb.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/cli/chart.h"
#include "scheduler/cli/chart_svg.h"
#include "scheduler/cli/curve_backtest.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/gnuplot.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/pages.h"
#include "scheduler/cli/prometheus.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/words.h"
#include "scheduler/os/csv.h"
#include "scheduler/os/files.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

// Samples of one ImportCurve call: the API's bound.
constexpr size_t kSamplesPerCall = 50'000;
// Half a year of bins is learned in one durable step: that takes longer than other calls.
constexpr absl::Duration kImportTimeout = absl::Minutes(2);
// Eight weeks are enough for a profile of the week and its errors.
constexpr absl::Duration kUsualSince = absl::Hours(24 * 56);

struct ShowFlags {
  std::string name;
  std::optional<absl::Duration> history;
  std::optional<absl::Duration> horizon;
  std::string svg;
};

struct ImportFlags {
  std::string name;
  std::string file;
  std::string column = "load";
  std::string prometheus;
  std::string query;
  std::vector<std::string> headers;
  std::string header_file;
  std::optional<absl::Duration> since;
  std::optional<absl::Duration> step;
  double peak = 1;
  bool dry_run = false;
};

Chart ChartOf(const v1::Curve& curve, absl::Duration history, absl::Duration horizon) {
  const absl::Time now = TimeOf(curve.now());
  Chart chart{
      .start = now - history, .end = now + horizon, .now = now, .zone = ZoneOf(curve.time_zone())};
  for (const v1::Curve::Sample& sample : curve.history()) {
    chart.measured.push_back({TimeOf(sample.time()), sample.load(), sample.load(), sample.load()});
  }
  for (const v1::Curve::Point& point : curve.forecast()) {
    chart.forecast.push_back(
        {TimeOf(point.time()), point.p10(), point.p50(), point.p90(), point.p97()});
  }
  return chart;
}

// "4.1% an hour ahead, 9.8% a day ahead"; "" when nothing is known yet.
std::string ErrorWords(const v1::Curve& curve) {
  std::vector<std::string> parts;
  if (curve.error_1h_ratio() >= 0) {
    parts.push_back(absl::StrFormat("%.1f%% an hour ahead", 100 * curve.error_1h_ratio()));
  }
  if (curve.error_24h_ratio() >= 0) {
    parts.push_back(absl::StrFormat("%.1f%% a day ahead", 100 * curve.error_24h_ratio()));
  }
  if (curve.coverage_p90_ratio() >= 0) {
    parts.push_back(
        absl::StrFormat("%.0f%% of outcomes under p90", 100 * curve.coverage_p90_ratio()));
  }
  std::string text;
  for (const std::string& part : parts) absl::StrAppend(&text, text.empty() ? "" : ", ", part);
  return text;
}

std::string CurveText(const v1::Curve& curve, const Chart& chart, const Look& look) {
  const std::string legend = look.utf8 ? "line: measured, then forecast (median); shade: p10 to p90"
                                       : "*: measured; o: forecast (median); :: p10 to p90";
  Facts facts;
  facts.Add("planning", curve.planning_reason().empty()
                            ? curve.planning_mode()
                            : absl::StrCat(curve.planning_mode(), ": ", curve.planning_reason()));
  facts.Add("learned", absl::StrFormat("%d bins of 5 minutes (%.1f days)", curve.bins_learned(),
                                       static_cast<double>(curve.bins_learned()) / 288.0));
  facts.Add("error", ErrorWords(curve));
  return absl::StrCat(
      Paint(ShortName(curve.name()), Style::kStrong, look), "  foreground in % of capacity, ",
      curve.time_zone(), ", now ", absl::FormatTime("%a %H:%M", chart.now, chart.zone), "\n",
      DrawChart(chart, look), Paint(legend, Style::kFaint, look), "\n", facts.Render(look));
}

Outcome Show(Context& context, const ShowFlags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  const absl::Duration history = flags.history.value_or(absl::Hours(24));
  const absl::Duration horizon = flags.horizon.value_or(absl::Hours(24));
  v1::GetCurveRequest request;
  request.set_name(FullPlaceName(flags.name));
  *request.mutable_history() = wire::ToProto(history);
  *request.mutable_horizon() = wire::ToProto(horizon);
  HT_ASSIGN_OR_RETURN(const v1::Curve curve,
                      scheduler->Read(&v1::CurveService::Stub::GetCurve, request));
  const Chart chart = ChartOf(curve, history, horizon);
  if (!flags.svg.empty()) {
    HT_ASSIGN_OR_RETURN(
        const std::string picture,
        RunGnuplot(ChartScript(chart, absl::StrCat(ShortName(curve.name()), ": foreground load, ",
                                                   curve.time_zone()))));
    HT_RETURN_IF_ERROR(os::WriteFileAtomically(flags.svg, picture, {.mode = 0644}));
  }
  if (context.json()) {
    context.PrintJson(curve);
    return Exit::kOk;
  }
  context.Print(CurveText(curve, chart, context.look()));
  if (curve.bins_learned() == 0) {
    context.Hint(absl::StrCat("heliotrope curve import ", ShortName(curve.name()), " FILE.csv"));
  }
  return Exit::kOk;
}

// The samples [from, to) as one call.
v1::ImportCurveRequest RequestOf(const ImportFlags& flags, const std::vector<os::Sample>& samples,
                                 size_t from, size_t to) {
  v1::ImportCurveRequest request;
  request.set_name(FullDataCenterName(flags.name));
  request.set_peak(flags.peak);
  request.set_validate_only(flags.dry_run);
  for (size_t i = from; i < to; ++i) {
    v1::Curve::Sample* sample = request.add_samples();
    *sample->mutable_time() = wire::ToProto(samples[i].time);
    sample->set_load(samples[i].value);
  }
  return request;
}

// Sends the samples in parts. Each part begins with the last sample of the one before, so that the
// stretch between the two is not lost; that sample's bin is then known and comes back as skipped.
absl::StatusOr<v1::ImportCurveResponse> Send(Context& context, Client& scheduler,
                                             const ImportFlags& flags,
                                             const std::vector<os::Sample>& samples) {
  v1::ImportCurveResponse total;
  for (size_t from = 0; from < samples.size();) {
    const size_t to = std::min(samples.size(), from + kSamplesPerCall);
    HT_ASSIGN_OR_RETURN(
        const v1::ImportCurveResponse part,
        scheduler.Read(&v1::CurveService::Stub::ImportCurve, RequestOf(flags, samples, from, to)),
        absl::StrCat("after ", from, " of ", samples.size(), " samples"));
    const int64_t repeated = from > 0 && !flags.dry_run ? 1 : 0;
    total.set_bins_learned(total.bins_learned() + part.bins_learned());
    total.set_bins_skipped(total.bins_skipped() +
                           std::max<int64_t>(0, part.bins_skipped() - repeated));
    if (context.console().err_is_terminal && samples.size() > kSamplesPerCall) {
      context.Say(absl::StrCat(to, " of ", samples.size(), " samples"));
    }
    if (to == samples.size()) break;
    from = to - 1;
  }
  return total;
}

absl::StatusOr<std::vector<os::Sample>> SamplesFromPrometheus(const ImportFlags& flags) {
  if (flags.query.empty()) return Misuse("--prometheus needs --query, a PromQL expression");
  RangeQuery query{.url = flags.prometheus, .query = flags.query, .headers = flags.headers};
  query.step = flags.step.value_or(query.step);
  if (query.step < absl::Minutes(5) || query.step > absl::Hours(1) ||
      query.step % absl::Minutes(5) != absl::ZeroDuration()) {
    return Misuse("--step must be 5m to 1h, in steps of 5m");
  }
  if (!flags.header_file.empty()) {
    HT_ASSIGN_OR_RETURN(const std::vector<std::string> secret, ReadHeaderFile(flags.header_file));
    query.headers.insert(query.headers.end(), secret.begin(), secret.end());
  }
  // On the grid of the bins, and the bin that is under way left out.
  const int64_t step = absl::ToInt64Seconds(query.step);
  query.to = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()) / step * step) - query.step;
  query.from = query.to - absl::Floor(flags.since.value_or(kUsualSince), query.step);
  return QueryRange(query);
}

absl::StatusOr<std::vector<os::Sample>> SamplesOf(const ImportFlags& flags) {
  const bool from_prometheus = !flags.prometheus.empty();
  if (from_prometheus == !flags.file.empty()) {
    return Misuse("give either a FILE or --prometheus with --query");
  }
  if (from_prometheus) return SamplesFromPrometheus(flags);
  if (!flags.query.empty() || !flags.headers.empty() || !flags.header_file.empty() || flags.since ||
      flags.step) {
    return Misuse("--query, --header, --header-file, --since and --step go with --prometheus");
  }
  return os::ReadSeriesCsv(flags.file, {.value_column = flags.column});
}

Outcome Import(Context& context, const ImportFlags& flags) {
  if (!(flags.peak > 0) || !std::isfinite(flags.peak)) {
    return Misuse("--peak must be a number above 0");
  }
  HT_ASSIGN_OR_RETURN(const std::vector<os::Sample> samples, SamplesOf(flags));
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler(kImportTimeout));
  HT_ASSIGN_OR_RETURN(const v1::ImportCurveResponse answer,
                      Send(context, *scheduler, flags, samples));
  if (context.json()) {
    context.PrintJson(answer);
    return Exit::kOk;
  }
  context.Print(
      absl::StrCat(answer.bins_learned(), " bins learned, ", answer.bins_skipped(), " skipped\n"));
  if (flags.dry_run) context.Say("a dry run: nothing was changed");
  context.Hint(absl::StrCat("heliotrope curve show ", flags.name));
  return Exit::kOk;
}

void AddImport(CommandTree& tree, Noun noun) {
  const auto flags = std::make_shared<ImportFlags>();
  Verb verb = tree.AddVerb(noun,
                           {"import",
                            "teaches a data center's curve measured history",
                            {"heliotrope curve import frankfurt-1 january.csv",
                             "heliotrope curve import dubai requests.csv --column rps --peak 48000",
                             "heliotrope curve import virginia --prometheus http://127.0.0.1:9090 "
                             "--query 'sum(cores)'",
                             "heliotrope curve import dubai --prometheus https://prom --query load "
                             "--header-file ~/.prom"},
                            "datacenter"},
                           [flags](Context& context) { return Import(context, *flags); });
  verb.Argument("DATACENTER", flags->name, Need::kRequired, "such as frankfurt-1");
  verb.Argument("FILE", flags->file, Need::kOptional,
                "CSV: a header `timestamp_utc,load`, then rows in order of time");
  verb.Text("--prometheus", flags->prometheus, "URL", "read from this Prometheus server instead");
  verb.Text("--query", flags->query, "PROMQL", "an expression whose answer is one series");
  verb.Duration("--since", flags->since, "how far back to ask Prometheus (default 56d)");
  verb.Duration("--step", flags->step, "from one sample to the next, 5m to 1h (default 5m)");
  verb.Repeated("--header", flags->headers, "NAME:VALUE",
                "send this to Prometheus, too; others see it in ps: no secrets here");
  verb.Text("--header-file", flags->header_file, "FILE",
            "send these, too, one NAME:VALUE a line, such as an Authorization");
  verb.Real("--peak", flags->peak, "what 100% of the capacity is in the file's unit (default 1)");
  verb.Text("--column", flags->column, "NAME", "the CSV's second column");
  verb.Flag("--dry-run", flags->dry_run, "check only");
}

std::string Hours(double hours) { return absl::StrFormat("%.1f", hours); }

std::string ArrivalsText(const v1::ListArrivalsResponse& answer, const Look& look) {
  Table table({{"ACCOUNT"},
               {"TODAY", Align::kRight},
               {"EXPECTED TODAY", Align::kRight},
               {"TOMORROW", Align::kRight},
               {"P10 TO P90", Align::kRight},
               {"7 DAYS", Align::kRight},
               {"DAYS LEARNED", Align::kRight}});
  for (const v1::Arrivals& one : answer.arrivals()) {
    if (one.days_size() < 2) continue;
    double week = 0;
    for (int i = 1; i < one.days_size(); ++i) week += one.days(i).p50_core_hours();
    const v1::Arrivals::Day& tomorrow = one.days(1);
    table.Add(
        {{one.account()},
         {Hours(one.core_hours_today())},
         {Hours(one.days(0).p50_core_hours())},
         {Hours(tomorrow.p50_core_hours())},
         {absl::StrCat(Hours(tomorrow.p10_core_hours()), " to ", Hours(tomorrow.p90_core_hours()))},
         {Hours(week)},
         {absl::StrCat(one.days_learned())}});
  }
  return table.Render(look);
}

Outcome ShowArrivals(Context& context, const std::string& account) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  v1::ListArrivalsRequest request;
  request.set_account(account);
  HT_ASSIGN_OR_RETURN(const v1::ListArrivalsResponse answer,
                      ListAll(
                          *scheduler, &v1::CurveService::Stub::ListArrivals, request,
                          +[](const v1::ListArrivalsResponse& r) { return r.arrivals_size(); }));
  if (context.json()) {
    context.PrintJson(answer);
  } else if (answer.arrivals().empty()) {
    context.Say("nothing has been submitted yet");
  } else {
    context.Print(ArrivalsText(answer, context.look()));
    context.Say("core hours by UTC day");
  }
  return Exit::kOk;
}

void AddArrivals(CommandTree& tree, Noun noun) {
  const auto account = std::make_shared<std::string>();
  Verb verb = tree.AddVerb(
      noun,
      {"arrivals",
       "shows the batch work that accounts are expected to submit, by day",
       {"heliotrope curve arrivals", "heliotrope curve arrivals --account globex --json"},
       ""},
      [account](Context& context) { return ShowArrivals(context, *account); });
  verb.Text("--account", *account, "ACCOUNT", "only this one");
}

}  // namespace

void AddCurve(CommandTree& tree) {
  const Noun noun = tree.AddNoun("curve", "load curves: what was measured, what is expected");
  const auto flags = std::make_shared<ShowFlags>();
  Verb verb = tree.AddVerb(
      noun,
      {"show",
       "draws a place's load: the last day and the next",
       {"heliotrope curve show frankfurt-1", "heliotrope curve show regions/asia --horizon 3d",
        "heliotrope curve show dubai --history 2d --svg dubai.svg"},
       "datacenter"},
      [flags](Context& context) { return Show(context, *flags); });
  verb.Argument("PLACE", flags->name, Need::kRequired, "a data center, or regions/ID");
  verb.Duration("--history", flags->history, "how much of the past (default 24h, at most 8d)");
  verb.Duration("--horizon", flags->horizon, "how far ahead (default 24h, at most 7d)");
  verb.Text("--svg", flags->svg, "FILE", "also write it there as a picture; needs gnuplot");
  AddImport(tree, noun);
  AddArrivals(tree, noun);
  AddCurveBacktest(tree, noun);
}

}  // namespace heliotrope::cli
