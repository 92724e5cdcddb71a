#include "scheduler/daemon/core_loop.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/names.h"
#include "scheduler/daemon/thread.h"
#include "scheduler/os/log.h"

namespace heliotrope::daemon {
namespace {

// Commands of clients in one batch: bounds how long agents and timers wait behind a flood of them.
constexpr size_t kMaxBatchCommands = 4096;
// The longest wait without a sign of life.
constexpr absl::Duration kLongestWait = absl::Seconds(1);
// A timer that is still due right after a Tick does not turn the loop into a busy one.
constexpr absl::Duration kShortestTimerWait = absl::Milliseconds(1);
// At most one line about what will be late in this time; all of them are among the decisions.
constexpr absl::Duration kLateLineInterval = absl::Minutes(1);
// Own commands and readings beyond what is queued for agents: a handful.
constexpr size_t kMaxQueuedFromAgents = kMaxQueuedCommands;

absl::Status Stopping() {
  return Unavailable("STOPPING", "the scheduler is stopping: ask again, it will be back");
}

absl::Status QueueFull(size_t limit) {
  return ResourceExhausted(
      "QUEUE_FULL",
      absl::StrCat("more than ", limit, " commands wait for the scheduler: come back in a moment"),
      {{"limit", absl::StrCat(limit)}});
}

absl::Status StoreStuck(const absl::Status& cause) {
  return Unavailable("STORE_UNWRITABLE",
                     absl::StrCat("the scheduler's store cannot write (", cause.message(),
                                  "): ask again when an operator has made room"));
}

absl::Status GivenUp(const absl::Status& cause) {
  return Unavailable("STORE_GIVEN_UP",
                     absl::StrCat("the scheduler stopped before this was durable (",
                                  cause.message(), "): ask again, with the same request id"));
}

}  // namespace

CoreLoop::CoreLoop(const CoreLoopParts& parts, rpc::CoreFacts facts, CoreLoopHooks hooks)
    : machine_(parts.machine),
      clock_(parts.clock),
      facts_(std::move(facts)),
      metrics_(parts.metrics),
      hooks_(std::move(hooks)),
      stall_(facts_.lease / 3),
      idle_wait_(std::min(kLongestWait, facts_.lease / 6)),
      committer_(
          parts.store,
          {.effects = [this](auto effects) { LetOut(std::move(effects)); },
           .ready =
               [this] {
                 { MutexLock lock(mutex_); }  // Not between the loop's look and its wait.
                 changed_.NotifyOne();
               },
           .attempted = [this](absl::Duration took,
                               const absl::Status& status) { metrics_.OnCommit(took, status); },
           .health = [this](const absl::Status& status) { OnStoreHealth(status); },
           .fatal = [this](const absl::Status& status) { hooks_.fatal(status); }}),
      last_beat_(hooks_.boottime()),
      batch_(parts.machine) {}

CoreLoop::~CoreLoop() {
  if (thread_.joinable()) Stop().IgnoreError();
}

void CoreLoop::Start(rpc::EffectSink& sink) {
  sink_ = &sink;
  {
    MutexLock lock(mutex_);
    last_beat_ = hooks_.boottime();
  }
  committer_.Start();
  thread_ = StartThread({.name = "core", .short_slice = true}, [this] { Run(); });
}

absl::Status CoreLoop::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  if (!thread_.joinable()) return absl::OkStatus();
  changed_.NotifyOne();
  committer_.StopRetrying();
  thread_.join();
  return committer_.Finish();
}

absl::Duration CoreLoop::last_beat() const {
  MutexLock lock(mutex_);
  return last_beat_;
}

absl::Status CoreLoop::Offer(ClientItem& item, size_t commands) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      refused = Stopping();
    } else if (!store_health_.ok()) {
      refused = StoreStuck(store_health_);
    } else if (client_commands_ + commands > kMaxQueuedCommands) {
      refused = QueueFull(kMaxQueuedCommands);
    } else {
      Queue(std::move(item), commands);
    }
  }
  if (refused.ok()) {
    changed_.NotifyOne();
  } else {
    metrics_.OnRefused(Lane::kClients);
  }
  return refused;
}

void CoreLoop::Queue(ClientItem item, size_t commands) {
  clients_.push_back(std::move(item));
  client_commands_ += commands;
  metrics_.SetQueued(Lane::kClients, client_commands_);
}

void CoreLoop::Post(std::vector<core::Command> commands, Replies done) {
  const size_t count = commands.size();
  ClientItem item = Unit{std::move(commands), std::move(done)};
  core::Reply refused;
  refused.status = Offer(item, count);
  if (!refused.status.ok()) std::get<Unit>(item).done(std::vector<core::Reply>(count, refused));
}

void CoreLoop::Query(Read read, ReadDone done) {
  ClientItem item = Reading{std::move(read), std::move(done)};
  const absl::Status refused = Offer(item, 1);
  if (!refused.ok()) std::get<Reading>(item).done(refused);
}

void CoreLoop::PostFromAgent(core::Command command, OneReply done) {
  AgentItem item = FromAgent{std::move(command), std::move(done)};
  core::Reply refused;
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      refused.status = Stopping();
    } else if (agents_.size() >= kMaxQueuedFromAgents) {
      refused.status = QueueFull(kMaxQueuedFromAgents);
    } else {
      agents_.push_back(std::move(item));
      metrics_.SetQueued(Lane::kAgents, agents_.size());
    }
  }
  if (refused.status.ok()) {
    changed_.NotifyOne();
    return;
  }
  metrics_.OnRefused(Lane::kAgents);
  const OneReply& reply = std::get<FromAgent>(item).done;
  if (reply) reply(refused);
}

void CoreLoop::PostOwn(core::Command command, OneReply done) {
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      Unit unit;
      unit.commands.push_back(std::move(command));
      unit.done = [done = std::move(done)](const std::vector<core::Reply>& replies) {
        if (done) done(replies.front());
      };
      Queue(std::move(unit), 1);
      changed_.NotifyOne();
      return;
    }
  }
  core::Reply reply;
  reply.status = Stopping();
  if (done) done(reply);
}

absl::Status CoreLoop::ReadNow(const Read& read) {
  struct Waiter {
    Mutex mutex;
    CondVar changed;
    bool ran ABSL_GUARDED_BY(mutex) = false;
  };
  const auto waiter = std::make_shared<Waiter>();
  {
    MutexLock lock(mutex_);
    if (stopping_) return Stopping();
    agents_.emplace_back(Read([&read, waiter](const core::Machine& machine) {
      read(machine);
      MutexLock ran(waiter->mutex);
      waiter->ran = true;
      waiter->changed.NotifyOne();
    }));
  }
  changed_.NotifyOne();
  MutexLock lock(waiter->mutex);
  while (!waiter->ran) waiter->changed.Wait(waiter->mutex);
  return absl::OkStatus();
}

void CoreLoop::Run() {
  while (true) {
    Work work = Wait();
    if (work.end) return;
    Beat();
    Do(work);
  }
}

absl::Duration CoreLoop::UntilTimer() const {
  return clock_.ToReal(machine_.NextTimer() - clock_.Now());
}

CoreLoop::Work CoreLoop::Wait() {
  const absl::Duration start = os::Boottime();
  Work work;
  MutexLock lock(mutex_);
  while (true) {
    const absl::Duration waited = os::Boottime() - start;
    const bool ready = committer_.Ready();
    const absl::Duration timer =
        ready ? std::max(UntilTimer(), shortest_timer_wait_ - waited) : absl::InfiniteDuration();
    work.timer = timer <= absl::ZeroDuration();
    work.agents.swap(agents_);
    if (ready) TakeClients(work);
    const bool any = !work.agents.empty() || !work.clients.empty() || (ready && batch_.used());
    if (any || work.timer) break;
    work.end = stopping_ && clients_.empty() && !batch_.used();
    if (work.end || waited >= idle_wait_) break;
    changed_.WaitFor(mutex_, std::min(idle_wait_ - waited, timer));
  }
  metrics_.SetQueued(Lane::kAgents, agents_.size());
  metrics_.SetQueued(Lane::kClients, client_commands_);
  return work;
}

void CoreLoop::TakeClients(Work& work) {
  size_t taken = 0;
  while (!clients_.empty() && taken < kMaxBatchCommands) {
    const auto* unit = std::get_if<Unit>(&clients_.front());
    const size_t commands = unit != nullptr ? unit->commands.size() : 1;
    work.clients.push_back(std::move(clients_.front()));
    clients_.pop_front();
    client_commands_ -= commands;
    taken += commands;
  }
}

// Promise 4: when this process itself was stopped or starved, nodes that seem silent may have been
// talking all the time.
void CoreLoop::Beat() {
  const absl::Duration now = hooks_.boottime();
  absl::Duration gap;
  {
    MutexLock lock(mutex_);
    gap = now - last_beat_;
    last_beat_ = now;
  }
  hooks_.beat();
  if (gap <= stall_) return;
  os::LogWarning("held up: every lease counts from now on",
                 {{"seconds", absl::ToDoubleSeconds(gap)}});
  metrics_.OnLeasesRefreshed();
  Apply(core::RefreshLeases{});
}

void CoreLoop::Do(Work& work) {
  for (AgentItem& item : work.agents) Handle(item);
  for (ClientItem& item : work.clients) Handle(item);
  if (committer_.Ready() && (batch_.used() || work.timer)) {
    Close();
  } else {
    batch_.LimitHeldEffects();
  }
}

void CoreLoop::Handle(AgentItem& item) {
  if (const auto* read = std::get_if<Read>(&item)) {
    machine_.PrepareToRead();
    (*read)(machine_);
    return;
  }
  const auto& from_agent = std::get<FromAgent>(item);
  const core::Reply reply = Apply(from_agent.command);
  if (from_agent.done) from_agent.done(reply);
}

void CoreLoop::Handle(ClientItem& item) {
  if (auto* reading = std::get_if<Reading>(&item)) {
    machine_.PrepareToRead();
    reading->read(machine_);
    batch_.Release([done = std::move(reading->done)](const absl::Status& status) {
      done(status.ok() ? status : GivenUp(status));
    });
    return;
  }
  auto& unit = std::get<Unit>(item);
  std::vector<core::Reply> replies;
  replies.reserve(unit.commands.size());
  for (const core::Command& command : unit.commands) replies.push_back(Apply(command));
  batch_.Release([done = std::move(unit.done),
                  replies = std::move(replies)](const absl::Status& status) mutable {
    if (!status.ok()) {
      // Also the refusals: what they were decided by may never become durable.
      for (core::Reply& reply : replies) {
        reply = core::Reply();
        reply.status = GivenUp(status);
      }
    }
    done(std::move(replies));
  });
}

core::Reply CoreLoop::Apply(const core::Command& command) {
  core::Reply reply = batch_.Apply(command, clock_.Now());
  metrics_.OnApplied(command, reply);
  return reply;
}

void CoreLoop::Close() {
  if (batch_.commands() > 0) metrics_.OnBatch(batch_.commands());
  CommitUnit unit = batch_.Close(clock_.Now());
  const bool due = machine_.NextTimer() <= clock_.Now();
  shortest_timer_wait_ = due ? kShortestTimerWait : absl::ZeroDuration();
  if (unit.NothingToKeep()) {
    if (unit.releases.empty()) return;
    if (committer_.Idle()) {
      for (const auto& release : unit.releases) release(absl::OkStatus());
      return;
    }
  }
  committer_.Add(std::move(unit));
}

void CoreLoop::LetOut(std::vector<core::Effect> effects) {
  bool plan_wanted = false;
  for (const core::Effect& effect : effects) {
    if (const auto* decision = std::get_if<core::Decision>(&effect)) {
      metrics_.OnDecision(*decision);
      if (decision->kind == core::DecisionKind::kLate) WarnLate(*decision);
    }
    plan_wanted = plan_wanted || std::holds_alternative<core::PlanWanted>(effect);
  }
  std::erase_if(effects, [](const core::Effect& effect) {
    return std::holds_alternative<core::PlanWanted>(effect);
  });
  if (!effects.empty()) sink_->OnEffects(std::move(effects));
  if (plan_wanted) hooks_.plan_wanted();
}

void CoreLoop::WarnLate(const core::Decision& decision) {
  const absl::Duration now = hooks_.boottime();
  if (now < next_late_line_) {
    ++late_unwritten_;
    return;
  }
  os::LogWarning("a task will probably miss its deadline",
                 {{"task", FormatTaskName(decision.job, decision.task->index)},
                  {"reason", model::ReasonName(decision.reason)},
                  {"detail", decision.detail},
                  {"others_since_the_last_line", std::exchange(late_unwritten_, 0)}});
  next_late_line_ = now + kLateLineInterval;
}

void CoreLoop::OnStoreHealth(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    store_health_ = status;
  }
  if (status.ok()) {
    os::LogInfo("the store takes writes again");
  } else {
    os::LogError("the store cannot write: nothing is acknowledged until it can",
                 {{"error", status}});
  }
  metrics_.SetStoreWritable(status.ok());
  hooks_.store_health(status);
}

}  // namespace heliotrope::daemon
