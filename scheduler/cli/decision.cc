// heliotrope decision list|watch
#include <algorithm>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "heliotrope/v1/plan.grpc.pb.h"
#include "scheduler/cli/decision_line.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/nouns.h"
#include "scheduler/cli/pages.h"

namespace heliotrope::cli {
namespace {

using Plans = v1::PlanService::Stub;

struct Flags {
  int limit = 100;
  std::string job;
};

// Whether a decision is about the job, or task, that was asked for.
bool IsWanted(const v1::Decision& decision, const std::string& job) {
  if (job.empty()) return true;
  const auto wanted = ParseJobOrTask(job);
  if (!wanted.has_value()) return false;
  return decision.task() == wanted->FullName() ||
         absl::StartsWith(decision.task(), absl::StrCat(wanted->FullName(), "/"));
}

// The newest `limit` of those that are wanted, oldest first.
v1::ListDecisionsResponse Newest(const v1::ListDecisionsResponse& all, const Flags& flags) {
  v1::ListDecisionsResponse kept;
  for (const v1::Decision& decision : all.decisions()) {
    if (IsWanted(decision, flags.job)) *kept.add_decisions() = decision;
  }
  const int extra = kept.decisions_size() - flags.limit;
  if (extra > 0) kept.mutable_decisions()->DeleteSubrange(0, extra);
  return kept;
}

Outcome List(Context& context, const Flags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  HT_ASSIGN_OR_RETURN(const v1::ListDecisionsResponse all,
                      ListAll(
                          *scheduler, &Plans::ListDecisions, v1::ListDecisionsRequest(),
                          +[](const v1::ListDecisionsResponse& r) { return r.decisions_size(); }));
  const v1::ListDecisionsResponse answer = Newest(all, flags);
  if (context.json()) {
    context.PrintJson(answer);
    return Exit::kOk;
  }
  for (const v1::Decision& decision : answer.decisions()) {
    context.Print(DecisionLine(decision, context.look()));
  }
  if (answer.decisions_size() == 0) context.Say("no decisions yet");
  return Exit::kOk;
}

Outcome Watch(Context& context, const Flags& flags) {
  HT_ASSIGN_OR_RETURN(Client * scheduler, context.Scheduler());
  const std::function<bool(const v1::WatchDecisionsResponse&)> show =
      [&](const v1::WatchDecisionsResponse& response) {
        const v1::Decision& decision = response.decision();
        if (!IsWanted(decision, flags.job)) return true;
        if (context.json()) {
          context.PrintJsonLine(response);
        } else {
          context.Print(DecisionLine(decision, context.look()));
        }
        return true;
      };
  const std::function<v1::WatchDecisionsRequest()> request = [] {
    return v1::WatchDecisionsRequest();
  };
  const absl::Status status = scheduler->Follow(&Plans::WatchDecisions, request, show);
  if (!status.ok() && !IsTimeUp(status)) return status;
  return Exit::kOk;
}

}  // namespace

void AddDecision(CommandTree& tree) {
  const Noun noun = tree.AddNoun("decision", "placements, moves and yields, with their reasons");
  const auto flags = std::make_shared<Flags>();
  Verb list = tree.AddVerb(
      noun,
      {"list",
       "lists the newest decisions, oldest first",
       {"heliotrope decision list --limit 20", "heliotrope decision list --job nightly-7"},
       ""},
      [flags](Context& context) { return List(context, *flags); });
  list.Number("--limit", flags->limit, {1, 10'000}, "at most so many (default 100)");
  list.Text("--job", flags->job, "NAME", "only those about this job or task");
  Verb watch = tree.AddVerb(
      noun,
      {"watch",
       "shows each decision as it is made",
       {"heliotrope decision watch", "heliotrope decision watch --job nightly-7 --json"},
       ""},
      [flags](Context& context) { return Watch(context, *flags); });
  watch.Text("--job", flags->job, "NAME", "only those about this job or task");
}

}  // namespace heliotrope::cli
