#include "scheduler/daemon/metrics.h"

#include <string>
#include <variant>
#include <vector>

#include "scheduler/model/reason.h"

namespace heliotrope::daemon {
namespace {

using core::DecisionKind;
using model::Reason;

const std::vector<double> kCommitSeconds = {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01,
                                            0.02,   0.05,   0.1,    0.2,   0.5,   1,     5};
const std::vector<double> kBatchCommands = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
const std::vector<double> kPlanSeconds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                          0.2,   0.5,   1,     2,    5,    10};

// What the core decides for which reasons. Anything else is counted as reason "OTHER".
const std::vector<std::pair<DecisionKind, std::vector<Reason>>> kDecisions = {
    {DecisionKind::kPlace,
     {Reason::kCheapestNow, Reason::kCheapestInWindow, Reason::kDeadlineSafetyNet,
      Reason::kReactive, Reason::kMoveTarget}},
    {DecisionKind::kMove,
     {Reason::kForegroundRamp, Reason::kForegroundOverload, Reason::kCheaperElsewhere,
      Reason::kNodeDrained, Reason::kMakesWay}},
    {DecisionKind::kYield,
     {Reason::kForegroundRamp, Reason::kForegroundOverload, Reason::kCheaperElsewhere,
      Reason::kNodeDrained, Reason::kMakesWay, Reason::kResidency}},
    {DecisionKind::kNodeLost, {Reason::kLeaseExpired, Reason::kDeclaredLost}},
    {DecisionKind::kEnd,
     {Reason::kSucceeded, Reason::kExitCode, Reason::kSignal, Reason::kCancelled,
      Reason::kGraceExceeded, Reason::kRetriesExhausted}},
    {DecisionKind::kAgent, {Reason::kHostPressure}},
    {DecisionKind::kLate,
     {Reason::kMissesDeadline, Reason::kWaitingForCapacity, Reason::kWaitingForSafeWindow,
      Reason::kNoNodes, Reason::kTooLarge, Reason::kResidency, Reason::kDrained}},
    {DecisionKind::kInTime, {Reason::kExpectedInTime}},
};

std::string KindLabel(DecisionKind kind) {
  switch (kind) {
    case DecisionKind::kPlace:
      return "place";
    case DecisionKind::kMove:
      return "move";
    case DecisionKind::kYield:
      return "yield";
    case DecisionKind::kNodeLost:
      return "node_lost";
    case DecisionKind::kEnd:
      return "end";
    case DecisionKind::kAgent:
      return "agent";
    case DecisionKind::kLate:
      return "late";
    case DecisionKind::kInTime:
      return "in_time";
  }
  return "unknown";
}

}  // namespace

Metrics::Metrics(os::MetricsRegistry& registry) : registry_(registry) {
  const auto submissions = [&registry](const char* result) {
    return &registry.AddCounter("heliotrope_submissions_total",
                                "Jobs that clients asked for, by what became of the request.",
                                {{"result", result}});
  };
  accepted_ = submissions("accepted");
  replayed_ = submissions("replayed");
  refused_ = submissions("refused");
  lease_expiries_ =
      &registry.AddCounter("heliotrope_node_lease_expiries_total",
                           "Nodes that were silent longer than their lease and its margin.");
  lease_refreshes_ = &registry.AddCounter(
      "heliotrope_scheduler_lease_refreshes_total",
      "Times that the scheduler itself was held up so long that every lease counted anew.");
  for (const Lane lane : {Lane::kClients, Lane::kAgents}) {
    const std::string label = lane == Lane::kClients ? "clients" : "agents";
    queued_[lane] = &registry.AddGauge("heliotrope_scheduler_queued_commands",
                                       "Commands that wait for the core.", {{"lane", label}});
    queue_refusals_[lane] = &registry.AddCounter(
        "heliotrope_scheduler_queue_refusals_total",
        "Requests that were refused at once: the queue was full, the store stuck, or the daemon "
        "stopping.",
        {{"lane", label}});
  }
  plans_ = &registry.AddCounter("heliotrope_scheduler_plans_total", "Plans that were computed.");
  plan_seconds_ = &registry.AddHistogram("heliotrope_scheduler_plan_seconds",
                                         "How long computing a plan took.", kPlanSeconds);
  const auto reloads = [&registry](const char* result) {
    return &registry.AddCounter("heliotrope_scheduler_reloads_total",
                                "Reloads of the configuration, by what became of them.",
                                {{"result", result}});
  };
  reloads_accepted_ = reloads("accepted");
  reloads_refused_ = reloads("refused");
  term_ = &registry.AddGauge("heliotrope_scheduler_term", "This writer's term.");
  recovery_seconds_ = &registry.AddGauge("heliotrope_scheduler_recovery_seconds",
                                         "How long loading the state took when it started.");
  AddDecisions();
  AddCommits();
}

void Metrics::AddDecisions() {
  const char* name = "heliotrope_decisions_total";
  const char* help = "Decisions about tasks and nodes, by kind and reason.";
  for (const auto& [kind, reasons] : kDecisions) {
    for (const Reason reason : reasons) {
      decisions_[{kind, reason}] = &registry_.AddCounter(
          name, help,
          {{"kind", KindLabel(kind)}, {"reason", std::string(model::ReasonName(reason))}});
    }
  }
  other_decisions_ = &registry_.AddCounter(name, help, {{"kind", "other"}, {"reason", "OTHER"}});
}

void Metrics::AddCommits() {
  commits_ = &registry_.AddCounter("heliotrope_scheduler_commits_total",
                                   "Attempts to write a batch to the store.");
  commit_failures_ = &registry_.AddCounter("heliotrope_scheduler_commit_failures_total",
                                           "Attempts to write a batch that failed.");
  commit_seconds_ =
      &registry_.AddHistogram("heliotrope_scheduler_commit_seconds",
                              "How long writing a batch took, until durable.", kCommitSeconds);
  batch_commands_ = &registry_.AddHistogram("heliotrope_scheduler_batch_commands",
                                            "Commands in a batch.", kBatchCommands);
  writable_ = &registry_.AddGauge("heliotrope_scheduler_store_writable",
                                  "1 while the store takes writes, 0 while it cannot.");
  writable_->Set(1);
}

void Metrics::OnApplied(const core::Command& command, const core::Reply& reply) {
  const auto* submit = std::get_if<core::SubmitJob>(&command);
  if (submit == nullptr || submit->validate_only) return;
  if (!reply.status.ok()) {
    refused_->Increment();
  } else if (reply.replayed) {
    replayed_->Increment();
  } else {
    accepted_->Increment();
  }
}

void Metrics::OnDecision(const core::Decision& decision) {
  const auto counter = decisions_.find({decision.kind, decision.reason});
  (counter == decisions_.end() ? other_decisions_ : counter->second)->Increment();
  if (decision.reason == Reason::kLeaseExpired) lease_expiries_->Increment();
}

void Metrics::OnBatch(size_t commands) { batch_commands_->Observe(static_cast<double>(commands)); }

void Metrics::OnCommit(absl::Duration took, const absl::Status& status) {
  commits_->Increment();
  if (status.ok()) {
    commit_seconds_->Observe(absl::ToDoubleSeconds(took));
  } else {
    commit_failures_->Increment();
  }
}

void Metrics::OnRefused(Lane lane) { queue_refusals_.at(lane)->Increment(); }

void Metrics::OnLeasesRefreshed() { lease_refreshes_->Increment(); }

void Metrics::OnPlan(absl::Duration took) {
  plans_->Increment();
  plan_seconds_->Observe(absl::ToDoubleSeconds(took));
}

void Metrics::OnReload(bool accepted) {
  (accepted ? reloads_accepted_ : reloads_refused_)->Increment();
}

void Metrics::SetQueued(Lane lane, size_t commands) {
  queued_.at(lane)->Set(static_cast<double>(commands));
}

void Metrics::SetStoreWritable(bool writable) { writable_->Set(writable ? 1 : 0); }

void Metrics::SetStarted(Term term, absl::Duration recovery) {
  term_->Set(static_cast<double>(term.value()));
  recovery_seconds_->Set(absl::ToDoubleSeconds(recovery));
}

}  // namespace heliotrope::daemon
