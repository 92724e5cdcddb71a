// The scheduler daemon in simulated time: the product's core::Machine and daemon::Batch in a shell
// that keeps the order of daemon/core_loop.h, daemon/committer.h, daemon/planner.h and
// rpc/agent_hub.h without their threads.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/random.h"
#include "scheduler/core/machine.h"
#include "scheduler/daemon/batch.h"
#include "tests/sim/actor.h"
#include "tests/sim/agent_stream.h"
#include "tests/sim/host_clock.h"
#include "tests/sim/messages.h"
#include "tests/sim/scheduler_store.h"

namespace heliotrope::faultsim {

struct World;

class SchedulerHost : public Actor {
 public:
  using Replies = std::function<void(std::vector<core::Reply>)>;
  using Read = std::function<void(const core::Machine&)>;
  using ReadDone = std::function<void(absl::Status)>;

  SchedulerHost(World& world, Random random, double clock_rate);

  // --- What faults and operators do ---
  void Start();
  void Kill();
  // Takes nothing more, finishes what it has, and ends.
  void Stop();
  // REQUIRES: it is not up. `wall`: what that host's wall clock would have shown when the history
  // began.
  void MoveToAnotherHost(double clock_rate, absl::Time wall);
  // Another scheduler takes the store.
  void LoseStore() { store_.Open(); }
  void PauseProcess();
  void ResumeProcess();
  void set_disk_full(bool full) { disk_full_ = full; }
  void set_disk_slow(bool slow) { disk_slow_ = slow; }
  void Reload();
  HostClock& clock() { return clock_; }

  // --- Clients ---
  bool serving() const { return machine_ != nullptr; }
  void Submit(core::Command command, Replies done);
  void Query(Read read, ReadDone done);

  // --- Streams ---
  bool Accept(const std::shared_ptr<AgentStream>& stream);
  void OnMessage(const std::shared_ptr<AgentStream>& stream, const ToScheduler& message);
  void OnDone(const std::shared_ptr<AgentStream>& stream);
  // That of a node's newest hello.
  std::shared_ptr<AgentStream> StreamOf(const NodeId& node) const;

  // --- For the judges ---
  const core::Machine* machine() const { return machine_.get(); }
  const SchedulerStore& store() const { return store_; }
  // All that was applied is durable.
  bool quiet() const;

 private:
  void Compare();
  struct FromAgent {
    std::shared_ptr<AgentStream> stream;
    ToScheduler message;
  };
  using AgentItem = std::variant<FromAgent, core::NodeGone, Read>;
  struct Unit {
    core::Command command;
    Replies done;
  };
  struct Reading {
    Read read;
    ReadDone done;
  };
  using ClientItem = std::variant<Unit, Reading>;

  absl::Time ClockNow() const;
  void Load();
  // One turn of the core loop.
  void PlanTurn();
  void Turn();
  void Beat();
  void Handle(const AgentItem& item);
  void OnHello(const std::shared_ptr<AgentStream>& stream, core::NodeHello hello);
  template <class Command>
  void OnCommand(const std::shared_ptr<AgentStream>& stream, Command command,
                 std::optional<int64_t> heartbeat);
  void Handle(ClientItem& item);
  core::Reply Apply(const core::Command& command);
  void Close();
  void TearDown();
  void EndIfStopped();
  void ArmTimer();
  bool Ready() const { return units_.size() < 2; }

  // The commit thread.
  void Work();
  void Write(absl::Duration backoff);
  void GiveUp(const absl::Status& why);
  void ReleaseFirst();
  void LetOut(const std::vector<core::Effect>& effects);

  // The planner's thread.
  void WantPlan();
  void PlanOnce();

  World& world_;
  Random random_;
  HostClock clock_;
  SchedulerStore store_;
  bool disk_full_ = false;
  bool disk_slow_ = false;

  // Of this life.
  std::unique_ptr<core::Machine> machine_;
  std::unique_ptr<daemon::Batch> batch_;
  Term term_;
  absl::Time started_wall_;
  absl::Duration started_at_;
  absl::Duration last_beat_;
  bool stood_still_ = false;
  bool stopping_ = false;
  bool closed_ = false;  // A batch since it serves.
  bool turn_planned_ = false;
  Instant timer_ = absl::InfiniteDuration();
  uint64_t timer_number_ = 0;
  std::deque<AgentItem> agents_;
  std::deque<ClientItem> clients_;
  std::deque<daemon::CommitUnit> units_;
  bool writing_ = false;
  absl::Status store_health_;
  bool plan_wanted_ = false;
  bool planning_ = false;
  uint64_t next_session_ = 1;
  std::map<NodeId, std::shared_ptr<AgentStream>> by_node_;
  std::vector<std::shared_ptr<AgentStream>> streams_;
};

}  // namespace heliotrope::faultsim
