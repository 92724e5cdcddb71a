// What would become of a job, were it submitted now. Changes nothing.
#include <utility>

#include "scheduler/core/machine.h"

namespace heliotrope::core {

namespace {

// What the plan has given away already, block by block of the newer grid. Without a plan: as if all
// that runs stayed.
template <typename Measure>
std::vector<std::vector<Measure>> PlannedOn(const plan::Input& board, const plan::Plan& plan,
                                            const std::vector<std::vector<Measure>>& given,
                                            Measure plan::Site::*runs) {
  std::vector<std::vector<Measure>> planned(board.sites.size());
  for (size_t site = 0; site < board.sites.size(); ++site) {
    planned[site].assign(board.grid.size(), board.sites[site].*runs);
    if (site >= given.size()) continue;
    for (size_t block = 0; block < board.grid.size(); ++block) {
      const size_t from = plan::BlockIndex(plan.grid, board.grid[block].start);
      planned[site][block] = from < given[site].size() ? given[site][from] : Measure();
    }
  }
  return planned;
}

}  // namespace

Preview Machine::PreviewOf(const JobId& id, std::shared_ptr<const model::JobSpec> spec) const {
  Preview preview;
  Job& job = preview.job;
  job.id = id;
  job.spec = std::move(spec);
  job.create_time = now_;
  job.tasks.resize(1);
  job.counts.pending = job.spec->count;
  preview.task_class = ClassOf(job, job.tasks[0]);
  // No class has it yet, and it stands behind all that have been submitted.
  preview.task_class.id = next_class_id_;
  preview.task_class.count = static_cast<int>(job.spec->count);
  plan::Input input = board_;
  input.now = now_;
  input.accounts = PlanAccounts();
  AddAccount(job.spec->account, input.accounts);
  preview.plan.made = plan_.made;
  preview.plan.grid = input.grid;
  preview.plan.planned = PlannedOn(input, plan_, plan_.planned, &plan::Site::batch_now);
  preview.plan.planned_memory =
      PlannedOn(input, plan_, plan_.planned_memory, &plan::Site::batch_memory);
  if (!input.grid.empty()) plan::PlaceClass(input, preview.task_class, preview.plan);
  return preview;
}

}  // namespace heliotrope::core
