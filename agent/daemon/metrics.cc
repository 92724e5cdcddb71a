#include "agent/daemon/metrics.h"

#include "agent/core/reasons.h"

namespace heliotrope::agent::daemon {
namespace {

constexpr char kLeaves[] = "heliotrope_agent_leaves_total";
constexpr char kLeavesHelp[] = "Attempts told to save and leave, by why.";
constexpr char kSeals[] = "heliotrope_agent_checkpoints_total";
constexpr char kSealsHelp[] = "Checkpoints that jobs have saved, by what became of them.";

}  // namespace

Metrics::Metrics(os::MetricsRegistry& registry)
    : connects(registry.AddCounter("heliotrope_agent_connects_total",
                                   "Streams to the scheduler that were welcomed.")),
      disconnects(registry.AddCounter("heliotrope_agent_disconnects_total",
                                      "Streams to the scheduler that ended or did not open.")),
      refused_hellos(registry.AddCounter("heliotrope_agent_refused_hellos_total",
                                         "Streams that the scheduler refused for what we are.")),
      stale_messages(registry.AddCounter("heliotrope_agent_stale_messages_total",
                                         "Messages of a lower term than one seen before.")),
      sealed_bytes(registry.AddCounter("heliotrope_agent_checkpoint_sealed_bytes_total",
                                       "Bytes of checkpoints that were sealed here.")),
      pulled_bytes(registry.AddCounter("heliotrope_agent_checkpoint_pulled_bytes_total",
                                       "Bytes of checkpoints that came from other agents.")),
      served_bytes(
          registry.AddCounter("heliotrope_agent_checkpoint_served_bytes_total",
                              "Compressed bytes of checkpoints that were sent to other agents.")),
      pulls(registry.AddCounter("heliotrope_agent_checkpoint_pulls_total",
                                "Checkpoints that were to come from other agents.")),
      failed_pulls(registry.AddCounter("heliotrope_agent_checkpoint_pull_failures_total",
                                       "Checkpoints that did not come.")),
      connected(registry.AddGauge("heliotrope_agent_connected",
                                  "1 while the scheduler has welcomed this agent.")),
      lease_remaining(registry.AddGauge("heliotrope_agent_lease_remaining_seconds",
                                        "How long attempts may still run without a renewal.")),
      capacity_cores(registry.AddGauge("heliotrope_agent_capacity_cores",
                                       "Cores that batch may use of this node.")),
      promised_cores(registry.AddGauge("heliotrope_agent_promised_cores",
                                       "Cores of the attempts that have not ended.")),
      foreground_cores(registry.AddGauge("heliotrope_agent_foreground_cores",
                                         "Cores that others than us use, last measured.")),
      held_checkpoints(registry.AddGauge("heliotrope_agent_held_checkpoints",
                                         "Complete checkpoints on this node.")),
      kept_attempts(registry.AddGauge("heliotrope_agent_kept_attempts",
                                      "Ended attempts whose logs and outputs are kept.")),
      kept_bytes(registry.AddGauge("heliotrope_agent_kept_bytes",
                                   "Bytes of the logs and outputs that are kept.")),
      starts_(registry.AddCounter("heliotrope_agent_starts_total", "Processes that were started.")),
      freezes_(registry.AddCounter("heliotrope_agent_freezes_total",
                                   "Attempts frozen for the foreground.")),
      thaws_(registry.AddCounter("heliotrope_agent_thaws_total", "Frozen attempts that went on.")),
      ordered_leaves_(registry.AddCounter(kLeaves, kLeavesHelp, {{"reason", "ordered"}})),
      pressure_leaves_(
          registry.AddCounter(kLeaves, kLeavesHelp, {{"reason", "foreground_pressure"}})),
      stops_(registry.AddCounter("heliotrope_agent_stops_total", "Attempts told to stop.")),
      periodic_checkpoints_(registry.AddCounter("heliotrope_agent_periodic_checkpoints_total",
                                                "Attempts told to save and go on.")),
      sealed_(registry.AddCounter(kSeals, kSealsHelp, {{"result", "sealed"}})),
      seal_failures_(registry.AddCounter(kSeals, kSealsHelp, {{"result", "failed"}})),
      ignored_orders_(registry.AddCounter("heliotrope_agent_ignored_orders_total",
                                          "Orders that were stale or could not apply.")) {
  for (int i = 0; i < kPhaseCount; ++i) {
    const Phase phase = static_cast<Phase>(i);
    phases_.push_back(&registry.AddGauge("heliotrope_agent_attempts",
                                         "Attempts that the scheduler has not forgotten, by phase.",
                                         {{"phase", ToString(phase)}}));
    ends_.push_back(IsTerminal(phase)
                        ? &registry.AddCounter("heliotrope_agent_ends_total",
                                               "Attempts that ended here, by their last phase.",
                                               {{"phase", ToString(phase)}})
                        : nullptr);
  }
  for (const char* reason : {reasons::kResidency, reasons::kNoCapacity, reasons::kTooManyAttempts,
                             reasons::kInvalidOrder, ""}) {
    refusals_[reason] = &registry.AddCounter("heliotrope_agent_refusals_total",
                                             "Orders that were refused, by reason.",
                                             {{"reason", *reason == '\0' ? "other" : reason}});
  }
}

void Metrics::SetPhases(const std::vector<int>& counts) {
  for (size_t i = 0; i < counts.size(); ++i) phases_[i]->Set(counts[i]);
}

void Metrics::Count(const Note& note) {
  switch (note.kind) {
    case Note::Kind::kRefused: {
      const auto known = refusals_.find(note.reason);
      (known == refusals_.end() ? refusals_[""] : known->second)->Increment();
      break;
    }
    case Note::Kind::kStarted:
      starts_.Increment();
      break;
    case Note::Kind::kFrozen:
      freezes_.Increment();
      break;
    case Note::Kind::kThawed:
      thaws_.Increment();
      break;
    case Note::Kind::kLeaving:
      (note.reason == reasons::kForegroundPressure ? pressure_leaves_ : ordered_leaves_)
          .Increment();
      break;
    case Note::Kind::kStopping:
      stops_.Increment();
      break;
    case Note::Kind::kCheckpointing:
      periodic_checkpoints_.Increment();
      break;
    case Note::Kind::kSealed:
      sealed_.Increment();
      break;
    case Note::Kind::kSealFailed:
      seal_failures_.Increment();
      break;
    case Note::Kind::kEnded:
      break;
    case Note::Kind::kOrderIgnored:
      ignored_orders_.Increment();
      break;
  }
}

}  // namespace heliotrope::agent::daemon
