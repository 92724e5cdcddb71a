#include "tests/sim/scheduler_host.h"

#include <algorithm>
#include <optional>

#include "scheduler/base/check.h"
#include "scheduler/base/mark.h"
#include "scheduler/plan/plan.h"
#include "scheduler/store/codec.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr absl::Duration kShortestTimerWait = absl::Milliseconds(1);
constexpr absl::Duration kFirstRetry = absl::Milliseconds(100);
constexpr absl::Duration kLongestRetry = absl::Seconds(5);
constexpr absl::Duration kPlanPause = absl::Milliseconds(20);

}  // namespace

SchedulerHost::SchedulerHost(World& world, Random random, double clock_rate)
    : Actor(world.queue), world_(world), random_(random), clock_(clock_rate, kWallStart) {}

// --- Life ---

void SchedulerHost::Start() {
  HT_CHECK(!up());
  Begin();
  After(absl::Milliseconds(50) + absl::Seconds(1) * random_.Double(), [this] { Load(); });
}

void SchedulerHost::Load() {
  term_ = store_.Open();
  started_wall_ = clock_.Wall(now());
  started_at_ = last_beat_ = clock_.Boottime(now());
  store::Decoder decoder;
  for (const auto& [key, value] : store_.map()) {
    const absl::Status added =
        decoder.Add(store::Record{.kind = key.first, .key = key.second, .value = value});
    if (!added.ok()) world_.promises.Break("what was committed loads", added.ToString());
  }
  core::Image image = decoder.Finish();
  world_.promises.Recovered(image);
  core::FleetConfig fleet = MakeFleet(world_.settings, world_.narrow);
  world_.promises.Configured(fleet);
  machine_ = std::make_unique<core::Machine>(
      core::MachineOptions{.lease_real = world_.settings.lease,
                           .lease = world_.settings.lease,
                           .lease_margin = world_.settings.lease_margin,
                           .major_version = 0,
                           .outlook = {}},
      std::move(fleet));
  const absl::Status recovered = machine_->Recover(std::move(image), ClockNow());
  if (!recovered.ok()) world_.promises.Break("what was committed loads", recovered.ToString());
  batch_ = std::make_unique<daemon::Batch>(*machine_);
  world_.trace.Add(now(), "scheduler", "serves, term", term_, "jobs", machine_->jobs().size());
  PlanTurn();
}

void SchedulerHost::Kill() {
  world_.trace.Add(now(), "scheduler", "is killed");
  if (machine_ != nullptr && quiet()) Compare();
  // The write that is under way has reached the disk as a whole, or it is undone.
  if (writing_ && store_.term() == term_ && random_.Chance(0.5)) {
    store_.Commit(units_.front().records);
    world_.promises.Committed(units_.front().records);
  }
  TearDown();
}

// What a recovery has changed, as by a configuration of meanwhile, goes with the first batch; without
// any the next recovery changes it again.
void SchedulerHost::Compare() {
  if (closed_) world_.promises.CompareWithStore(*machine_, store_);
}

void SchedulerHost::Stop() {
  world_.trace.Add(now(), "scheduler", "is told to stop");
  if (machine_ == nullptr) return TearDown();
  stopping_ = true;
  PlanTurn();
}

// As CoreLoop::Stop and Committer::Finish: what was taken is committed and answered.
void SchedulerHost::EndIfStopped() {
  if (!stopping_ || !clients_.empty() || batch_->used() || !units_.empty()) return;
  world_.trace.Add(now(), "scheduler", "has stopped");
  Compare();
  TearDown();
}

void SchedulerHost::MoveToAnotherHost(double clock_rate, absl::Time wall) {
  HT_CHECK(!up());
  clock_ = HostClock(clock_rate, wall);
  clock_.Reboot(now());
}

void SchedulerHost::TearDown() {
  End();
  for (const auto& stream : std::exchange(streams_, {})) stream->SchedulerGone();
  by_node_.clear();
  agents_.clear();
  clients_.clear();
  units_.clear();
  batch_.reset();
  machine_.reset();
  store_health_ = absl::OkStatus();
  writing_ = stood_still_ = turn_planned_ = plan_wanted_ = planning_ = stopping_ = closed_ = false;
  timer_ = absl::InfiniteDuration();
}

void SchedulerHost::PauseProcess() {
  world_.trace.Add(now(), "scheduler", "is stopped");
  Pause();
  last_beat_ = clock_.Boottime(now());
  stood_still_ = true;
}

void SchedulerHost::ResumeProcess() {
  Resume();
  if (machine_ != nullptr) PlanTurn();
}

void SchedulerHost::Reload() {
  if (machine_ == nullptr) return;
  clients_.push_back(Unit{core::SetFleet{MakeFleet(world_.settings, world_.narrow)}, nullptr});
  PlanTurn();
}

bool SchedulerHost::quiet() const { return units_.empty() && !batch_->used(); }

absl::Time SchedulerHost::ClockNow() const {
  return started_wall_ + (clock_.Boottime(now()) - started_at_);
}

// --- Clients ---

void SchedulerHost::Submit(core::Command command, Replies done) {
  if (!store_health_.ok() || stopping_) {
    core::Reply refused;
    refused.status = stopping_ ? absl::UnavailableError("stopping") : store_health_;
    done({refused});
    return;
  }
  clients_.push_back(Unit{std::move(command), std::move(done)});
  PlanTurn();
}

void SchedulerHost::Query(Read read, ReadDone done) {
  if (!store_health_.ok() || stopping_) {
    done(stopping_ ? absl::UnavailableError("stopping") : store_health_);
    return;
  }
  clients_.push_back(Reading{std::move(read), std::move(done)});
  PlanTurn();
}

// --- Streams ---

bool SchedulerHost::Accept(const std::shared_ptr<AgentStream>& stream) {
  if (machine_ == nullptr || stopping_) return false;
  stream->set_session(next_session_++);
  streams_.push_back(stream);
  return true;
}

void SchedulerHost::OnMessage(const std::shared_ptr<AgentStream>& stream,
                              const ToScheduler& message) {
  After(absl::ZeroDuration(), [this, stream, message] {
    agents_.emplace_back(FromAgent{stream, message});
    PlanTurn();
  });
}

void SchedulerHost::OnDone(const std::shared_ptr<AgentStream>& stream) {
  After(absl::ZeroDuration(), [this, stream] {
    for (auto it = by_node_.begin(); it != by_node_.end();) {
      it = it->second == stream ? by_node_.erase(it) : std::next(it);
    }
    std::erase(streams_, stream);
    if (stream->node().empty()) return;
    agents_.emplace_back(core::NodeGone{stream->node(), stream->session()});
    PlanTurn();
  });
}

std::shared_ptr<AgentStream> SchedulerHost::StreamOf(const NodeId& node) const {
  const auto found = by_node_.find(node);
  return found == by_node_.end() ? nullptr : found->second;
}

void SchedulerHost::OnHello(const std::shared_ptr<AgentStream>& stream, core::NodeHello hello) {
  if (!stream->node().empty()) {
    stream->EndByScheduler(absl::InvalidArgumentError("hello said twice"));
    return;
  }
  hello.session = stream->session();
  const NodeId node = hello.node;
  const core::Reply reply = Apply(hello);
  world_.trace.Add(now(), "scheduler", "hello of", node, "session", hello.session,
                   reply.status.ok() ? "taken" : "refused");
  if (reply.status.ok()) world_.promises.Told(world_.AgentOf(node)->facts().host);
  if (!reply.status.ok()) {
    stream->EndByScheduler(reply.status);
    return;
  }
  stream->set_node(node);
  stream->SendDown({term_, Welcome{.lease = world_.settings.lease,
                                   .heartbeat_interval = world_.settings.lease / 6}});
  const auto older = std::exchange(by_node_[node], stream);
  if (older != nullptr && older != stream) {
    older->EndByScheduler(absl::AbortedError("a newer session has taken over"));
  }
}

template <class Command>
void SchedulerHost::OnCommand(const std::shared_ptr<AgentStream>& stream, Command command,
                              std::optional<int64_t> heartbeat) {
  if (stream->node().empty()) {
    stream->EndByScheduler(absl::InvalidArgumentError("the first message is hello"));
    return;
  }
  command.node = stream->node();
  command.session = stream->session();
  const core::Reply reply = Apply(command);
  if (!reply.status.ok()) {
    stream->EndByScheduler(reply.status);
  } else if (heartbeat) {
    // What must not start comes before the lease, as in rpc/agent_hub.cc.
    Orders stops;
    for (const model::AttemptKey& key : reply.stale) {
      core::OrderAttempt& stop = stops.attempts.emplace_back();
      stop.key = key;
      stop.action = core::AttemptAction::kStop;
      stop.reason = model::Reason::kStale;
    }
    if (!stops.attempts.empty()) stream->SendDown({term_, std::move(stops)});
    stream->SendDown({term_, LeaseGrant{*heartbeat, world_.settings.lease}});
  }
}

// --- The core loop ---

void SchedulerHost::PlanTurn() {
  if (std::exchange(turn_planned_, true)) return;
  After(absl::Microseconds(20), [this] {
    turn_planned_ = false;
    Turn();
  });
}

void SchedulerHost::Beat() {
  const absl::Duration boottime = clock_.Boottime(now());
  const bool held_up = stood_still_ && boottime - last_beat_ > world_.settings.lease / 3;
  stood_still_ = false;
  last_beat_ = boottime;
  if (!held_up) return;
  world_.trace.Add(now(), "scheduler", "was held up: leases count from now");
  Apply(core::RefreshLeases{});
}

void SchedulerHost::Turn() {
  Beat();
  for (const AgentItem& item : std::exchange(agents_, {})) Handle(item);
  const bool ready = Ready();
  if (ready) {
    for (ClientItem& item : std::exchange(clients_, {})) Handle(item);
  }
  if (ready && (batch_->used() || machine_->NextTimer() <= ClockNow())) {
    Close();
  } else {
    batch_->LimitHeldEffects();
  }
  ArmTimer();
  EndIfStopped();
}

void SchedulerHost::ArmTimer() {
  if (!Ready()) return;  // The end of a commit gives the next turn.
  const absl::Time timer = machine_->NextTimer();
  if (timer == absl::InfiniteFuture()) return;
  const absl::Duration wait = std::max(timer - ClockNow(), kShortestTimerWait);
  const Instant when = clock_.TrueTime(clock_.Boottime(now()) + wait) + absl::Nanoseconds(100);
  if (timer_ > now() && timer_ <= when) return;  // An earlier look does no harm.
  timer_ = when;
  At(when, [this, number = ++timer_number_] {
    if (number != timer_number_) return;
    timer_ = absl::InfiniteDuration();
    PlanTurn();
  });
}

void SchedulerHost::Handle(const AgentItem& item) {
  if (const auto* read = std::get_if<Read>(&item)) {
    machine_->PrepareToRead();
    (*read)(*machine_);
    return;
  }
  if (const auto* gone = std::get_if<core::NodeGone>(&item)) {
    Apply(*gone);
    return;
  }
  const auto& [stream, message] = std::get<FromAgent>(item);
  if (stream->ended()) return;
  if (const auto* hello = std::get_if<core::NodeHello>(&message)) {
    OnHello(stream, *hello);
  } else if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
    OnCommand(stream, heartbeat->all, heartbeat->sequence);
  } else if (const auto* report = std::get_if<core::NodeReport>(&message)) {
    OnCommand(stream, *report, std::nullopt);
  } else {
    OnCommand(stream, std::get<core::NodeLoad>(message), std::nullopt);
  }
}

void SchedulerHost::Handle(ClientItem& item) {
  if (auto* reading = std::get_if<Reading>(&item)) {
    machine_->PrepareToRead();
    reading->read(*machine_);
    batch_->Release(
        [done = std::move(reading->done)](const absl::Status& status) { done(status); });
    return;
  }
  auto& unit = std::get<Unit>(item);
  if (const auto* fleet = std::get_if<core::SetFleet>(&unit.command)) {
    world_.promises.Configured(fleet->config);
  }
  const core::Reply reply = Apply(unit.command);
  if (!unit.done) return;
  batch_->Release([done = std::move(unit.done), reply](const absl::Status& status) {
    core::Reply told = reply;
    if (!status.ok()) told.status = status;
    done({told});
  });
}

core::Reply SchedulerHost::Apply(const core::Command& command) {
  return batch_->Apply(command, ClockNow());
}

void SchedulerHost::Close() {
  daemon::CommitUnit unit = batch_->Close(ClockNow());
  closed_ = true;
  world_.promises.Made(unit.effects);
  if (unit.NothingToKeep()) {
    if (unit.releases.empty()) return;
    if (units_.empty()) {
      for (const auto& release : unit.releases) release(absl::OkStatus());
      return;
    }
  }
  units_.push_back(std::move(unit));
  if (units_.size() == 1) Work();
}

// --- The commit thread ---

void SchedulerHost::Work() {
  if (units_.front().records.Empty()) {
    After(absl::Microseconds(5), [this] { ReleaseFirst(); });
    return;
  }
  writing_ = true;
  const absl::Duration usual = absl::Microseconds(100) + absl::Milliseconds(5) * random_.Double();
  After(disk_slow_ ? usual * 1000 : usual, [this] { Write(kFirstRetry); });
}

void SchedulerHost::Write(absl::Duration backoff) {
  const store::Batch& records = units_.front().records;
  if (store_.term() != term_) {
    // Nothing of it is written or answered.
    HT_MARK(commit_of_a_deposed_scheduler_refused);
    writing_ = false;
    world_.scheduler_fails();
    return;
  }
  if (disk_full_) {
    store_health_ = absl::UnavailableError("the store cannot write");
    // An error may come after the deed.
    if (random_.Chance(0.2)) {
      store_.Commit(records);
      world_.promises.Committed(records);
    }
    if (stopping_) {
      HT_MARK(stopped_with_a_store_that_cannot_write);
      GiveUp(store_health_);
      return;
    }
    After(backoff, [this, next = std::min(backoff * 2, kLongestRetry)] { Write(next); });
    return;
  }
  store_.Commit(records);
  world_.promises.Committed(records);
  store_health_ = absl::OkStatus();
  writing_ = false;
  if (world_.CrashHere(kSchedulerHost)) return;
  After(absl::Microseconds(5), [this] { ReleaseFirst(); });
}

// What comes after something that was given up must not be written: it builds on it.
void SchedulerHost::GiveUp(const absl::Status& why) {
  world_.trace.Add(now(), "scheduler", "has stopped and given up", units_.size());
  for (const daemon::CommitUnit& unit : std::exchange(units_, {})) {
    for (const auto& release : unit.releases) release(why);
  }
  writing_ = false;
  TearDown();
}

void SchedulerHost::ReleaseFirst() {
  // It keeps its place until all is out: what is made meanwhile waits behind it.
  const daemon::CommitUnit& unit = units_.front();
  for (const auto& release : unit.releases) release(absl::OkStatus());
  if (world_.CrashHere(kSchedulerHost)) return;
  LetOut(unit.effects);
  units_.pop_front();
  if (!units_.empty()) Work();
  PlanTurn();
}

void SchedulerHost::LetOut(const std::vector<core::Effect>& effects) {
  std::map<std::pair<NodeId, uint64_t>, Orders> messages;
  for (const core::Effect& effect : effects) {
    if (const auto* attempt = std::get_if<core::OrderAttempt>(&effect)) {
      messages[{attempt->node, attempt->session}].attempts.push_back(*attempt);
    } else if (const auto* checkpoint = std::get_if<core::OrderCheckpoint>(&effect)) {
      messages[{checkpoint->node, checkpoint->session}].checkpoints.push_back(*checkpoint);
    } else if (std::holds_alternative<core::PlanWanted>(effect)) {
      WantPlan();
    }
  }
  for (auto& [receiver, orders] : messages) {
    const auto stream = StreamOf(receiver.first);
    if (stream == nullptr || stream->session() != receiver.second) continue;
    stream->SendDown({term_, std::move(orders)});
  }
}

// --- The planner ---

void SchedulerHost::WantPlan() {
  plan_wanted_ = true;
  if (!std::exchange(planning_, true)) PlanOnce();
}

void SchedulerHost::PlanOnce() {
  plan_wanted_ = false;
  agents_.emplace_back(Read([this](const core::Machine& machine) {
    auto plan = std::make_shared<const plan::Plan>(plan::Compute(machine.PlanInput()));
    const absl::Duration takes = absl::Milliseconds(1) + absl::Milliseconds(100) * random_.Double();
    After(takes, [this, plan] {
      clients_.push_back(Unit{core::AdoptPlan{plan}, nullptr});
      PlanTurn();
    });
    After(takes + kPlanPause, [this] {
      if (plan_wanted_) {
        PlanOnce();
      } else {
        planning_ = false;
      }
    });
  }));
  PlanTurn();
}

}  // namespace heliotrope::faultsim
