// A node: its agent daemon (the product's agent::Machine in a shell that mirrors agent/daemon), its
// disk, its clocks, and the shims that go on when the daemon is killed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/core/machine.h"
#include "scheduler/base/random.h"
#include "tests/sim/actor.h"
#include "tests/sim/agent_session.h"
#include "tests/sim/disk.h"
#include "tests/sim/host_clock.h"
#include "tests/sim/network.h"
#include "tests/sim/processes.h"
#include "tests/sim/settings.h"

namespace heliotrope::faultsim {

struct World;
class AgentStream;

class AgentHost : public Actor {
 public:
  struct Facts {
    HostIndex host = 0;
    NodeId node;
    Site site;
    int64_t cores = 0;
    double clock_rate = 1;
    std::string version = "0.1.0";
  };
  AgentHost(World& world, Facts facts, Random random);
  ~AgentHost();

  // --- What faults do ---
  void Boot();  // The host, and the agent with it.
  void StartAgent();
  void KillAgent();
  // Graceful: jobs go on.
  void StopAgent();
  // REQUIRES: the agent is not up.
  void ChangeAgent(std::string version, int64_t cores);
  void KillShim(size_t nth) { processes_.KillShim(nth); }
  void RotCheckpoint();  // One of those that rest here, if there are any.
  void PowerCut();
  void Reimage();  // REQUIRES: the power is cut.
  void PauseHost();
  void ResumeHost();
  bool host_up() const { return processes_.up(); }
  bool host_paused() const { return processes_.paused(); }
  void BreakStream();
  void set_disk_full(bool full) { disk_full_ = full; }
  void set_disk_slow(bool slow) { disk_slow_ = slow; }
  void set_foreground(MilliCores cores) { foreground_ = cores; }
  HostClock& clock() { return clock_; }

  // --- What others see ---
  const Facts& facts() const { return facts_; }
  const AgentDisk& disk() const { return disk_; }
  // How often its disk was emptied.
  uint64_t instances() const { return instances_; }
  size_t running() const { return processes_.running(); }
  // It answers other agents.
  bool serves() const { return up() && !paused() && host_up(); }
  const agent::Machine* core() const { return machine_.get(); }

  // --- For its session ---
  agent::Machine& machine() { return *machine_; }
  absl::Duration Boottime() const { return clock_.Boottime(now()); }
  agent::Now CoreNow() const;
  void Apply(const agent::Event& event);
  void OnLease(absl::Duration until);
  void OnOrders(const Orders& orders, Term term);
  void FillAll(std::vector<core::AttemptStatus>& attempts,
               std::vector<core::HeldCheckpoint>& checkpoints) const;
  void OpenStream(uint64_t session);
  void CloseStream(const absl::Status& why);
  void SendOnStream(uint64_t session, ToScheduler message);

  // From the network.
  void OnMessage(uint64_t session, const ToAgent& message);
  void OnSent(uint64_t session);
  void OnClosed(uint64_t session, const absl::Status& why);

 private:
  struct Attempt {
    KeptOrder order;
    absl::Status prepared;
    std::shared_ptr<bool> fetching = std::make_shared<bool>(true);  // False: not wanted any more.
  };
  using Handle = std::shared_ptr<Attempt>;
  struct Pull {
    agent::RestoreSource source;
    std::vector<HostIndex> holders;
    int fruitless = 0;
    int parts = 0;         // Those that have come.
    bool tainted = false;  // One of them from a damaged copy.
    std::shared_ptr<bool> wanted;
    std::function<void(absl::Status)> done;
  };

  // What a posted event does, and then what is due: one turn of the daemon's loop.
  void Post(absl::Duration delay, std::function<void()> what);
  void PostEvent(agent::Event event);
  void AfterBatch();
  void Arm();
  // What is done to one attempt, or to one checkpoint, is done in order.
  using Done = std::function<void()>;
  using Work = std::function<void(Done)>;
  void InLane(const agent::AttemptKey& key, std::function<void()> work);
  void Carry(const agent::CheckpointKey& key, Work work);
  void Line(const agent::CheckpointKey& lane, Work work);
  void RunLane(const agent::CheckpointKey& lane);
  absl::Duration WorkTime();

  void Do(const agent::Effect& effect);
  void On(const agent::Prepare& effect);
  void On(const agent::Fetch& effect);
  void On(const agent::CancelFetch& effect);
  void On(const agent::Launch& effect);
  void On(const agent::Steer& effect);
  void On(const agent::Seal& effect);
  void On(const agent::SaveOutcome& effect);
  void On(const agent::Forget& effect);
  void On(const agent::Hold& effect);
  void On(const agent::Remove& effect);
  void On(const agent::Note& effect);
  absl::Status StartProcess(const Handle& attempt, const agent::Launch& launch);
  absl::Status SealNow(const Handle& attempt, const agent::Seal& seal);

  // agent_pull.cc
  void PullHere(agent::RestoreSource source, std::shared_ptr<bool> wanted,
                std::function<void(absl::Status)> done);
  void TryHolder(const std::shared_ptr<Pull>& pull);
  void EndTry(const std::shared_ptr<Pull>& pull);
  void EndPull(const Pull& pull, const absl::Status& status);
  absl::Status TakeFrom(AgentHost& holder, Pull& pull);
  absl::Status TakeParts(AgentHost& holder, const StoredCheckpoint& stored, Pull& pull);
  // As it is read here: DATA_LOSS when it is not what was sealed.
  absl::Status CheckRestore(const agent::CheckpointKey& key);
  void PostLost(const agent::CheckpointKey& key, const std::string& digest);

  // agent_recovery.cc
  void Recover();
  void RecoverOne(const agent::AttemptKey& key, AttemptFolder& folder);
  void LoseUnsynced();
  agent::ExitReport LostExit(const AttemptFolder& folder) const;

  World& world_;
  Facts facts_;
  Random random_;
  HostClock clock_;
  AgentDisk disk_;
  Processes processes_;
  bool disk_full_ = false;
  bool disk_slow_ = false;
  MilliCores foreground_;
  bool after_boot_ = false;
  uint64_t boots_ = 0;
  uint64_t instances_ = 0;

  // Of this life of the daemon.
  std::unique_ptr<agent::Machine> machine_;
  std::unique_ptr<AgentSession> session_;
  std::shared_ptr<AgentStream> stream_;
  absl::Time real_at_start_;
  absl::Duration started_at_;
  absl::Duration armed_ = absl::InfiniteDuration();
  uint64_t wake_ = 0;
  absl::Duration next_load_;
  std::map<agent::AttemptKey, Handle> attempts_;
  std::map<agent::AttemptKey, KeptOrder> expected_;
  std::map<agent::CheckpointKey, std::shared_ptr<bool>> holding_;
  std::map<agent::CheckpointKey, std::deque<Work>> lanes_;  // Sequence 0: the attempt's own.
};

}  // namespace heliotrope::faultsim
