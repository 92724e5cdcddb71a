// heliotrope simulate: policies over a recorded world, without a scheduler.
#include <google/protobuf/struct.pb.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/cli/failure.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/table.h"
#include "scheduler/os/clock.h"
#include "scheduler/os/files.h"
#include "scheduler/sim/load_world.h"
#include "scheduler/sim/policy.h"
#include "scheduler/sim/score.h"

namespace heliotrope::cli {
namespace {

using google::protobuf::Struct;

struct Flags {
  std::string world;
  std::string policy = "heliotrope";
  std::string forecast = "learned";
  std::string journal;
  int days = 400;
  int64_t seed = 1;
};

// One simulated policy.
struct Run {
  std::string policy;
  sim::Score score;
  absl::Duration took;
};

// A line on a terminal that is written over as the simulation goes on.
class ProgressLine {
 public:
  ProgressLine(Context& context, std::string what)
      : out_(context.console().err_is_terminal ? &context.console().err : nullptr),
        what_(std::move(what)),
        started_(os::Boottime()) {}
  ~ProgressLine() {
    if (out_ != nullptr && shown_) *out_ << "\r\x1b[K" << std::flush;
  }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Show(double done) {
    const absl::Duration now = os::Boottime();
    if (out_ == nullptr || now - last_ < absl::Milliseconds(200)) return;
    last_ = now;
    shown_ = true;
    const absl::Duration left = (now - started_) / std::max(done, 1e-6) * (1 - done);
    *out_ << absl::StrFormat("\r\x1b[K%s: %3.0f%%, %s to go", what_, 100 * done,
                             done > 0.01 ? ShortDuration(absl::Ceil(left, absl::Seconds(1))) : "?")
          << std::flush;
  }

 private:
  std::ostream* out_;
  std::string what_;
  absl::Duration started_;
  absl::Duration last_ = -absl::InfiniteDuration();
  bool shown_ = false;
};

absl::StatusOr<sim::World> Load(const Flags& flags) {
  os::FileProblems problems(sim::kMostProblems);
  sim::World world = sim::LoadWorld(flags.world, problems);
  if (problems.count() == 0) return world;
  std::string text =
      absl::StrCat(problems.count(), " problem", problems.count() == 1 ? "" : "s", " in world ",
                   flags.world, ":\n", absl::StrJoin(problems.texts(), "\n"));
  if (problems.count() > problems.texts().size()) {
    absl::StrAppend(&text, "\n... and ", problems.count() - problems.texts().size(), " more");
  }
  return absl::InvalidArgumentError(text);
}

absl::StatusOr<Run> RunPolicy(Context& context, const Flags& flags, const sim::World& world,
                              const std::string& name) {
  sim::Options options;
  HT_ASSIGN_OR_RETURN(options.policy, sim::ParsePolicy(name));
  HT_ASSIGN_OR_RETURN(options.forecast, sim::ParseForecast(flags.forecast));
  options.days = flags.days;
  options.seed = static_cast<uint64_t>(flags.seed);
  ProgressLine line(context, name);
  options.progress = [&line](double done) { line.Show(done); };
  const absl::Duration started = os::Boottime();
  const sim::Journal journal = sim::Simulate(world, options);
  Run run{name, sim::ScoreJournal(world, journal), os::Boottime() - started};
  if (!flags.journal.empty()) {
    HT_RETURN_IF_ERROR(os::WriteFileAtomically(flags.journal, sim::JournalCsv(world, journal),
                                               {.mode = 0644, .sync = false}));
  }
  return run;
}

std::string Percent(double share) { return absl::StrFormat("%.2f%%", 100 * share); }

std::string TextOf(const std::vector<Run>& runs, const Look& look) {
  Table table({{"POLICY"},
               {"MEAN PRICE", Align::kRight},
               {"MISSES", Align::kRight},
               {"OVERLOAD", Align::kRight},
               {"MOVES", Align::kRight},
               {"TOOK", Align::kRight}});
  for (const Run& run : runs) {
    const sim::Score& score = run.score;
    table.Add({{run.policy},
               {absl::StrFormat("%.2f", score.mean_price)},
               {Percent(score.miss_share())},
               {Percent(score.overload_share())},
               {absl::StrFormat("%.3f", score.moves_per_movable_job())},
               {absl::StrFormat("%.1fs", absl::ToDoubleSeconds(run.took))}});
  }
  return table.Render(look);
}

Outcome Simulate(Context& context, const Flags& flags) {
  HT_ASSIGN_OR_RETURN(const sim::World world, Load(flags));
  std::vector<std::string> names = {flags.policy};
  if (flags.policy == "all") names = sim::PolicyNames();
  std::vector<Run> runs;
  for (const std::string& name : names) {
    HT_ASSIGN_OR_RETURN(Run run, RunPolicy(context, flags, world, name));
    for (const std::string& broken : run.score.broken) {
      return absl::InternalError(absl::StrCat(name, " broke the rules: ", broken));
    }
    runs.push_back(std::move(run));
  }
  context.Print(TextOf(runs, context.look()));
  return Exit::kOk;
}

}  // namespace

void AddSimulate(CommandTree& tree) {
  const auto flags = std::make_shared<Flags>();
  Verb verb = tree.AddCommand(
      {"simulate",
       "runs policies over a recorded world of load, prices and jobs; needs no scheduler",
       {"heliotrope simulate --world worlds/a --policy all",
        "heliotrope simulate --world worlds/a --days 7 --journal journal.csv"},
       ""},
      [flags](Context& context) { return Simulate(context, *flags); });
  verb.Text("--world", flags->world, "DIR", "holds world.yaml, which names the other files");
  verb.Text("--policy", flags->policy, "NAME",
            absl::StrCat(absl::StrJoin(sim::PolicyNames(), ", "), ", or all"));
  verb.Text("--forecast", flags->forecast, "NAME", absl::StrJoin(sim::ForecastNames(), ", "));
  verb.Number("--days", flags->days, {1, 400}, "let jobs come for so many days only");
  verb.Number("--seed", flags->seed, {0, 1'000'000'000},
              "of what the world leaves open (default 1)");
  verb.Text("--journal", flags->journal, "FILE", "write what ran where and when there, as CSV");
  verb.Require("--world");
}

}  // namespace heliotrope::cli
