// Promise 6 when the fleet's jurisdictions change under what is there already: an attempt outside
// its job's residency is stopped without saving, since a checkpoint would rest there too; copies
// outside are released. It goes on from a copy within, or from the beginning.
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/base/mark.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

using model::Reason;

// In a data center that the fleet no longer has, only what may be anywhere.
bool Machine::MayBeOn(const model::JobSpec& spec, const Node& node) const {
  const auto site = SiteOf(node.data_center);
  if (!site) return spec.residency.any;
  return fleet_.jurisdictions.Allows(spec.residency, fleet_.data_centers[*site].jurisdiction);
}

// What a node is not told now, because it is away, it is told when it reports what it has.
void Machine::EnforceResidency() {
  for (const auto& [uid, job] : jobs_) {
    if (job->Ended() || job->spec->residency.any) continue;
    for (uint32_t index = 0; index < job->tasks.size(); ++index) {
      const model::Task& task = job->tasks[index];
      if (task.run == nullptr || IsTerminal(task.state)) continue;
      ReleaseOutside(*job, {uid, index});
      if (HoldsNode(task.state)) StopOutside(*job, {uid, index});
    }
  }
}

void Machine::ReleaseOutside(const Job& job, const TaskId& id) {
  const model::TaskRun& run = *job.tasks[id.index].run;
  std::vector<std::pair<NodeId, model::CheckpointKey>> outside;
  for (const auto* kept : {&run.checkpoint, &run.previous_checkpoint}) {
    if (!*kept) continue;
    for (const NodeId& holder : (*kept)->holders) {
      if (!MayBeOn(*job.spec, nodes_.at(holder))) outside.emplace_back(holder, (*kept)->key);
    }
  }
  for (const auto& [holder, key] : outside) {
    HT_MARK(reload_releases_a_copy);
    LoseCopy(nodes_.at(holder), key);
    ReleaseCopy(holder, key);
  }
}

void Machine::StopOutside(const Job& job, const TaskId& id) {
  const model::AttemptRecord& record = job.tasks[id.index].run->attempts.back();
  const Node& node = nodes_.at(record.node);
  if (job.cancel_requested || MayBeOn(*job.spec, node)) return;
  OrderStop(node, {id, record.number}, AttemptAction::kStop, Reason::kResidency);
  Decision decision;
  decision.from = record.data_center;
  decision.node = node.id;
  decision.attempt = record.number;
  decision.reason = Reason::kResidency;
  decision.detail = absl::StrCat("residency ", absl::StrJoin(job.spec->residency.words, ", "),
                                 " no longer allows ", record.data_center.value());
  Decide(DecisionKind::kYield, job, id, std::move(decision));
}

}  // namespace heliotrope::core
