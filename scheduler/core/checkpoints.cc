// Checkpoints: which is the newest complete one, who holds it, and when a copy may go.
#include <algorithm>
#include <tuple>
#include <utility>

#include "scheduler/base/check.h"
#include "scheduler/base/mark.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

namespace {

// How long an ordered copy may take before another node is asked.
constexpr absl::Duration kCopyPatience = absl::Minutes(15);
// How long a node that could not copy is not asked again.
constexpr absl::Duration kCopyRest = absl::Hours(1);
constexpr size_t kCopies = 2;

void AddHolder(model::Checkpoint& checkpoint, const NodeId& node) {
  auto at = std::lower_bound(checkpoint.holders.begin(), checkpoint.holders.end(), node);
  if (at == checkpoint.holders.end() || *at != node) checkpoint.holders.insert(at, node);
}

bool WantsCopies(const Job& job) {
  return job.spec->checkpoint && job.spec->checkpoint->interval > absl::ZeroDuration();
}

}  // namespace

void Machine::OnSealed(Job& job, const TaskId& id, Node& node, const SealedCheckpoint& sealed) {
  if (!MayBeOn(*job.spec, node)) {  // Promise 6.
    HT_MARK(sealed_outside_residency);
    ReleaseCopy(node.id, sealed.key);
    return;
  }
  model::TaskRun& run = RunOf(job.tasks[id.index]);
  if (run.checkpoint && run.checkpoint->key >= sealed.key) return;
  model::Checkpoint fresh;
  fresh.key = sealed.key;
  fresh.digest = sealed.digest;
  fresh.size = sealed.size;
  fresh.progress = run.base_progress + sealed.run_time;
  fresh.holders = {node.id};
  node.checkpoints.insert(sealed.key);
  if (run.checkpoint) {
    // The older of the two stays until the newest has a second holder.
    ReleasePrevious(id);
    run.previous_checkpoint = std::move(run.checkpoint);
  }
  run.checkpoint = std::move(fresh);
  copies_ordered_.erase(id);
  if (!WantsCopies(job)) ReleasePrevious(id);
  NoteUncopied(job, id);
  Touch(id);
}

void Machine::NoteUncopied(const Job& job, const TaskId& id) {
  const model::Task& task = job.tasks[id.index];
  const bool wanted = WantsCopies(job) && !IsTerminal(task.state) && task.run != nullptr &&
                      task.run->checkpoint && task.run->checkpoint->holders.size() < kCopies;
  if (wanted) {
    uncopied_.insert(id);
  } else {
    uncopied_.erase(id);
    copies_ordered_.erase(id);
    ForgetFailedCopies(id);
  }
}

void Machine::ForgetFailedCopies(const TaskId& id) {
  auto failed = copies_failed_.lower_bound({id, NodeId{}});
  while (failed != copies_failed_.end() && failed->first.first == id) {
    failed = copies_failed_.erase(failed);
  }
}

// It has failed, or takes too long: another node is asked at the next look.
void Machine::ForgetOrderedCopy(const TaskId& id) {
  const auto ordered = copies_ordered_.find(id);
  copies_failed_[{id, ordered->second.first}] = now_ + kCopyRest;
  copies_ordered_.erase(ordered);
}

void Machine::OnHeld(Node& node, const HeldCheckpoint& held) {
  const TaskId id = held.key.attempt.task;
  auto found = jobs_.find(id.job);
  const bool known = found != jobs_.end() && id.index < found->second->tasks.size();
  if (!held.failure.empty()) {
    auto ordered = copies_ordered_.find(id);
    if (ordered != copies_ordered_.end() && ordered->second.first == node.id) {
      HT_MARK(copy_failed);
      ForgetOrderedCopy(id);
    }
    if (node.checkpoints.contains(held.key)) {
      HT_MARK(copy_told_as_damaged);
      LoseCopy(node, held.key);
    }
    return;
  }
  if (!known || found->second->tasks[id.index].run == nullptr) {
    ReleaseCopy(node.id, held.key);
    return;
  }
  Job& job = *found->second;
  model::Task& task = job.tasks[id.index];
  if (!MayBeOn(*job.spec, node)) {  // Promise 6.
    HT_MARK(copy_came_outside_residency);
    ReleaseCopy(node.id, held.key);
    copies_ordered_.erase(id);
    return;
  }
  model::TaskRun& run = *task.run;
  const bool ended = IsTerminal(task.state);
  if (!ended && run.checkpoint && run.checkpoint->key == held.key &&
      run.checkpoint->digest == held.digest) {
    const size_t before = run.checkpoint->holders.size();
    AddHolder(*run.checkpoint, node.id);
    node.checkpoints.insert(held.key);
    if (run.checkpoint->holders.size() == before) return;
    Touch(id);
    if (run.checkpoint->holders.size() >= kCopies) ReleasePrevious(id);
    if (task.run->move && task.run->move->step < model::MoveStep::kCarried) {
      task.run->move->step = model::MoveStep::kCarried;
    }
    NoteUncopied(job, id);
    if (task.state == model::TaskState::kRunning) {
      TrimHolders(job, id, run.attempts.back().node);
    }
    return;
  }
  if (!ended && run.previous_checkpoint && run.previous_checkpoint->key == held.key &&
      run.previous_checkpoint->digest == held.digest) {
    node.checkpoints.insert(held.key);
    return;
  }
  // By its name it is what the node is to hold, by its digest it is not.
  const bool damaged = node.checkpoints.contains(held.key);
  if (damaged) {
    HT_MARK(copy_of_another_digest);
    LoseCopy(node, held.key);
  }
  // Sealed just now: its attempt's own status, which makes it known, is on the way.
  const bool newer = !ended && !damaged && task.attempt == held.key.attempt.attempt &&
                     (!run.checkpoint || run.checkpoint->key < held.key);
  if (newer) {
    HT_MARK(copy_told_before_its_attempt);
  } else {
    ReleaseCopy(node.id, held.key);
  }
}

void Machine::LoseCopy(Node& node, const model::CheckpointKey& key) {
  node.checkpoints.erase(key);
  const TaskId id = key.attempt.task;
  auto found = jobs_.find(id.job);
  if (found == jobs_.end() || id.index >= found->second->tasks.size()) return;
  Job& job = *found->second;
  model::Task& task = job.tasks[id.index];
  if (task.run == nullptr || IsTerminal(task.state)) return;
  model::TaskRun& run = *task.run;
  for (std::optional<model::Checkpoint>* slot : {&run.previous_checkpoint, &run.checkpoint}) {
    if (!*slot || (*slot)->key != key) continue;
    std::erase((*slot)->holders, node.id);
    if (!(*slot)->holders.empty()) continue;
    HT_MARK(last_copy_lost);
    slot->reset();
  }
  if (!run.checkpoint) run.checkpoint = std::exchange(run.previous_checkpoint, std::nullopt);
  NoteUncopied(job, id);
  if (task.state == model::TaskState::kPending) {
    Dequeue(job, id);
    Enqueue(job, id);
  }
  Touch(id);
}

void Machine::ReleaseCopy(const NodeId& id, const model::CheckpointKey& key) {
  auto node = nodes_.find(id);
  if (node == nodes_.end()) return;
  node->second.checkpoints.erase(key);
  OrderCheckpoint order;
  order.node = id;
  order.session = node->second.session;
  order.key = key;
  effects_->push_back(std::move(order));
}

void Machine::ReleasePrevious(const TaskId& id) {
  model::TaskRun& run = RunOf(TaskAt(id));
  if (!run.previous_checkpoint) return;
  for (const NodeId& node : run.previous_checkpoint->holders) {
    ReleaseCopy(node, run.previous_checkpoint->key);
  }
  run.previous_checkpoint.reset();
  Touch(id);
}

// The newest is beyond reach with its only holder, and the one before is not: better that one at
// once than the newest perhaps.
void Machine::PreferReachable(const Job& job, const TaskId& id) {
  model::TaskRun& run = RunOf(TaskAt(id));
  if (!run.previous_checkpoint || !CheckpointReachable(*run.previous_checkpoint)) return;
  if (CheckpointReachable(*run.checkpoint)) return;
  HT_MARK(older_checkpoint_within_reach_preferred);
  for (const NodeId& holder : run.checkpoint->holders) ReleaseCopy(holder, run.checkpoint->key);
  run.checkpoint = std::exchange(run.previous_checkpoint, std::nullopt);
  NoteUncopied(job, id);
  Touch(id);
}

void Machine::ReleaseAll(const TaskId& id) {
  ReleasePrevious(id);
  model::TaskRun& run = RunOf(TaskAt(id));
  if (run.checkpoint) {
    for (const NodeId& node : run.checkpoint->holders) ReleaseCopy(node, run.checkpoint->key);
    run.checkpoint.reset();
  }
  uncopied_.erase(id);
  copies_ordered_.erase(id);
  ForgetFailedCopies(id);
}

// The next attempt runs: its node and, if copies are wanted, one other keep the checkpoint.
void Machine::TrimHolders(Job& job, const TaskId& id, const NodeId& running_on) {
  model::TaskRun& run = RunOf(job.tasks[id.index]);
  if (!run.checkpoint) return;
  std::vector<NodeId>& holders = run.checkpoint->holders;
  if (!std::binary_search(holders.begin(), holders.end(), running_on)) return;
  const size_t keep_others = WantsCopies(job) ? kCopies - 1 : 0;
  size_t others = 0;
  std::vector<NodeId> released;
  for (const NodeId& holder : holders) {
    if (holder != running_on && ++others > keep_others) released.push_back(holder);
  }
  for (const NodeId& holder : released) {
    std::erase(holders, holder);
    ReleaseCopy(holder, run.checkpoint->key);
  }
  if (!released.empty()) Touch(id);
  NoteUncopied(job, id);
}

void Machine::EnsureCopies() {
  if (uncopied_.empty() || now_ < next_copy_check_) return;
  next_copy_check_ = now_ + absl::Minutes(1);
  for (const TaskId& id : uncopied_) {
    const Job& job = JobAt(id.job);
    const model::Checkpoint& checkpoint = *job.tasks[id.index].run->checkpoint;
    auto ordered = copies_ordered_.find(id);
    if (ordered != copies_ordered_.end()) {
      const Node& node = nodes_.at(ordered->second.first);
      if (node.connected && now_ < ordered->second.second + kCopyPatience) continue;
      if (node.connected) ForgetOrderedCopy(id);
    }
    if (!CheckpointReachable(checkpoint)) continue;
    const NodeId target = ChooseCopyNode(job, id, checkpoint);
    if (target.empty()) continue;
    copies_ordered_[id] = {target, now_};
    OrderCopy(job, checkpoint, target);
  }
}

// Within residency; rather another data center of the same region than one far away, rather far
// away than the same data center; then who holds least.
NodeId Machine::ChooseCopyNode(const Job& job, const TaskId& task,
                               const model::Checkpoint& checkpoint) const {
  const Node& first = nodes_.at(checkpoint.holders.front());
  const auto home = SiteOf(first.data_center);
  const uint64_t allowed = AllowedSites(job.spec->residency);
  std::optional<std::tuple<int, size_t, NodeId>> best;
  for (const auto& [id, node] : nodes_) {
    const auto site = SiteOf(node.data_center);
    if (!node.connected || node.drained || !site || (allowed >> *site & 1) == 0) continue;
    if (std::binary_search(checkpoint.holders.begin(), checkpoint.holders.end(), id)) continue;
    const auto failed = copies_failed_.find({task, id});
    if (failed != copies_failed_.end() && now_ < failed->second) continue;
    int distance = 1;
    if (node.data_center == first.data_center) {
      distance = 2;
    } else if (home && fleet_.data_centers[*site].region == fleet_.data_centers[*home].region) {
      distance = 0;
    }
    const std::tuple<int, size_t, NodeId> candidate{distance, node.checkpoints.size(), id};
    if (!best || candidate < *best) best = candidate;
  }
  return best ? std::get<2>(*best) : NodeId{};
}

void Machine::OrderCopy(const Job& job, const model::Checkpoint& checkpoint, const NodeId& target) {
  OrderCheckpoint order;
  order.node = target;
  order.session = nodes_.at(target).session;
  order.key = checkpoint.key;
  order.hold = true;
  order.source = SourceOf(checkpoint, target);
  order.jurisdictions = fleet_.jurisdictions.Expand(job.spec->residency);
  effects_->push_back(std::move(order));
}

RestoreSource Machine::SourceOf(const model::Checkpoint& checkpoint, const NodeId& puller) const {
  RestoreSource source;
  source.key = checkpoint.key;
  source.digest = checkpoint.digest;
  source.size = checkpoint.size;
  if (std::binary_search(checkpoint.holders.begin(), checkpoint.holders.end(), puller)) {
    return source;
  }
  // Connected holders first; a silent one may still answer.
  for (const bool connected : {true, false}) {
    for (const NodeId& holder : checkpoint.holders) {
      const Node& node = nodes_.at(holder);
      if (node.connected == connected) source.addresses.push_back(node.address);
    }
  }
  return source;
}

// When the last of its holders was. REQUIRES: none can be reached.
absl::Time Machine::GivenUp(const model::Checkpoint& checkpoint) const {
  absl::Time last = absl::InfinitePast();
  for (const NodeId& holder : checkpoint.holders) {
    const auto node = nodes_.find(holder);
    if (node != nodes_.end()) last = std::max(last, node->second.lease_expires);
  }
  return last;
}

bool Machine::CheckpointReachable(const model::Checkpoint& checkpoint) const {
  return std::any_of(checkpoint.holders.begin(), checkpoint.holders.end(), [&](const NodeId& id) {
    auto node = nodes_.find(id);
    return node != nodes_.end() && !node->second.lost;
  });
}

}  // namespace heliotrope::core
