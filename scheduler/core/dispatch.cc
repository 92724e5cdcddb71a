// From waiting tasks to started ones: the plan's verdicts, nodes, moves.
#include <algorithm>
#include <deque>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "scheduler/base/check.h"
#include "scheduler/core/machine.h"
#include "scheduler/plan/quotas.h"

namespace heliotrope::core {

using model::Reason;
using model::TaskState;

namespace {

// Nodes of a data center that are looked at for one task.
constexpr int kMaxNodesTried = 64;
// Classes that came after the plan and are placed in one Tick: each costs a look at the whole grid.
constexpr size_t kMaxPlacedAtOnce = 256;

// When the next task of a class may start by its verdict.
absl::Time FirstStart(const plan::Verdict& verdict) {
  if (verdict.mode != plan::Mode::kDeferred && verdict.mode != plan::Mode::kNever) {
    return absl::InfinitePast();
  }
  for (const plan::Allotment& allotment : verdict.allotments) {
    if (allotment.count > 0) return allotment.start;
  }
  return absl::InfiniteFuture();
}

// Room granted to tasks that have started since is no longer kept.
void UseGrants(plan::Verdict& verdict, int64_t started) {
  int64_t left = started;
  for (plan::Grant& grant : verdict.grants) {
    const int64_t used = std::min(grant.count, left);
    grant.count -= used;
    left -= used;
  }
}

}  // namespace

const plan::Verdict* Machine::VerdictOf(const Job&, const model::Task& task) const {
  const auto index = verdict_by_class_.find(task.class_id);
  return index == verdict_by_class_.end() ? nullptr : &plan_.verdicts[index->second];
}

std::optional<std::pair<JobId, size_t>> Machine::ExampleOf(uint64_t class_id) const {
  const auto known = class_by_id_.find(class_id);
  if (known == class_by_id_.end()) return std::nullopt;
  const ClassQueue& queue = known->second->second;
  if (queue.tasks.empty()) return std::nullopt;
  return std::make_pair(FindJob(queue.tasks.begin()->job)->id, queue.tasks.size());
}

std::pair<Reason, std::string> Machine::WaitReason(const Job& job, const model::Task& task) const {
  const bool in_class = task.class_id != 0;
  const plan::Verdict* verdict = in_class ? VerdictOf(job, task) : nullptr;
  const bool may_start = in_class && (verdict == nullptr || FirstStart(*verdict) <= now_);
  if (may_start && !WithinQuota(job.spec->account, job.spec->request)) {
    return {Reason::kWaitingForQuota,
            plan::QuotaText(PlanAccount(job.spec->account), job.spec->request)};
  }
  if (verdict != nullptr && verdict->reason != Reason::kNone) {
    return {verdict->reason, verdict->detail};
  }
  return {task.reason, task.run == nullptr ? std::string() : task.run->detail};
}

// A wish that comes while a plan is being made may be too late for its snapshot: it is repeated
// when that plan has come.
void Machine::WantPlan() {
  if (plan_wanted_) {
    plan_wanted_again_ = plan_wanted_again_ || plan_wanted_at_ != applied_;
    return;
  }
  plan_wanted_ = true;
  plan_wanted_at_ = applied_;
  snapshot_ahead_ = true;
  effects_->push_back(PlanWanted{});
}

plan::Input Machine::PlanInput() const {
  plan::Input input = board_;
  input.now = now_;
  input.basis = plan_basis_;
  input.accounts = PlanAccounts();
  input.scarcity = plan_.scarcity;
  for (const auto& [key, queue] : classes_) {
    if (!queue.tasks.empty()) input.classes.push_back(ClassFrom(key, queue));
  }
  std::sort(input.classes.begin(), input.classes.end(),
            [](const plan::Class& a, const plan::Class& b) { return a.id < b.id; });
  absl::btree_set<TaskId> held;
  for (const auto& [id, node] : nodes_) held.insert(node.tasks.begin(), node.tasks.end());
  for (const TaskId& id : held) {
    const Job& job = *FindJob(id.job);
    const model::Task& task = job.tasks[id.index];
    const model::AttemptRecord& record = task.run->attempts.back();
    const auto site = SiteOf(record.data_center);
    if (!site || task.state == TaskState::kCheckpointing) continue;
    plan::RunningTask running;
    running.task = id;
    running.attempt = task.attempt;
    running.site = *site;
    running.request = job.spec->request;
    const curve::RemainingWork left = RemainingWork(job, task);
    running.remaining = left.mean;
    running.remaining_high = left.high;
    running.pressing = left.pressing;
    running.deadline = job.spec->deadline;
    running.priority = job.spec->priority;
    if (fleet_.HasAccounts()) running.account = job.spec->account;
    running.allowed = AllowedSites(job.spec->residency);
    running.checkpointable = job.spec->checkpoint.has_value() &&
                             task.state == TaskState::kRunning && !job.cancel_requested &&
                             MayBeOn(*job.spec, nodes_.at(record.node));
    running.node_drained = nodes_.at(record.node).drained;
    running.node_away = !nodes_.at(record.node).connected;
    running.started = std::min(record.start_time, now_);
    running.last_moved = task.run->last_moved;
    if (job.spec->checkpoint) {
      running.move_pause = MovePause(job.spec->checkpoint->expected_bytes);
    }
    input.running.push_back(std::move(running));
  }
  input.future = FutureWork();
  return input;
}

Reply Machine::On(const AdoptPlan& command) {
  const bool outdated = command.plan->basis != plan_basis_;
  plan_wanted_ = false;
  if (std::exchange(plan_wanted_again_, false) || outdated) WantPlan();
  if (outdated) return Reply{};  // Its classes are no more, its sites may be others.
  plan_ = *command.plan;
  first_block_ = plan::BlockIndex(plan_.grid, plan_.made);
  // Classes that have emptied since stay until here, so that equal tasks coming and going reuse
  // them.
  for (auto it = classes_.begin(); it != classes_.end();) {
    if (it->second.tasks.empty()) {
      class_by_id_.erase(it->second.id);
      it = classes_.erase(it);
    } else {
      ++it;
    }
  }
  verdict_by_class_.clear();
  unplanned_.clear();
  for (size_t i = 0; i < plan_.verdicts.size(); ++i) {
    verdict_by_class_.emplace(plan_.verdicts[i].class_id, i);
  }
  for (const auto& [key, queue] : classes_) {
    if (!verdict_by_class_.contains(queue.id)) unplanned_.insert(queue.id);
  }
  order_stale_ = true;
  dispatch_needed_ = true;
  NoteQuotaWaits();
  if (capacity_stale_) RefreshCapacity();
  ForeseeLate();
  ApplyMoves(plan_.moves);
  return Reply{};
}

Reply Machine::On(const Tick&) {
  EnsureCopies();
  if (capacity_stale_) RefreshCapacity();
  if (std::exchange(plan_stale_, false)) WantPlan();
  if (dispatch_needed_) Dispatch();
  GroupDeadlines();  // After what the plan of now lets start.
  return Reply{};
}

void Machine::Dispatch() {
  dispatch_needed_ = false;
  if (board_stale_) RebuildBoard();
  PlaceNewClasses();
  if (order_stale_) SortDispatchOrder();
  granted_.assign(board_.sites.size(), {});
  for (auto turn = dispatch_order_.begin(); turn != dispatch_order_.end();) {
    const auto end = EndOfEquals(turn);
    end - turn > 1 ? DispatchFairly(turn, end) : DispatchTurn(*turn);
    turn = end;
  }
}

// What came after the last plan is placed into what that plan leaves free; a plan for another grid
// cannot be added to, and the next one is on its way.
void Machine::PlaceNewClasses() {
  if (unplanned_.empty()) return;
  if (plan_.grid.empty() || plan_.grid.front().start != board_.grid.front().start ||
      plan_.planned.size() != board_.sites.size()) {
    WantPlan();
    return;
  }
  board_.now = now_;
  board_.accounts = PlanAccounts();
  for (size_t placed = 0; placed < kMaxPlacedAtOnce && !unplanned_.empty();) {
    const uint64_t class_id = *unplanned_.begin();
    unplanned_.erase(unplanned_.begin());
    const Classes::iterator added = class_by_id_.at(class_id);
    const auto& [key, queue] = *added;
    if (queue.tasks.empty()) continue;
    ++placed;
    NoteQuotaWait(key, plan::PlaceClass(board_, ClassFrom(key, queue), plan_));
    const size_t verdict = plan_.verdicts.size() - 1;
    verdict_by_class_.insert_or_assign(class_id, verdict);
    if (order_stale_) continue;
    Turn turn = TurnOf(added, verdict);
    const auto at = std::lower_bound(dispatch_order_.begin(), dispatch_order_.end(), turn,
                                     [](const Turn& a, const Turn& b) { return a.rank < b.rank; });
    dispatch_order_.insert(at, std::move(turn));
  }
  dispatch_needed_ = !unplanned_.empty();
}

// Safety net first, then by what an hour is worth to it and its priority, then deadline, then age.
Machine::Turn Machine::TurnOf(Classes::iterator task_class, size_t verdict_index) const {
  const auto& [key, queue] = *task_class;
  const plan::Verdict& verdict = plan_.verdicts[verdict_index];
  Turn turn;
  turn.rank = {verdict.mode != plan::Mode::kMustRun, -verdict.rank, key.deadline_seconds,
               queue.oldest, queue.id};
  turn.from = FirstStart(verdict);
  turn.task_class = task_class;
  turn.verdict = verdict_index;
  return turn;
}

void Machine::SortDispatchOrder() {
  order_stale_ = false;
  dispatch_order_.clear();
  for (auto it = classes_.begin(); it != classes_.end(); ++it) {
    const auto verdict = verdict_by_class_.find(it->second.id);
    if (verdict != verdict_by_class_.end()) {
      dispatch_order_.push_back(TurnOf(it, verdict->second));
    }
  }
  std::sort(dispatch_order_.begin(), dispatch_order_.end(),
            [](const Turn& a, const Turn& b) { return a.rank < b.rank; });
}

void Machine::DispatchTurn(Turn& turn) {
  const ClassQueue& queue = turn.task_class->second;
  if (turn.from > now_ || queue.tasks.empty()) return;
  plan::Verdict& verdict = plan_.verdicts[turn.verdict];
  const plan::Class task_class = ClassFrom(turn.task_class->first, queue);
  StartSome(queue, task_class, verdict, std::numeric_limits<int64_t>::max());
  KeepGrants(queue, task_class, verdict);
  turn.from = FirstStart(verdict);
}

// Turns of one rank without a deadline, of which accounts have their share; else the one alone.
Machine::Turns Machine::EndOfEquals(Turns from) {
  const bool may_wait = std::get<0>(from->rank);
  const int64_t rank = std::get<1>(from->rank);
  const int64_t deadline = std::get<2>(from->rank);
  if (!fleet_.HasAccounts() || !may_wait || deadline != ClassKey::kNoDeadline) return from + 1;
  return std::find_if(from, dispatch_order_.end(), [rank, deadline](const Turn& turn) {
    return std::get<1>(turn.rank) != rank || std::get<2>(turn.rank) != deadline;
  });
}

// Task by task, whose account holds the fewest cores for its weight; of one account in the order of
// turns. Who does not fit is passed over, and what it has been granted is kept for it.
void Machine::DispatchFairly(Turns from, Turns to) {
  struct Standing {
    model::Served served;
    const std::string* account;
    bool operator<(const Standing& other) const {
      if (served < other.served) return true;
      return !(other.served < served) && *account < *other.account;
    }
  };
  std::map<std::string, std::deque<Turn*>> turns;
  for (auto turn = from; turn != to; ++turn) {
    if (turn->from > now_ || turn->task_class->second.tasks.empty()) continue;
    turns[turn->task_class->first.account].push_back(&*turn);
  }
  const auto standing = [&](const std::string& account) {
    const plan::Account now = PlanAccount(AccountId(account));
    return Standing{{now.held.cores.value(), now.weight_milli}, &account};
  };
  std::set<Standing> order;
  for (const auto& [account, waiting] : turns) order.insert(standing(account));
  while (!order.empty()) {
    const std::string& account = *order.extract(order.begin()).value().account;
    std::deque<Turn*>& waiting = turns.at(account);
    Turn& turn = *waiting.front();
    const ClassQueue& queue = turn.task_class->second;
    plan::Verdict& verdict = plan_.verdicts[turn.verdict];
    const plan::Class task_class = ClassFrom(turn.task_class->first, queue);
    if (StartSome(queue, task_class, verdict, 1) == 0) {
      KeepGrants(queue, task_class, verdict);
      turn.from = FirstStart(verdict);
      waiting.pop_front();
    }
    if (!waiting.empty()) order.insert(standing(account));
  }
}

int64_t Machine::StartSome(const ClassQueue& queue, const plan::Class& task_class,
                           plan::Verdict& verdict, int64_t most) {
  if (QuotaRoom(task_class) == 0) return 0;
  int64_t started = 0;
  // Who must run takes room within the target first, wherever it is, before it exceeds one.
  const plan::Mode within =
      verdict.mode == plan::Mode::kMustRun ? plan::Mode::kAsSoonAsPossible : verdict.mode;
  for (plan::Allotment& allotment : verdict.allotments) {
    // What starts in a later block is for a later plan to say.
    if (allotment.start > now_ || allotment.block > first_block_) break;
    while (
        started < most && allotment.count > 0 && !queue.tasks.empty() &&
        StartOne(queue, task_class, allotment.site, within, allotment.reason, allotment.detail)) {
      --allotment.count;
      ++started;
    }
  }
  if (verdict.mode != plan::Mode::kDeferred && verdict.mode != plan::Mode::kNever) {
    started += StartAnywhere(queue, task_class, verdict, within, most - started);
    if (within != verdict.mode) {
      started += StartAnywhere(queue, task_class, verdict, verdict.mode, most - started);
    }
  }
  UseGrants(verdict, started);
  return started;
}

// Who comes later in the order does not take what tasks of this class wait for, as far as their
// account may start them.
void Machine::KeepGrants(const ClassQueue& queue, const plan::Class& task_class,
                         const plan::Verdict& verdict) {
  int64_t waiting = std::min(static_cast<int64_t>(queue.tasks.size()), QuotaRoom(task_class));
  for (const plan::Grant& grant : verdict.grants) {
    const int64_t count = std::min(grant.count, waiting);
    if (grant.site < granted_.size()) {
      granted_[grant.site].cores += task_class.request.cores * count;
      granted_[grant.site].memory += task_class.request.memory * count;
    }
    waiting -= count;
  }
}

int64_t Machine::StartAnywhere(const ClassQueue& queue, const plan::Class& task_class,
                               const plan::Verdict& verdict, plan::Mode mode, int64_t most) {
  int64_t started = 0;
  for (const size_t site : verdict.ranked) {
    const plan::Site& place = board_.sites[site];
    const Reason reason = verdict.mode == plan::Mode::kMustRun ? Reason::kDeadlineSafetyNet
                          : place.reactive                     ? Reason::kReactive
                                                               : Reason::kCheapestNow;
    while (started < most && !queue.tasks.empty() &&
           StartOne(queue, task_class, site, mode, reason, std::string())) {
      ++started;
    }
  }
  return started;
}

bool Machine::StartOne(const ClassQueue& queue, const plan::Class& task_class, size_t site,
                       plan::Mode mode, Reason reason, const std::string& detail) {
  if ((task_class.allowed >> site & 1) == 0) return false;  // Promise 6, whatever the plan says.
  if (QuotaRoom(task_class) == 0) return false;             // Promise 12, the same.
  if (!plan::FitsNow(board_, task_class, site, mode, granted_[site])) return false;
  Node* node = ChooseNode(site, task_class.request, nullptr);
  if (node == nullptr) return false;
  const TaskId id = *queue.tasks.begin();
  Job& job = JobAt(id.job);
  Placement placement{reason, detail};
  const plan::Site& place = board_.sites[site];
  const std::string inputs =
      absl::StrFormat("headroom %.1f, batch %.1f, foreground %.1f of %.1f cores, price %.1f",
                      place.headroom.empty() ? 0.0 : place.headroom.front().cores(),
                      place.batch_now.cores(), place.foreground_now.cores(), place.capacity.cores(),
                      place.price.empty() ? 0.0 : place.price.front().units());
  placement.detail = detail.empty() ? inputs : absl::StrCat(detail, " (", inputs, ")");
  KeepLate(job, id);
  Dequeue(job, id);
  StartAttempt(job, id, *node, std::move(placement));
  return true;
}

// The node with most free cores that has the memory too: load is spread, so that a host's own rise
// meets as little batch as can be.
Node* Machine::ChooseNode(size_t site, const model::Resources& request, const NodeId* except) {
  int tried = 0;
  const auto& free = free_cores_[site];
  for (auto it = free.rbegin(); it != free.rend() && tried < kMaxNodesTried; ++it, ++tried) {
    if (it->first < request.cores.value()) return nullptr;
    if (except != nullptr && it->second == *except) continue;
    Node& node = nodes_.at(it->second);
    const Bytes used = node.batch.memory + node.foreground.memory;
    if (used + request.memory <= node.capacity.memory) return &node;
  }
  return nullptr;
}

void Machine::ApplyMoves(const std::vector<plan::MoveAdvice>& moves) {
  for (const plan::MoveAdvice& move : moves) ApplyMove(move);
}

// Advice of a moment ago, checked against now.
bool Machine::ApplyMove(const plan::MoveAdvice& move) {
  auto found = jobs_.find(move.task.job);
  if (found == jobs_.end()) return false;
  Job& job = *found->second;
  model::Task& task = job.tasks[move.task.index];
  if (task.state != TaskState::kRunning || task.attempt != move.attempt || job.cancel_requested ||
      !job.spec->checkpoint) {
    return false;
  }
  const model::AttemptRecord& record = task.run->attempts.back();
  Node& from = nodes_.at(record.node);
  if (from.lost) return false;  // Left to go on there; who knows whether it does.
  Node* target = nullptr;
  if (move.to) {
    if (*move.to >= board_.sites.size()) return false;
    if ((AllowedSites(job.spec->residency) >> *move.to & 1) == 0) return false;
    target = ChooseNode(*move.to, job.spec->request, &from.id);
    if (target == nullptr) return false;  // Filled up since; the next plan looks again.
  }
  Decision decision;
  decision.from = record.data_center;
  decision.node = from.id;
  decision.attempt = task.attempt;
  decision.reason = move.reason;
  decision.detail = move.detail;
  task.run->move = model::Move{.step = model::MoveStep::kAsked,
                               .reason = move.reason,
                               .detail = move.detail,
                               .from = from.id,
                               .to = std::nullopt};
  if (target != nullptr) {
    decision.to = target->data_center;
    task.run->move->to = target->id;
    Reserve(*target, move.task, job.spec->request);
  }
  const DecisionKind kind = target != nullptr ? DecisionKind::kMove : DecisionKind::kYield;
  SetState(job, move.task, TaskState::kCheckpointing, move.reason, move.detail);
  OrderStop(from, {move.task, task.attempt}, AttemptAction::kLeave, move.reason);
  Decide(kind, job, move.task, std::move(decision));
  return true;
}

}  // namespace heliotrope::core
