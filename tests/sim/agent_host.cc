#include "tests/sim/agent_host.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "scheduler/base/check.h"
#include "tests/sim/agent_stream.h"
#include "tests/sim/world.h"

namespace heliotrope::faultsim {
namespace {

constexpr absl::Duration kLoadEvery = absl::Seconds(20);
// A daemon's start, until it dials.
constexpr absl::Duration kStartTime = absl::Milliseconds(200);

agent::NodeSpec SpecOf(const AgentHost::Facts& facts) {
  agent::NodeSpec spec;
  spec.cores = MilliCores::FromMilli(facts.cores * 1000);
  spec.memory = Bytes::FromGiB(64);
  spec.jurisdiction = facts.site.jurisdiction;
  spec.yield.leave_after = absl::Minutes(1);
  return spec;
}

}  // namespace

AgentHost::AgentHost(World& world, Facts facts, Random random)
    : Actor(world.queue),
      world_(world),
      facts_(std::move(facts)),
      random_(random),
      clock_(facts_.clock_rate, kWallStart),
      processes_(world, facts_.host, disk_, clock_, random_.Fork(),
                 [this](const agent::AttemptKey& key, const agent::ExitReport& exit) {
                   After(absl::Milliseconds(1), [this, key, exit] {
                     PostEvent(agent::ProcessExited{.key = key, .exit = exit});
                   });
                 }) {
  disk_.instance = absl::StrCat(facts_.node.value(), "-", ++instances_);
}

AgentHost::~AgentHost() = default;

// --- Faults ---

void AgentHost::Boot() {
  clock_.Reboot(now());
  processes_.Boot(++boots_);
  after_boot_ = true;
  StartAgent();
}

void AgentHost::StartAgent() {
  HT_CHECK(!up());
  Begin();
  world_.trace.Add(now(), facts_.node.value(), "agent starts");
  machine_ = std::make_unique<agent::Machine>(SpecOf(facts_));
  session_ = std::make_unique<AgentSession>(*this, random_.Next());
  started_at_ = Boottime();
  real_at_start_ = clock_.Wall(now());
  armed_ = absl::InfiniteDuration();
  next_load_ = Boottime() + kLoadEvery;
  Recover();
  after_boot_ = false;
  Post(kStartTime, [] {});
}

void AgentHost::KillAgent() {
  world_.trace.Add(now(), facts_.node.value(), "agent is killed");
  End();
  if (stream_ != nullptr) stream_->AgentGone();
  stream_.reset();
  session_.reset();
  machine_.reset();
  attempts_.clear();
  expected_.clear();
  holding_.clear();
  lanes_.clear();
}

void AgentHost::StopAgent() {
  if (stream_ != nullptr) stream_->CloseByAgent(absl::CancelledError("the agent stops"));
  KillAgent();
}

void AgentHost::ChangeAgent(std::string version, int64_t cores) {
  HT_CHECK(!up());
  world_.trace.Add(now(), facts_.node.value(), "gets version", version, "and cores", cores);
  if (cores < facts_.cores) world_.promises.Shrunk(facts_.host);
  facts_.version = std::move(version);
  facts_.cores = cores;
}

void AgentHost::RotCheckpoint() {
  if (disk_.checkpoints.empty()) return;
  const auto rotten = std::next(disk_.checkpoints.begin(),
                                static_cast<ptrdiff_t>(random_.Uniform(disk_.checkpoints.size())));
  StoredCheckpoint& stored = rotten->second;
  const bool manifest = random_.Chance(0.3);
  stored.damaged = true;
  stored.unreadable = manifest && random_.Chance(0.5);
  char& byte = stored.info.digest.front();
  if (manifest) byte = static_cast<char>(byte ^ 1);
  world_.trace.Add(now(), facts_.node.value(), "checkpoint rots", rotten->first, manifest);
  world_.promises.Rotted(rotten->first, facts_.host);
}

void AgentHost::PowerCut() {
  if (up()) KillAgent();
  world_.trace.Add(now(), facts_.node.value(), "power cut");
  processes_.PowerCut();
  LoseUnsynced();
}

void AgentHost::Reimage() {
  HT_CHECK(!host_up());
  world_.trace.Add(now(), facts_.node.value(), "disk is emptied");
  disk_ = AgentDisk{};
  disk_.instance = absl::StrCat(facts_.node.value(), "-", ++instances_);
  world_.promises.DiskEmptied(facts_.host);
}

void AgentHost::BreakStream() {
  if (stream_ != nullptr) stream_->Break();
}

void AgentHost::PauseHost() {
  Pause();
  processes_.PauseHost();
}

void AgentHost::ResumeHost() {
  processes_.ResumeHost();
  Resume();
}

// --- The loop ---

agent::Now AgentHost::CoreNow() const {
  const absl::Duration boottime = Boottime();
  return {.scheduling = absl::UnixEpoch() + boottime,
          .real = real_at_start_ + (boottime - started_at_)};
}

void AgentHost::Post(absl::Duration delay, std::function<void()> what) {
  After(delay, [this, what = std::move(what)] {
    what();
    AfterBatch();
  });
}

void AgentHost::PostEvent(agent::Event event) {
  Post(absl::Microseconds(50), [this, event = std::move(event)] { Apply(event); });
}

void AgentHost::Apply(const agent::Event& event) {
  for (const agent::Effect& effect : machine_->Apply(event, CoreNow())) Do(effect);
}

void AgentHost::AfterBatch() {
  const absl::Duration boottime = Boottime();
  if (absl::UnixEpoch() + boottime >= machine_->NextTimer()) Apply(agent::TimePassed{});
  if (boottime >= next_load_) {
    next_load_ = boottime + kLoadEvery;
    Apply(agent::LoadMeasured{.sample = {.foreground = foreground_}});
    if (session_->connected()) {
      session_->QueueLoad({clock_.Wall(now()), foreground_, Bytes::Zero()});
    }
  }
  session_->Tick(boottime);
  Arm();
}

void AgentHost::Arm() {
  const absl::Duration deadline =
      std::min({session_->Deadline(), next_load_, machine_->NextTimer() - absl::UnixEpoch()});
  if (deadline == armed_) return;
  armed_ = deadline;
  const uint64_t wake = ++wake_;
  if (deadline == absl::InfiniteDuration()) return;
  At(std::max(clock_.TrueTime(deadline), now()) + absl::Nanoseconds(100), [this, wake] {
    if (wake != wake_) return;
    armed_ = absl::InfiniteDuration();
    AfterBatch();
  });
}

absl::Duration AgentHost::WorkTime() {
  const absl::Duration usual = absl::Milliseconds(1) + absl::Milliseconds(20) * random_.Double();
  return disk_slow_ ? usual * 200 : usual;
}

void AgentHost::InLane(const agent::AttemptKey& key, std::function<void()> work) {
  Line({.attempt = key, .sequence = CheckpointSeq(0)}, [work = std::move(work)](const Done& done) {
    work();
    done();
  });
}

void AgentHost::Carry(const agent::CheckpointKey& key, Work work) { Line(key, std::move(work)); }

void AgentHost::Line(const agent::CheckpointKey& lane, Work work) {
  auto& line = lanes_[lane];
  line.push_back(std::move(work));
  if (line.size() == 1) RunLane(lane);
}

void AgentHost::RunLane(const agent::CheckpointKey& lane) {
  const int carrier = lane.sequence.value() == 0 ? 1 : 4;
  After(WorkTime() * carrier, [this, lane] {
    if (world_.CrashHere(facts_.host)) return;
    // It keeps its place while it works. The daemon may be killed in the midst of it.
    const Work work = lanes_.at(lane).front();
    work([this, lane, before = life()] {
      if (life() != before) return;
      auto& line = lanes_.at(lane);
      line.pop_front();
      if (line.empty()) {
        lanes_.erase(lane);
      } else {
        RunLane(lane);
      }
    });
  });
}

// --- The stream ---

void AgentHost::OpenStream(uint64_t session) {
  core::NodeHello hello;
  hello.node = facts_.node;
  hello.instance = disk_.instance;
  hello.version = facts_.version;
  hello.data_center = DataCenterId(facts_.site.data_center);
  hello.jurisdiction = JurisdictionCode(facts_.site.jurisdiction);
  hello.capacity = {SpecOf(facts_).cores, SpecOf(facts_).memory};
  hello.address = absl::StrCat(facts_.host);
  FillAll(hello.attempts, hello.checkpoints);
  stream_ = AgentStream::Open(world_, *this, session, std::move(hello));
}

void AgentHost::CloseStream(const absl::Status& why) {
  if (stream_ != nullptr) stream_->CloseByAgent(why);
}

void AgentHost::SendOnStream(uint64_t session, ToScheduler message) {
  if (stream_ != nullptr) stream_->SendUp(std::move(message));
  OnSent(session);
}

void AgentHost::OnSent(uint64_t session) {
  Post(absl::Microseconds(200), [this, session] { session_->OnSent(session); });
}

void AgentHost::OnMessage(uint64_t session, const ToAgent& message) {
  Post(absl::ZeroDuration(), [this, session, message] { session_->OnMessage(session, message); });
}

void AgentHost::OnClosed(uint64_t session, const absl::Status& why) {
  Post(absl::ZeroDuration(), [this, session, why] { session_->OnClosed(session, why); });
}

void AgentHost::OnLease(absl::Duration until) {
  processes_.ExtendLease(until);
  Apply(agent::LeaseRenewed{.until = absl::UnixEpoch() + until});
}

void AgentHost::OnOrders(const Orders& orders, Term term) {
  agent::OrdersReceived received{.term = term};
  for (const core::OrderAttempt& order : orders.attempts) {
    received.orders.push_back(ToAgentOrder(order));
    if (order.action != core::AttemptAction::kStart) continue;
    expected_[ToAgentKey(order.key)] = {std::get<agent::StartOrder>(received.orders.back()),
                                        *order.start};
  }
  for (const core::OrderCheckpoint& order : orders.checkpoints) {
    received.orders.push_back(ToAgentOrder(order));
  }
  Apply(received);
  expected_.clear();
}

void AgentHost::FillAll(std::vector<core::AttemptStatus>& attempts,
                        std::vector<core::HeldCheckpoint>& checkpoints) const {
  for (const auto& status : machine_->Statuses(CoreNow())) attempts.push_back(ToCore(status));
  for (const auto& info : machine_->Checkpoints()) checkpoints.push_back(ToCore(info));
}

}  // namespace heliotrope::faultsim
