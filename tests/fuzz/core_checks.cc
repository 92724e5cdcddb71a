#include "tests/fuzz/core_checks.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "scheduler/base/check.h"
#include "scheduler/base/limits.h"

namespace heliotrope::fuzz {
namespace {

bool Allowed(const core::Machine& machine, const core::Job& job, const DataCenterId& id) {
  for (const model::DataCenter& data_center : machine.fleet().data_centers) {
    if (data_center.id != id) continue;
    return machine.fleet().jurisdictions.Allows(job.spec->residency, data_center.jurisdiction);
  }
  return false;
}

}  // namespace

core::FleetConfig SmallFleet() {
  core::FleetConfig fleet;
  std::vector<JurisdictionCode> codes;
  for (const auto& [id, code] :
       {std::pair{"dubai", "AE"}, {"frankfurt-1", "DE"}, {"frankfurt-2", "DE"}}) {
    model::DataCenter data_center;
    data_center.id = DataCenterId(id);
    data_center.region = RegionId("world");
    data_center.jurisdiction = JurisdictionCode(code);
    data_center.time_zone = absl::UTCTimeZone();
    codes.push_back(data_center.jurisdiction);
    fleet.data_centers.push_back(std::move(data_center));
  }
  fleet.jurisdictions = model::JurisdictionTable({{"EU", {JurisdictionCode("DE")}}}, codes);
  return fleet;
}

core::MachineOptions SmallOptions() {
  return {.lease_real = absl::Seconds(60),
          .lease = absl::Seconds(60),
          .lease_margin = absl::Seconds(6),
          .major_version = 0,
          .outlook = {}};
}

std::shared_ptr<const model::JobSpec> SmallJob(size_t kind, absl::Time now) {
  auto spec = std::make_shared<model::JobSpec>();
  spec->command = {"/bin/true"};
  spec->outputs = {"**"};
  spec->account = AccountId("default");
  spec->residency.any = true;
  spec->count = 2;
  spec->request = {MilliCores::FromMilli(1500), Bytes::FromMiB(100)};
  spec->expected_duration = absl::Minutes(30);
  if (kind >= 1) spec->checkpoint.emplace();
  if (kind >= 2) spec->residency = {.any = false, .words = {"EU"}};
  if (kind == 3) spec->deadline = now + absl::Hours(2);
  if (kind == 4) {
    spec->retry = {.max_retries = 2};
    spec->checkpoint->interval = absl::Minutes(5);
  }
  return spec;
}

void CoreInvariants::Check(const core::Machine& machine) {
  std::map<NodeId, MilliCores> held;
  int64_t active = 0;
  int64_t pending = 0;
  for (const auto& [uid, job] : machine.jobs()) {
    core::TaskCounts counts;
    for (uint32_t index = 0; index < job->tasks.size(); ++index) {
      const model::Task& task = job->tasks[index];
      ++counts.Of(task.state);
      CheckTask(machine, *job, TaskId{uid, index}, task);
      if (HoldsNode(task.state)) held[task.run->attempts.back().node] += job->spec->request.cores;
      if (task.run != nullptr && task.run->move && task.run->move->to) {
        held[*task.run->move->to] += job->spec->request.cores;
      }
    }
    HT_CHECK_EQ(counts.pending, job->counts.pending);
    HT_CHECK_EQ(counts.Ended(), job->counts.Ended());
    HT_CHECK_EQ(job->Ended(), counts.Ended() == job->tasks.size());
    if (!job->Ended()) ++active;
    pending += counts.pending;
  }
  HT_CHECK_EQ(active, machine.active_jobs());
  HT_CHECK_EQ(pending, machine.pending_tasks());
  for (const auto& [id, node] : machine.nodes()) {
    HT_CHECK_EQ(node.batch.cores, held[id]);
    // Promise 12; a node may come back smaller than it was, also before the state was recovered.
    MilliCores& largest =
        largest_.try_emplace(id, std::max(node.capacity.cores, node.batch.cores)).first->second;
    largest = std::max(largest, node.capacity.cores);
    HT_CHECK_LE(node.batch.cores, largest);
  }
  for (const auto& [id, curve] : machine.curves()) {
    HT_CHECK(std::isfinite(curve.Quantile(machine.now() + absl::Hours(1), machine.now(), 0.95)));
  }
}

void CoreInvariants::CheckTask(const core::Machine& machine, const core::Job& job, const TaskId& id,
                               const model::Task& task) {
  // Promise 3: attempt numbers only grow.
  HT_CHECK_GE(task.attempt, attempts_[id]);
  attempts_[id] = task.attempt;
  // Promise 5.
  if (const auto ended = ended_.find(id); ended != ended_.end()) {
    HT_CHECK(task.state == ended->second);
  }
  if (IsTerminal(task.state)) ended_.emplace(id, task.state);
  // Promise 12: nothing of a cancelled job waits.
  HT_CHECK(!job.cancel_requested || task.state != model::TaskState::kPending);
  HT_CHECK(task.class_id == 0 || task.state == model::TaskState::kPending);
  if (task.run == nullptr) return;
  HT_CHECK_LE(task.run->attempts.size(), kMaxHistoryPerTask);
  for (const model::AttemptRecord& record : task.run->attempts) {
    HT_CHECK(Allowed(machine, job, record.data_center));  // Promise 6.
    HT_CHECK(std::isfinite(record.cpu_seconds) && record.cpu_seconds >= 0);
    HT_CHECK(record.start_time == absl::InfiniteFuture() ||
             record.assign_time <= record.start_time);
    HT_CHECK_LE(record.end_detail.size(), 2 * kMaxMessageBytes);
  }
  if (!task.run->checkpoint) return;
  HT_CHECK(!task.run->checkpoint->holders.empty());
  for (const NodeId& holder : task.run->checkpoint->holders) {
    const auto node = machine.nodes().find(holder);
    if (node != machine.nodes().end()) HT_CHECK(Allowed(machine, job, node->second.data_center));
  }
}

}  // namespace heliotrope::fuzz
