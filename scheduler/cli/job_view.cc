#include "scheduler/cli/job_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/units.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {
namespace {

// In scheduling time, which may run a thousand times as fast.
constexpr absl::Duration kAnswerTakes = absl::Minutes(15);

std::string ShortTask(const std::string& name) {
  return absl::StrReplaceAll(ShortName(name), {{"/tasks/", "/"}});
}

// The detail for people if there is one, else the constant.
std::string Why(const std::string& reason, const std::string& detail) {
  return detail.empty() ? reason : detail;
}

// "98 %", of a task for which no time is left "0 %".
std::string ChanceWords(double chance) {
  if (chance >= 0.995) return "over 99 %";
  if (chance > 0 && chance < 0.005) return "below 1 %";
  return absl::StrFormat("%.0f %%", chance * 100);
}

std::string CheckpointWords(const v1::TaskTemplate& task) {
  if (!task.has_checkpoint()) return "none: it is never moved";
  const v1::Checkpointing& checkpoint = task.checkpoint();
  std::string text = checkpoint.signal().empty() ? "on SIGTERM" : "on " + checkpoint.signal();
  if (checkpoint.has_grace()) {
    absl::StrAppend(&text, ", within ", ShortDuration(DurationOf(checkpoint.grace())));
  }
  if (checkpoint.has_interval()) {
    absl::StrAppend(&text, ", every ", ShortDuration(DurationOf(checkpoint.interval())));
  }
  return text;
}

std::string ShapeWords(const v1::Job& job) {
  const v1::TaskTemplate& task = job.task();
  std::string text = absl::StrCat(job.count() == 1 ? "" : absl::StrCat(job.count(), " times "),
                                  ToString(MilliCores::FromMilli(task.milli_cores())), ", ",
                                  SizeWords(task.memory_bytes()));
  if (task.has_expected_duration()) {
    absl::StrAppend(&text, ", expected ", ShortDuration(DurationOf(task.expected_duration())));
  }
  return text;
}

// How the last attempt that ended went: "exit 1", "signal 9", or "".
std::string ExitWords(const v1::Task& task) {
  if (task.has_exit_signal()) return absl::StrCat("signal ", task.exit_signal());
  if (task.has_exit_code()) return absl::StrCat("exit ", task.exit_code());
  return "";
}

std::string ExpectedWords(const v1::Task& task, absl::Time now) {
  if (HasEnded(task.state())) return ExitWords(task);
  if (task.has_expected_end_time()) {
    return absl::StrCat("ends ", Relative(TimeOf(task.expected_end_time()), now),
                        task.has_expected_late() ? ", LATE" : "");
  }
  return task.has_expected_late() ? "LATE" : "";
}

// "would start at ...; chance to be in time 12 %; foreseen 3h ago".
std::string LateWords(const v1::ExpectedLate& late, absl::Time now) {
  return absl::StrCat(Why(late.reason(), late.detail()), "; chance to be in time ",
                      ChanceWords(late.chance()), "; foreseen ",
                      Relative(TimeOf(late.foreseen_time()), now));
}

// "1h25m expected, planned for up to 9h40m: 3 tasks of its name have ended so far". Without a
// deadline it is planned for what is expected.
std::string WorkWords(const v1::ExplainJobResponse& answer) {
  if (!answer.has_work_left()) return "";
  std::string text = absl::StrCat(ShortDuration(DurationOf(answer.work_left())), " expected");
  if (!answer.has_deadline_chance()) return text;
  const int64_t ended = answer.ended_alike();
  absl::StrAppend(&text, ", planned for up to ",
                  ShortDuration(DurationOf(answer.work_left_at_most())), ": ",
                  ended == 0 ? "none" : absl::StrCat(ended), " of its name ",
                  ended == 1 ? "has" : "have", " ended so far");
  return text;
}

std::string VerdictWords(v1::ExplainJobResponse::Option::Verdict verdict) {
  switch (verdict) {
    case v1::ExplainJobResponse::Option::VERDICT_FITS:
      return "fits now";
    case v1::ExplainJobResponse::Option::VERDICT_LATER:
      return "later";
    case v1::ExplainJobResponse::Option::VERDICT_NEVER:
      return "never";
    default:
      return "?";
  }
}

// "runs" where it is already.
std::string VerdictWords(const v1::Task& task, const v1::ExplainJobResponse::Option& option) {
  const bool holds_node = task.state() == v1::Task::STATE_ASSIGNED ||
                          task.state() == v1::Task::STATE_RUNNING ||
                          task.state() == v1::Task::STATE_CHECKPOINTING;
  return option.chosen() && holds_node ? "is there" : VerdictWords(option.verdict());
}

// A start of now is told as that, however long the answer took.
std::string StartWords(const v1::ExplainJobResponse::Option& option, absl::Time now) {
  if (!option.has_start_time()) return "";
  const absl::Time start = TimeOf(option.start_time());
  const bool fits = option.verdict() == v1::ExplainJobResponse::Option::VERDICT_FITS;
  return fits && start <= now && now - start < kAnswerTakes ? "now" : Relative(start, now);
}

Style VerdictStyle(v1::ExplainJobResponse::Option::Verdict verdict) {
  if (verdict == v1::ExplainJobResponse::Option::VERDICT_FITS) return Style::kGood;
  return verdict == v1::ExplainJobResponse::Option::VERDICT_LATER ? Style::kWarn : Style::kFaint;
}

std::string OptionsText(const v1::ExplainJobResponse& answer, absl::Time now, const Look& look) {
  Table table(
      {{""}, {"DATA CENTER"}, {"VERDICT"}, {"START"}, {"END"}, {"PRICE", Align::kRight}, {"WHY"}});
  for (const auto& option : answer.options()) {
    table.Add({{option.chosen() ? "*" : "", Style::kStrong},
               {ShortName(option.data_center())},
               {VerdictWords(answer.task(), option), VerdictStyle(option.verdict())},
               {StartWords(option, now)},
               {option.has_end_time() ? Relative(TimeOf(option.end_time()), now) : ""},
               {option.verdict() == v1::ExplainJobResponse::Option::VERDICT_NEVER
                    ? ""
                    : absl::StrFormat("%.1f", option.mean_price())},
               {Why(option.reason(), option.detail())}});
  }
  return table.empty() ? "" : table.Render(look);
}

// Name, state, and what else there is to say.
std::string WatchLine(const std::string& name, const Cell& state,
                      const std::vector<std::string>& more, const Look& look) {
  std::string rest;
  for (const std::string& part : more) {
    if (!part.empty()) absl::StrAppend(&rest, "  ", Printable(part));
  }
  const std::string word = rest.empty() ? state.text : PadRight(state.text, 9);
  return absl::StrCat(PadRight(Printable(name), 20), "  ", Paint(word, state.style, look), rest);
}

}  // namespace

Cell DeadlineCell(const v1::Job& job, absl::Time now) {
  if (!job.has_deadline()) return {""};
  const std::string deadline = Relative(TimeOf(job.deadline()), now);
  if (!job.has_expected_late()) return {deadline};
  return {absl::StrCat(deadline, ", LATE"), Style::kBad};
}

std::string JobText(const v1::Job& job, absl::Time now, const Look& look) {
  Facts facts;
  facts.Add("job", job.name(), Style::kStrong);
  facts.Add(
      "state",
      absl::StrCat(StateWords(job.state()),
                   job.cancel_requested() && !HasEnded(job.state()) ? ", cancelled by request" : "",
                   " (", CountsWords(job.task_counts()), ")"),
      StateStyle(job.state()));
  facts.Add("why", job.status_message());
  facts.Add("command", absl::StrJoin(job.task().command(), " "));
  facts.Add("asks", ShapeWords(job));
  facts.Add("checkpoint", CheckpointWords(job.task()));
  facts.Add("residency", absl::StrJoin(job.residency(), ", "));
  facts.Add("account", job.account());
  facts.Add("home", job.home());
  if (job.priority() != 0) facts.Add("priority", absl::StrCat(job.priority()));
  if (job.has_deadline()) facts.Add("deadline", TimeWordsFrom(TimeOf(job.deadline()), now));
  if (job.has_expected_late()) {
    facts.Add("expected late", LateWords(job.expected_late(), now), Style::kBad);
  }
  if (job.has_create_time()) facts.Add("accepted", TimeWordsFrom(TimeOf(job.create_time()), now));
  if (job.has_expected_end_time() && !HasEnded(job.state())) {
    facts.Add("expected end", TimeWordsFrom(TimeOf(job.expected_end_time()), now));
  }
  if (job.has_end_time()) facts.Add("ended", TimeWordsFrom(TimeOf(job.end_time()), now));
  return facts.Render(look);
}

std::string TasksText(const Tasks& tasks, const Zones& zones, absl::Time now, const Look& look) {
  Table table({{"TASK", Align::kRight},
               {"STATE"},
               {"WHERE"},
               {"ATTEMPT", Align::kRight},
               {"SAVED", Align::kRight},
               {"OUTLOOK"},
               {"WHY"}});
  Table journeys({{"TASK", Align::kRight}, {"JOURNEY"}});
  for (const v1::Task& task : tasks) {
    const std::string index = absl::StrCat(TaskIndexOf(task.name()));
    table.Add(
        {{index},
         {StateWords(task.state()), StateStyle(task.state())},
         {ShortName(task.data_center())},
         {task.attempt() > 0 ? absl::StrCat(task.attempt()) : ""},
         {task.has_checkpoint() ? ShortDuration(DurationOf(task.checkpoint().progress())) : ""},
         {ExpectedWords(task, now), task.has_expected_late() ? Style::kBad : Style::kPlain},
         {Why(task.reason(), task.detail())}});
    const std::string journey = Journey(task, zones);
    if (!journey.empty()) journeys.Add({{index}, {journey}});
  }
  if (table.empty()) return "";
  // A journey is the point of it all: never cut it.
  Look uncut = look;
  uncut.width = 0;
  return absl::StrCat(table.Render(look), journeys.empty() ? "" : "\n",
                      journeys.empty() ? "" : journeys.Render(uncut));
}

std::string TaskText(const v1::Task& task, const Zones& zones, absl::Time now, const Look& look) {
  Facts facts;
  facts.Add("task", task.name(), Style::kStrong);
  facts.Add("state", StateWords(task.state()), StateStyle(task.state()));
  facts.Add("why", Why(task.reason(), task.detail()));
  facts.Add("last exit", ExitWords(task));
  if (task.failures() > 0) facts.Add("failures", absl::StrCat(task.failures()));
  if (task.has_checkpoint()) {
    const v1::CheckpointInfo& saved = task.checkpoint();
    facts.Add("saved", absl::StrCat(ShortDuration(DurationOf(saved.progress())), " of work, ",
                                    SizeWords(saved.size_bytes()), ", on ",
                                    absl::StrJoin(saved.nodes(), ", ")));
  }
  if (task.has_expected_start_time() && task.state() == v1::Task::STATE_PENDING) {
    facts.Add("expected start", TimeWordsFrom(TimeOf(task.expected_start_time()), now));
  }
  if (task.has_expected_end_time() && !HasEnded(task.state())) {
    facts.Add("expected end", TimeWordsFrom(TimeOf(task.expected_end_time()), now));
  }
  if (task.has_expected_late()) {
    facts.Add("expected late", LateWords(task.expected_late(), now), Style::kBad);
  }
  facts.Add("journey", Journey(task, zones));
  std::string text = facts.Render(look);
  Table attempts({{"ATTEMPT", Align::kRight}, {"NODE"}, {"STARTED"}, {"ENDED"}, {"WHY"}});
  for (const v1::Attempt& attempt : task.attempts()) {
    std::string why = Why(attempt.placement_reason(), attempt.placement_detail());
    const std::string end = Why(attempt.end_reason(), attempt.end_detail());
    if (!end.empty()) absl::StrAppend(&why, "; ended: ", end);
    attempts.Add({{absl::StrCat(attempt.number())},
                  {ShortName(attempt.node())},
                  {attempt.has_start_time() ? TimeWords(TimeOf(attempt.start_time())) : ""},
                  {attempt.has_end_time() ? TimeWords(TimeOf(attempt.end_time())) : ""},
                  {why}});
  }
  return attempts.empty() ? text : absl::StrCat(text, "\n", attempts.Render(look));
}

std::string JobLine(const v1::Job& job, const Look& look) {
  return WatchLine(ShortName(job.name()), {StateWords(job.state()), StateStyle(job.state())},
                   {CountsWords(job.task_counts()), job.status_message()}, look);
}

std::string TaskLine(const v1::Task& task, const Look& look) {
  const std::string where =
      task.attempt() > 0 ? absl::StrCat(ShortName(task.data_center()), ", attempt ", task.attempt())
                         : "";
  return WatchLine(ShortTask(task.name()), {StateWords(task.state()), StateStyle(task.state())},
                   {where, Why(task.reason(), task.detail())}, look);
}

std::string ExplainText(const v1::ExplainJobResponse& answer, absl::Time now, const Look& look) {
  const v1::Task& task = answer.task();
  std::string text = absl::StrCat(Paint(Printable(answer.summary()), Style::kStrong, look), "\n\n");
  Facts facts;
  facts.Add("task", task.name());
  facts.Add("state", StateWords(task.state()), StateStyle(task.state()));
  facts.Add("why", task.detail().empty() || task.reason().empty()
                       ? Why(task.reason(), task.detail())
                       : absl::StrCat(task.reason(), ": ", task.detail()));
  if (task.attempt() > 0) {
    facts.Add("last place",
              absl::StrCat(ShortName(task.data_center()), ", attempt ", task.attempt()));
  }
  if (task.has_expected_start_time() && task.state() == v1::Task::STATE_PENDING) {
    facts.Add("expected start", TimeWordsFrom(TimeOf(task.expected_start_time()), now));
  }
  if (task.has_expected_end_time() && !HasEnded(task.state())) {
    facts.Add("expected end", TimeWordsFrom(TimeOf(task.expected_end_time()), now));
  }
  if (task.has_expected_late()) {
    facts.Add("expected late", LateWords(task.expected_late(), now), Style::kBad);
  }
  if (answer.has_deadline_chance()) {
    facts.Add(
        "chance to meet its deadline",
        absl::StrCat(
            ChanceWords(answer.deadline_chance()),
            answer.deadline_chance_learned() ? "" : " (no history: against the expectation only)"));
  }
  facts.Add("work left", WorkWords(answer));
  if (!HasEnded(task.state())) {
    facts.Add("planned by",
              answer.planning_mode() == "forecast" ? "forecasts" : "measured load only");
    if (answer.has_plan_time()) facts.Add("plan made", Relative(TimeOf(answer.plan_time()), now));
  }
  absl::StrAppend(&text, facts.Render(look));
  const std::string options = OptionsText(answer, now, look);
  if (!options.empty()) absl::StrAppend(&text, "\n", options);
  if (answer.remedies_size() > 0) absl::StrAppend(&text, "\nit would be better off:\n");
  for (const std::string& line : answer.remedies()) {
    absl::StrAppend(&text, "   ", Printable(line), "\n");
  }
  return text;
}

}  // namespace heliotrope::cli
