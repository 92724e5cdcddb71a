// Random histories: whatever clients, agents, the planner and time do, the invariants hold after
// every command, and the same history gives the same effects.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/random.h"
#include "scheduler/core/describe.h"
#include "scheduler/core/machine.h"

namespace heliotrope::core {
namespace {

using model::AttemptPhase;
using model::TaskState;

const absl::Time kStart = absl::FromCivil(absl::CivilHour(2026, 3, 2, 0), absl::UTCTimeZone());

FleetConfig Fleet() {
  FleetConfig fleet;
  std::vector<JurisdictionCode> codes;
  for (const auto& [id, code] : {std::pair{"dubai", "AE"},
                                 {"frankfurt-1", "DE"},
                                 {"frankfurt-2", "DE"},
                                 {"hangzhou", "CN"},
                                 {"virginia", "US"}}) {
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

// A random world: agents that are told nothing but report what could be true, or stale, or twice.
class World {
 public:
  explicit World(uint64_t seed)
      : random_(seed),
        machine_({.lease_real = absl::Seconds(60),
                  .lease = absl::Seconds(60),
                  .lease_margin = absl::Seconds(6),
                  .major_version = 0},
                 Fleet()),
        now_(kStart) {
    for (const model::DataCenter& data_center : machine_.fleet().data_centers) {
      for (const char* suffix : {"-a", "-b"}) {
        nodes_.push_back(
            {NodeId(data_center.id.value() + suffix), data_center.id, data_center.jurisdiction});
      }
    }
    for (const Place& place : nodes_) Hello(place);
  }

  void Step() {
    switch (random_.Uniform(12)) {
      case 0:
        Submit();
        break;
      case 1:
        now_ += absl::Seconds(static_cast<int64_t>(random_.Uniform(90)));
        for (const Place& place : nodes_) {
          if (!random_.Chance(0.05)) Heartbeat(place);
        }
        break;
      case 2:
        if (random_.Chance(0.2)) Hello(Pick());
        break;
      case 3:
        if (random_.Chance(0.3)) Apply(DrainNode{Pick().id, random_.Chance(0.5)});
        break;
      case 4:
        if (random_.Chance(0.2)) Apply(CancelJob{JobId(absl::StrCat("j", random_.Uniform(60)))});
        break;
      case 5: {
        const Place& place = Pick();
        Apply(NodeLoad{place.id,
                       sessions_[place.id],
                       {{now_, MilliCores::FromMilli(static_cast<int64_t>(random_.Uniform(9000))),
                         Bytes::Zero()}}});
        break;
      }
      default:
        Report();
    }
  }

  const Machine& machine() const { return machine_; }
  const std::string& history() const { return history_; }

 private:
  struct Place {
    NodeId id;
    DataCenterId data_center;
    JurisdictionCode jurisdiction;
  };

  const Place& Pick() { return nodes_[random_.Uniform(nodes_.size())]; }

  void Hello(const Place& place) {
    NodeHello hello;
    hello.node = place.id;
    hello.session = ++last_session_;
    hello.instance = place.id.value();
    hello.version = "0.1.0";
    hello.data_center = place.data_center;
    hello.jurisdiction = place.jurisdiction;
    hello.capacity = {MilliCores::FromMilli(8000), Bytes::FromGiB(8)};
    hello.address = place.id.value() + ":7410";
    hello.attempts = Live(place.id);
    hello.checkpoints = Held(place.id);
    sessions_[place.id] = hello.session;
    Apply(hello);
  }

  std::vector<AttemptStatus> Live(const NodeId& id) {
    std::vector<AttemptStatus> statuses;
    const auto node = machine_.nodes().find(id);
    if (node == machine_.nodes().end()) return statuses;
    for (const TaskId& task : node->second.tasks) {
      if (random_.Chance(0.05)) continue;  // Forgotten.
      AttemptStatus status;
      status.key = {task, machine_.FindJob(task.job)->tasks[task.index].attempt};
      status.phase = AttemptPhase::kRunning;
      statuses.push_back(status);
    }
    return statuses;
  }

  std::vector<HeldCheckpoint> Held(const NodeId& id) {
    std::vector<HeldCheckpoint> all;
    const auto node = machine_.nodes().find(id);
    if (node == machine_.nodes().end()) return all;
    for (const model::CheckpointKey& key : node->second.checkpoints) {
      if (random_.Chance(0.95)) all.push_back({key, std::string(32, 'd'), Bytes::FromMiB(1), ""});
    }
    return all;
  }

  void Heartbeat(const Place& place) {
    Apply(NodeHeartbeat{place.id, sessions_[place.id], Live(place.id), Held(place.id)});
  }

  void Submit() {
    auto spec = std::make_shared<model::JobSpec>();
    spec->command = {"/bin/true"};
    spec->outputs = {"**"};
    spec->account = AccountId("default");
    spec->count = 1 + static_cast<uint32_t>(random_.Uniform(4));
    spec->request.cores = MilliCores::FromMilli(1 + static_cast<int64_t>(random_.Uniform(6000)));
    spec->expected_duration = absl::Minutes(1 + static_cast<int64_t>(random_.Uniform(600)));
    if (random_.Chance(0.6)) {
      spec->checkpoint.emplace();
      if (random_.Chance(0.5)) spec->checkpoint->interval = absl::Hours(1);
    }
    spec->retry.max_retries = static_cast<int>(random_.Uniform(3));
    const std::vector<std::vector<std::string>> residencies = {{}, {"EU"}, {"CN"}, {"US", "AE"}};
    spec->residency.words = residencies[random_.Uniform(residencies.size())];
    spec->residency.any = spec->residency.words.empty();
    if (random_.Chance(0.4)) {
      spec->deadline = now_ + spec->expected_duration * (1 + 4 * random_.Double());
    }
    Apply(SubmitJob{spec, JobId(absl::StrCat("j", submitted_++)), RequestId(), 0, false});
  }

  // A report about a task that is, was or never was on the node.
  void Report() {
    const Place& place = Pick();
    const auto node = machine_.nodes().find(place.id);
    TaskId task{JobUid(1 + random_.Uniform(static_cast<uint64_t>(submitted_) + 1)), 0};
    if (!node->second.tasks.empty() && random_.Chance(0.9)) {
      auto it = node->second.tasks.begin();
      std::advance(it, static_cast<int64_t>(random_.Uniform(node->second.tasks.size())));
      task = *it;
    }
    AttemptStatus status;
    const Job* job = machine_.FindJob(task.job);
    const uint32_t newest = job == nullptr ? 1 : job->tasks[task.index].attempt.value();
    status.key = {task, AttemptNumber(random_.Chance(0.9) ? newest : newest / 2 + 1)};
    status.phase = static_cast<AttemptPhase>(random_.Uniform(11));
    if (random_.Chance(0.6) && !IsTerminal(status.phase)) status.phase = AttemptPhase::kRunning;
    const bool can = job != nullptr && job->spec->checkpoint.has_value();
    if (can && (status.phase == AttemptPhase::kLeft || random_.Chance(0.2))) {
      status.checkpoint =
          SealedCheckpoint{{status.key, ++sequence_},
                           std::string(32, 'd'),
                           Bytes::FromMiB(1),
                           absl::Minutes(static_cast<int64_t>(random_.Uniform(60)))};
    }
    NodeReport report{place.id, sessions_[place.id], {status}, {}};
    Apply(report);
    if (random_.Chance(0.1)) Apply(report);  // Twice.
  }

  void Apply(const Command& command) {
    const Outcome outcome = machine_.Apply(command, now_);
    absl::StrAppend(&history_, outcome.reply.status.ok() ? "" : "refused\n");
    bool plan = false;
    for (const Effect& effect : outcome.effects) {
      plan = plan || std::holds_alternative<PlanWanted>(effect);
      absl::StrAppend(&history_, Describe(effect), "\n");
      if (const auto* order = std::get_if<OrderAttempt>(&effect)) CheckSession(*order);
      if (const auto* order = std::get_if<OrderCheckpoint>(&effect)) CheckSession(*order);
    }
    if (plan) {
      Apply(AdoptPlan{std::make_shared<const plan::Plan>(plan::Compute(machine_.PlanInput()))});
    }
    if (!std::holds_alternative<Tick>(command)) Apply(Tick{});
  }

  // Promise 3: an order is for the stream that its node had when it was made.
  template <class Order>
  void CheckSession(const Order& order) {
    EXPECT_EQ(order.session, machine_.nodes().at(order.node).session) << Describe(Effect(order));
  }

  Random random_;
  Machine machine_;
  absl::Time now_;
  std::vector<Place> nodes_;
  std::map<NodeId, uint64_t> sessions_;
  uint64_t last_session_ = 0;
  uint32_t sequence_ = 0;
  int submitted_ = 0;
  std::string history_;
};

// Judges the state; remembers what must not change.
class Invariants {
 public:
  void Check(const Machine& machine) {
    std::map<NodeId, MilliCores> held;
    for (const auto& [uid, job] : machine.jobs()) {
      TaskCounts counts;
      for (uint32_t index = 0; index < job->tasks.size(); ++index) {
        const TaskId id{uid, index};
        const model::Task& task = job->tasks[index];
        ++counts.Of(task.state);
        CheckTask(machine, *job, id, task);
        if (HoldsNode(task.state)) held[task.run->attempts.back().node] += job->spec->request.cores;
        if (task.run != nullptr && task.run->move && task.run->move->to) {
          held[*task.run->move->to] += job->spec->request.cores;
        }
      }
      ASSERT_EQ(counts.pending, job->counts.pending);
      ASSERT_EQ(counts.Ended(), job->counts.Ended());
    }
    for (const auto& [id, node] : machine.nodes()) {
      ASSERT_EQ(node.batch.cores, held[id]) << id;
      // Promise 12.
      ASSERT_LE(node.batch.cores, node.capacity.cores) << id;
    }
  }

 private:
  void CheckTask(const Machine& machine, const Job& job, const TaskId& id,
                 const model::Task& task) {
    // Promise 3: attempt numbers only grow.
    ASSERT_GE(task.attempt, attempts_[id]);
    attempts_[id] = task.attempt;
    // Promise 5.
    const auto ended = ended_.find(id);
    if (ended != ended_.end()) {
      ASSERT_EQ(task.state, ended->second);
    }
    if (IsTerminal(task.state)) ended_.emplace(id, task.state);
    // Promise 12: nothing of a cancelled job waits.
    if (job.cancel_requested) {
      ASSERT_NE(task.state, TaskState::kPending);
    }
    // A task that waits is in a class or in a backoff.
    if (task.class_id != 0) {
      ASSERT_EQ(task.state, TaskState::kPending);
    }
    if (task.run == nullptr) return;
    // Promise 6.
    for (const model::AttemptRecord& record : task.run->attempts) {
      ASSERT_TRUE(Allowed(machine, job, record.data_center)) << ToString(id);
    }
    if (!task.run->checkpoint) return;
    ASSERT_FALSE(task.run->checkpoint->holders.empty());
    for (const NodeId& holder : task.run->checkpoint->holders) {
      ASSERT_TRUE(Allowed(machine, job, machine.nodes().at(holder).data_center)) << ToString(id);
    }
  }

  static bool Allowed(const Machine& machine, const Job& job, const DataCenterId& id) {
    for (const model::DataCenter& data_center : machine.fleet().data_centers) {
      if (data_center.id != id) continue;
      return machine.fleet().jurisdictions.Allows(job.spec->residency, data_center.jurisdiction);
    }
    return false;
  }

  std::map<TaskId, AttemptNumber> attempts_;
  std::map<TaskId, TaskState> ended_;
};

class MachinePropertyTest : public testing::TestWithParam<uint64_t> {};

TEST_P(MachinePropertyTest, InvariantsHoldAfterEveryCommand) {
  World world(GetParam());
  Invariants invariants;
  for (int i = 0; i < 400; ++i) {
    world.Step();
    invariants.Check(world.machine());
    if (HasFatalFailure()) FAIL() << "seed " << GetParam() << ", step " << i;
  }
}

TEST_P(MachinePropertyTest, TheSameHistoryGivesTheSameEffects) {
  World one(GetParam());
  World two(GetParam());
  for (int i = 0; i < 100; ++i) {
    one.Step();
    two.Step();
  }
  EXPECT_EQ(one.history(), two.history());
}

INSTANTIATE_TEST_SUITE_P(Seeds, MachinePropertyTest, testing::Range<uint64_t>(1, 21));

}  // namespace
}  // namespace heliotrope::core
