// Random histories against the machine: orders twice, late and out of order, results that fail,
// restarts of everything. After each step the promises that the agent alone can keep must hold.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "scheduler/base/random.h"
#include "tests/agent/core/world.h"

namespace heliotrope::agent {
namespace {

// The shell and the processes, as far as a promise is about them.
class Shell {
 public:
  explicit Shell(uint64_t seed) : random_(seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) Step();
  }

  std::string log;

 private:
  AttemptKey RandomKey() {
    return Key(1 + random_.Uniform(3), static_cast<uint32_t>(random_.Uniform(2)),
               1 + static_cast<uint32_t>(random_.Uniform(4)));
  }

  AttemptSpec RandomSpec(const AttemptKey& key) {
    AttemptSpec spec = random_.Chance(0.7) ? World::Checkpointing() : World::OneCore();
    spec.cores = MilliCores::FromMilli(static_cast<int64_t>(500 + random_.Uniform(2000)));
    if (spec.can_checkpoint) spec.checkpoint_interval = absl::Minutes(7);
    if (random_.Chance(0.1)) spec.jurisdictions = {"CN"};
    if (random_.Chance(0.3)) {
      spec.restore = RestoreSource{.key = {.attempt = key, .sequence = CheckpointSeq(9)}};
    }
    return spec;
  }

  void Step() {
    const AttemptKey key = RandomKey();
    switch (random_.Uniform(12)) {
      case 0:
      case 1:
      case 2: {
        const AttemptSpec spec = RandomSpec(key);
        allowed_[key] |= IsAllowed(spec.jurisdictions, "DE");
        Do(OrdersReceived{.term = Term(1), .orders = {StartOrder{.key = key, .spec = spec}}});
        break;
      }
      case 3:
        Do(OrdersReceived{.term = Term(1), .orders = {LeaveOrder{.key = key, .reason = "MOVE"}}});
        break;
      case 4:
        Do(OrdersReceived{.term = Term(1), .orders = {StopOrder{.key = key, .reason = "CANCEL"}}});
        break;
      case 5:
        Do(OrdersReceived{.term = Term(1), .orders = {ForgetOrder{.key = key}}});
        break;
      case 6:
        Do(LoadMeasured{.sample = {.foreground = MilliCores::FromMilli(
                                       static_cast<int64_t>(random_.Uniform(4001)))}});
        break;
      case 7:
        world_.now.scheduling += absl::Minutes(3);
        world_.now.real += absl::Minutes(3);
        Do(TimePassed{});
        break;
      default:
        Answer();
    }
  }

  // One of the results that are due.
  void Answer() {
    if (due_.empty()) return;
    const size_t index = random_.Uniform(due_.size());
    const Event event = due_[index];
    due_.erase(due_.begin() + static_cast<ptrdiff_t>(index));
    if (const auto* exit = std::get_if<ProcessExited>(&event)) {
      ASSERT_TRUE(processes_.erase(exit->key) == 1);
    }
    Do(event);
    if (random_.Chance(0.2)) Do(event);
  }

  void Exit(const AttemptKey& key, StopCause cause) {
    ExitReport exit{.incarnation = processes_.at(key),
                    .cause = cause,
                    .started = world_.now.real,
                    .ended = world_.now.real};
    exit.code = random_.Chance(0.6) ? 85 : static_cast<int>(random_.Uniform(2));
    exit.checkpointed = exit.code == 85;
    for (const Event& event : due_) {
      const auto* other = std::get_if<ProcessExited>(&event);
      if (other != nullptr && other->key == key) return;
    }
    due_.push_back(ProcessExited{.key = key, .exit = exit});
  }

  void Do(const Event& event) {
    const Effects effects = world_.machine.Apply(event, world_.now);
    log += Text(effects) + "\n";
    for (const Effect& effect : effects) {
      std::visit([this](const auto& e) { On(e); }, effect);
    }
    Check();
  }

  void On(const Prepare& e) { EXPECT_TRUE(prepared_.insert(e.key).second) << "prepared twice"; }
  void On(const Fetch& e) {
    if (random_.Chance(0.8))
      due_.push_back(FetchDone{.key = e.key});
    else
      due_.push_back(FetchFailed{.key = e.key});
  }
  void On(const CancelFetch&) {}
  void On(const Launch& e) {
    ASSERT_TRUE(allowed_[e.key]) << "residency of " << e.key;
    for (const auto& [other, incarnation] : processes_) {
      ASSERT_NE(other.task, e.key.task) << "two live attempts: " << other << " and " << e.key;
    }
    if (random_.Chance(0.1)) {
      due_.push_back(LaunchFailed{.key = e.key, .incarnation = e.incarnation});
      return;
    }
    processes_[e.key] = e.incarnation;
    pending_starts_.push_back(e);
    StartPending();
  }
  void StartPending() {
    for (const Launch& launch : pending_starts_) {
      due_.push_back(LaunchDone{
          .key = launch.key, .incarnation = launch.incarnation, .started = world_.now.real});
      if (random_.Chance(0.3)) continue;
      Exit(launch.key, StopCause::kNone);
    }
    pending_starts_.clear();
  }
  void On(const Steer& e) {
    if (!processes_.contains(e.key)) return;
    if (e.wish == Steer::Wish::kLeave) Exit(e.key, StopCause::kLeave);
    if (e.wish == Steer::Wish::kStop) Exit(e.key, StopCause::kStop);
  }
  void On(const Seal& e) {
    ASSERT_FALSE(processes_.contains(e.key.attempt)) << "sealing under a running process";
    if (random_.Chance(0.9)) {
      due_.push_back(SealDone{.checkpoint = {.key = e.key, .size = Bytes::FromBytes(1)}});
    } else {
      due_.push_back(SealFailed{.key = e.key, .detail = "disk full"});
    }
  }
  void On(const SaveOutcome& e) {
    ASSERT_FALSE(processes_.contains(e.status.key));
    due_.push_back(OutcomeSaved{.key = e.status.key});
  }
  void On(const Forget& e) { ASSERT_FALSE(processes_.contains(e.key)); }
  void On(const Hold&) {}
  void On(const Remove&) {}
  void On(const Note&) {}

  void Check() {
    ASSERT_LE(world_.machine.promised_cores(), World::Node().cores);
    std::set<AttemptKey> reported;
    for (const AttemptStatus& status : world_.machine.Statuses(world_.now)) {
      reported.insert(status.key);
      if (!IsTerminal(status.phase)) continue;
      ASSERT_FALSE(processes_.contains(status.key)) << "ended, yet a process runs";
      const auto [it, is_new] = terminal_.try_emplace(status.key, status.phase);
      ASSERT_EQ(it->second, status.phase) << "a terminal state is final";
    }
    for (const auto& [key, incarnation] : processes_) {
      ASSERT_TRUE(reported.contains(key)) << "a process that nobody reports";
    }
  }

  Random random_;
  World world_;
  std::vector<Event> due_;
  std::vector<Launch> pending_starts_;
  std::set<AttemptKey> prepared_;
  std::map<AttemptKey, bool> allowed_;
  std::map<AttemptKey, uint32_t> processes_;
  std::map<AttemptKey, Phase> terminal_;
};

TEST(MachineRandom, PromisesHoldInEveryHistory) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Shell shell(seed);
    shell.Run(300);
    if (::testing::Test::HasFatalFailure() || ::testing::Test::HasNonfatalFailure()) return;
    Shell again(seed);
    again.Run(300);
    ASSERT_EQ(shell.log, again.log) << "not deterministic";
  }
}

}  // namespace
}  // namespace heliotrope::agent
