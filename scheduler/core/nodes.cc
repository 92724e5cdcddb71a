// Nodes: hello, leases, reconciliation, drain.
#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "scheduler/base/check.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/mark.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {

using model::Reason;
using model::TaskState;

absl::Status Machine::CheckHello(const NodeHello& hello) const {
  const std::vector<std::string> parts = absl::StrSplit(hello.version, '.');
  int major = -1;
  if (!absl::SimpleAtoi(parts[0], &major) || major != options_.major_version) {
    return PreconditionFailed(
        "VERSION_MISMATCH",
        absl::StrCat("agent version \"", hello.version, "\" and scheduler major version ",
                     options_.major_version, " do not go together: upgrade one of them"),
        {{"agent_version", hello.version}});
  }
  const auto site = SiteOf(hello.data_center);
  if (!site) {
    return InvalidField("hello.data_center",
                        absl::StrCat("unknown data center \"", hello.data_center.value(),
                                     "\": add it to the scheduler's configuration and reload"));
  }
  const model::DataCenter& data_center = fleet_.data_centers[*site];
  if (hello.jurisdiction != data_center.jurisdiction) {
    return InvalidField(
        "hello.jurisdiction",
        absl::StrCat("the agent says \"", hello.jurisdiction.value(), "\", the scheduler has \"",
                     data_center.jurisdiction.value(), "\" for data center \"",
                     hello.data_center.value(), "\": mend the configuration that is wrong"));
  }
  auto known = nodes_.find(hello.node);
  if (known == nodes_.end()) return absl::OkStatus();
  const Node& node = known->second;
  if (!node.lost && node.instance != hello.instance) {
    HT_MARK(node_id_is_anothers_until_its_lease_expires);
    return AlreadyExists(
        "node", hello.node.value(),
        "another agent holds this node id and its lease; give this one another id, or wait until "
        "the lease of the other has expired");
  }
  if (node.instance != hello.instance && !node.tasks.empty()) {
    HT_MARK(another_agent_cannot_answer_for_what_was_left);
    return PreconditionFailed(
        "NODE_HAS_TASKS",
        absl::StrCat("an agent of another state directory left ", node.tasks.size(),
                     " tasks to go on on node \"", hello.node.value(),
                     "\" (on_disconnect: continue), and this one cannot tell whether they do: "
                     "start that agent, or say that nothing runs there: heliotrope node lost ",
                     hello.node.value()));
  }
  if (node.data_center != hello.data_center && !node.tasks.empty()) {
    return PreconditionFailed(
        "NODE_HAS_TASKS",
        absl::StrCat("node \"", hello.node.value(), "\" still has ", node.tasks.size(),
                     " tasks in data center \"", node.data_center.value(),
                     "\": drain it before it joins another"));
  }
  return absl::OkStatus();
}

Reply Machine::On(const NodeHello& command) {
  Reply reply;
  reply.status = CheckHello(command);
  if (!reply.status.ok()) return reply;
  Node& node = nodes_[command.node];
  const bool is_new = node.id.empty();
  if (!is_new && command.session < node.session) {
    HT_MARK(older_stream_comes_later);
    reply.status = Aborted("STALE_SESSION", "a newer stream of this node is open");
    return reply;
  }
  node.id = command.node;
  node.instance = command.instance;
  node.version = command.version;
  node.data_center = command.data_center;
  node.capacity = command.capacity;
  node.address = command.address;
  node.session = command.session;
  node.connected = true;
  node.lost = false;
  SetLease(node);
  changes_.nodes.insert(node.id);
  for (const TaskId& id : node.tasks) NoteBack(JobAt(id.job), id);
  ReconcileAttempts(node, command.attempts);
  ReconcileCheckpoints(node, command.checkpoints);
  capacity_stale_ = true;
  dispatch_needed_ = true;
  plan_stale_ = true;
  return reply;
}

void Machine::SetLease(Node& node) {
  node.lease_expires = now_ + options_.lease + options_.lease_margin;
  next_lease_ = std::min(next_lease_, node.lease_expires);
}

Node* Machine::LiveNode(const NodeId& id, uint64_t session) {
  auto it = nodes_.find(id);
  if (it == nodes_.end() || it->second.session != session || !it->second.connected) return nullptr;
  return &it->second;
}

Reply Machine::On(const NodeHeartbeat& command) {
  Reply reply;
  Node* node = LiveNode(command.node, command.session);
  if (node == nullptr || node->lost) {
    HT_MARK(heartbeat_after_the_lease);
    reply.status = Aborted("HELLO_NEEDED", "this stream's lease is gone: connect again");
    return reply;
  }
  SetLease(*node);
  ReconcileAttempts(*node, command.attempts);
  ReconcileCheckpoints(*node, command.checkpoints);
  reply.stale = std::move(stale_);
  return reply;
}

Reply Machine::On(const NodeReport& command) {
  Reply reply;
  Node* node = LiveNode(command.node, command.session);
  if (node == nullptr || node->lost) {
    reply.status = Aborted("HELLO_NEEDED", "this stream's lease is gone: connect again");
    return reply;
  }
  for (const AttemptStatus& status : command.attempts) OnAttempt(*node, status);
  for (const HeldCheckpoint& held : command.checkpoints) OnHeld(*node, held);
  return reply;
}

Reply Machine::On(const NodeGone& command) {
  Node* node = LiveNode(command.node, command.session);
  if (node != nullptr) {
    node->connected = false;
    capacity_stale_ = true;
  }
  return Reply{};
}

Reply Machine::On(const DrainNode& command) {
  Reply reply;
  auto it = nodes_.find(command.node);
  if (it == nodes_.end()) {
    reply.status = NotFound("node", command.node.value());
    return reply;
  }
  if (it->second.drained == command.drained) return reply;
  it->second.drained = command.drained;
  changes_.nodes.insert(command.node);
  capacity_stale_ = true;
  dispatch_needed_ = true;
  plan_stale_ = true;
  return reply;
}

Reply Machine::On(const RefreshLeases&) {
  HT_MARK(leases_count_from_now);
  for (auto& [id, node] : nodes_) {
    if (!node.lost) SetLease(node);
  }
  return Reply{};
}

// Renewals only move a lease away, so the earliest one known is a bound that is looked at when it
// has come, not at every command.
void Machine::ExpireLeases() {
  if (now_ < next_lease_) return;
  next_lease_ = absl::InfiniteFuture();
  for (auto& [id, node] : nodes_) {
    if (!node.lost && node.lease_expires <= now_) LoseNode(node);
    if (!node.lost) next_lease_ = std::min(next_lease_, node.lease_expires);
  }
}

// Promise 4: only here, after the lease and its margin, are tasks taken from a silent node. What
// outlives its lease is left (Promise 3): whether it runs there nobody knows.
void Machine::LoseNode(Node& node) {
  node.lost = true;
  node.connected = false;
  const std::vector<TaskId> tasks(node.tasks.begin(), node.tasks.end());
  size_t left = 0;
  for (const TaskId& id : tasks) {
    if (JobAt(id.job).spec->on_disconnect == model::OnDisconnect::kContinue) ++left;
  }
  Decision decision;
  decision.time = now_;
  decision.kind = DecisionKind::kNodeLost;
  decision.node = node.id;
  decision.from = node.data_center;
  decision.reason = Reason::kLeaseExpired;
  decision.detail = absl::StrCat("node ", node.id.value(), " was silent longer than its lease; ",
                                 tasks.size() - left, " tasks wait again");
  if (left > 0) absl::StrAppend(&decision.detail, ", ", left, " are left to go on there");
  effects_->push_back(std::move(decision));
  for (const TaskId& id : tasks) {
    Job& job = JobAt(id.job);
    const TaskState state = job.tasks[id.index].state;
    if (state == TaskState::kAssigned) HT_MARK(lease_expires_before_the_start);
    if (state == TaskState::kCheckpointing) HT_MARK(lease_expires_half_way_through_a_move);
    if (job.spec->on_disconnect == model::OnDisconnect::kContinue) {
      LeaveThere(job, id);
    } else {
      BackToPending(job, id, Reason::kLeaseExpired,
                    absl::StrCat("node ", node.id.value(), " was silent longer than its lease"),
                    absl::ZeroDuration());
    }
  }
  const std::vector<TaskId> reserved(node.reserved.begin(), node.reserved.end());
  for (const TaskId& id : reserved) {
    DropReservation(id);
    Touch(id);
  }
  capacity_stale_ = true;
  plan_stale_ = true;
}

void Machine::LeaveThere(Job& job, const TaskId& id) {
  const model::Task& task = job.tasks[id.index];
  const std::string node = task.run->attempts.back().node.value();
  HT_MARK(left_on_a_silent_node);
  DropReservation(id);  // Nobody knows when it comes.
  SetState(
      job, id, task.state, Reason::kNodeAway,
      absl::StrCat("node ", node, " was silent longer than its lease and the job goes on there ",
                   "(on_disconnect: continue); it is started elsewhere only when the node is ",
                   "back without it, or after: heliotrope node lost ", node));
}

// Its node is heard of again.
void Machine::NoteBack(Job& job, const TaskId& id) {
  const model::Task& task = job.tasks[id.index];
  if (task.reason != Reason::kNodeAway) return;
  HT_MARK(node_is_back_with_what_was_left);
  const model::AttemptRecord& record = task.run->attempts.back();
  if (task.state == TaskState::kCheckpointing && task.run->move) {
    SetState(job, id, task.state, task.run->move->reason, task.run->move->detail);
  } else {
    SetState(job, id, task.state, record.placement, record.placement_detail);
  }
}

Reply Machine::On(const DeclareNodeLost& command) {
  Reply reply;
  auto it = nodes_.find(command.node);
  if (it == nodes_.end()) {
    reply.status = NotFound("node", command.node.value());
    return reply;
  }
  Node& node = it->second;
  if (!node.lost) {
    reply.status = PreconditionFailed(
        "NODE_HAS_LEASE",
        absl::StrCat("node \"", node.id.value(), "\" ",
                     node.connected ? "is connected: drain it instead"
                                    : "still has its lease: wait until that has expired"),
        {{"node", node.id.value()}});
    return reply;
  }
  if (node.tasks.empty() && node.checkpoints.empty()) return reply;
  HT_MARK(node_declared_lost);
  const std::string why = absl::StrCat("an operator said that node ", node.id.value(), " is lost");
  Decision decision;
  decision.time = now_;
  decision.kind = DecisionKind::kNodeLost;
  decision.node = node.id;
  decision.from = node.data_center;
  decision.reason = Reason::kDeclaredLost;
  decision.detail = absl::StrCat(why, "; ", node.tasks.size(), " tasks wait again");
  effects_->push_back(std::move(decision));
  const std::vector<TaskId> tasks(node.tasks.begin(), node.tasks.end());
  for (const TaskId& id : tasks) {
    BackToPending(JobAt(id.job), id, Reason::kDeclaredLost, why, absl::ZeroDuration());
  }
  const std::vector<model::CheckpointKey> held(node.checkpoints.begin(), node.checkpoints.end());
  for (const model::CheckpointKey& key : held) LoseCopy(node, key);
  dispatch_needed_ = true;
  plan_stale_ = true;
  return reply;
}

// Both sides meet: what the node says it has, and what the state says it should have.
void Machine::ReconcileAttempts(Node& node, const std::vector<AttemptStatus>& attempts) {
  absl::btree_set<TaskId> reported;
  for (const AttemptStatus& status : attempts) {
    const Job* job = FindJob(status.key.task.job);
    const bool current = job != nullptr && status.key.task.index < job->tasks.size() &&
                         job->tasks[status.key.task.index].attempt == status.key.attempt;
    if (current) reported.insert(status.key.task);
    OnAttempt(node, status);
  }
  const std::vector<TaskId> tasks(node.tasks.begin(), node.tasks.end());
  for (const TaskId& id : tasks) {
    if (reported.contains(id)) continue;
    Job& job = JobAt(id.job);
    model::Task& task = job.tasks[id.index];
    if (task.state == TaskState::kAssigned) {
      // The order may have been lost with a stream; it is idempotent.
      if (job.cancel_requested) {
        // Its answer ends the task: an order of before may still be on the way to it, and what was told
        // as cancelled must not start any more.
        HT_MARK(cancel_meets_an_order_on_its_way);
        OrderStop(node, {id, task.attempt}, AttemptAction::kStop, Reason::kCancelled);
      } else if (!MayBeOn(*job.spec, node)) {
        HT_MARK(order_meets_a_reload);
        // Promise 6. Its answer frees the task: an order of before may still be on the way to it.
        OrderStop(node, {id, task.attempt}, AttemptAction::kStop, Reason::kResidency);
      } else {
        effects_->push_back(MakeStart(job, id));
        HT_MARK(order_repeated);
      }
      continue;
    }
    HT_MARK(node_no_longer_knows_an_attempt);
    BackToPending(job, id, Reason::kAttemptUnknown,
                  absl::StrCat("node ", node.id.value(), " no longer knows the attempt"),
                  absl::ZeroDuration());
  }
}

void Machine::ReconcileCheckpoints(Node& node, const std::vector<HeldCheckpoint>& checkpoints) {
  absl::btree_set<model::CheckpointKey> reported;
  for (const HeldCheckpoint& held : checkpoints) {
    if (held.failure.empty()) reported.insert(held.key);
    OnHeld(node, held);
  }
  // What it held and holds no more: its disk has forgotten.
  const std::vector<model::CheckpointKey> before(node.checkpoints.begin(), node.checkpoints.end());
  for (const model::CheckpointKey& key : before) {
    if (!reported.contains(key)) LoseCopy(node, key);
  }
}

}  // namespace heliotrope::core
