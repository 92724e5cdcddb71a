// The core thread: the one place that drives the machine. Commands of clients and agents meet in
// its queue; it applies what is there, ends the batch with a Tick, encodes the changes, and hands
// them to the commit thread, which lets replies and effects out when they are durable. Meanwhile it
// applies the next batch (group commit, pipelined).
//
//   rpc, planner, gauges ─► two lanes ─► core thread ─► commit thread ─► replies, then effects
//                                            └► replies to agents (leases wait for no disk)
//
// While the pipeline is full (a slow or stuck store) only the agents' lane goes on: nodes keep
// their leases (Promise 4), and all that follows from what they say waits for the commit with the
// rest.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/mutex.h"
#include "scheduler/core/machine.h"
#include "scheduler/daemon/batch.h"
#include "scheduler/daemon/committer.h"
#include "scheduler/daemon/metrics.h"
#include "scheduler/os/clock.h"
#include "scheduler/rpc/core_port.h"
#include "scheduler/store/store.h"

namespace heliotrope::daemon {

struct CoreLoopHooks {
  // The core wants a plan. Commit thread; must be short.
  std::function<void()> plan_wanted;
  // Whether the store takes writes has changed. Commit thread.
  std::function<void(const absl::Status&)> store_health;
  // No way to go on: must not return, but for tests.
  std::function<void(const absl::Status&)> fatal;
  // A sign of life, several times a second. Core thread.
  std::function<void()> beat;
  // For tests: the clock by which the loop sees that it was held up.
  std::function<absl::Duration()> boottime = os::Boottime;
};

// What the loop works with. All must outlive it; after Start the machine and the store are its
// alone.
struct CoreLoopParts {
  core::Machine& machine;
  store::Store& store;
  const os::SchedulingClock& clock;
  Metrics& metrics;
};

// Thread-safe.
class CoreLoop : public rpc::CorePort {
 public:
  CoreLoop(const CoreLoopParts& parts, rpc::CoreFacts facts, CoreLoopHooks hooks);
  ~CoreLoop() override;

  // `sink` must outlive the loop.
  void Start(rpc::EffectSink& sink);

  // Refuses what comes from now on, commits and answers what had come, ends both threads. A store
  // that cannot write gets one last try: the error of what had to be given up.
  absl::Status Stop();

  // When the core thread last was at the top of its loop, by CLOCK_BOOTTIME.
  absl::Duration last_beat() const;

  void Post(std::vector<core::Command> commands, Replies done) override;
  void PostFromAgent(core::Command command, OneReply done) override;
  void Query(Read read, ReadDone done) override;
  const os::SchedulingClock& clock() const override { return clock_; }
  const rpc::CoreFacts& facts() const override { return facts_; }

  // The daemon's own commands: as Post, but neither a full queue nor the store's state refuses
  // them.
  void PostOwn(core::Command command, OneReply done);

  // Runs `read` on the core thread soon, also while the store is stuck, and returns when it has
  // run. It may see what is not durable yet. UNAVAILABLE, and not run, when stopping. Not from a
  // callback.
  absl::Status ReadNow(const Read& read);

 private:
  struct FromAgent {
    core::Command command;
    OneReply done;
  };
  struct Unit {
    std::vector<core::Command> commands;
    Replies done;
  };
  struct Reading {
    Read read;
    ReadDone done;
  };
  using AgentItem = std::variant<FromAgent, Read>;
  using ClientItem = std::variant<Unit, Reading>;

  // What is taken from the queue at a time.
  struct Work {
    std::deque<AgentItem> agents;
    std::vector<ClientItem> clients;
    bool timer = false;  // One is due.
    bool end = false;
  };

  // Queues a client's item, or says why not and leaves it as it was.
  absl::Status Offer(ClientItem& item, size_t commands) ABSL_LOCKS_EXCLUDED(mutex_);
  void Queue(ClientItem item, size_t commands) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Core thread.
  void Run();
  Work Wait();
  void TakeClients(Work& work) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration UntilTimer() const;
  void Beat();
  void Do(Work& work);
  void Handle(AgentItem& item);
  void Handle(ClientItem& item);
  core::Reply Apply(const core::Command& command);
  void Close();

  // Commit thread.
  void LetOut(std::vector<core::Effect> effects);
  void WarnLate(const core::Decision& decision);
  void OnStoreHealth(const absl::Status& status);

  core::Machine& machine_;
  const os::SchedulingClock& clock_;
  const rpc::CoreFacts facts_;
  Metrics& metrics_;
  const CoreLoopHooks hooks_;
  const absl::Duration stall_;      // Held up for longer, silence of nodes proves nothing.
  const absl::Duration idle_wait_;  // The longest wait without a sign of life.
  Committer committer_;
  rpc::EffectSink* sink_ = nullptr;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<AgentItem> agents_ ABSL_GUARDED_BY(mutex_);
  std::deque<ClientItem> clients_ ABSL_GUARDED_BY(mutex_);
  size_t client_commands_ ABSL_GUARDED_BY(mutex_) = 0;  // In clients_; a reading counts as one.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status store_health_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_beat_ ABSL_GUARDED_BY(mutex_);

  // Core thread: what was applied and is not handed over yet.
  Batch batch_;
  absl::Duration shortest_timer_wait_ = absl::ZeroDuration();

  // Commit thread: when the next line about what will be late may be written, and how many were not
  // since the last.
  absl::Duration next_late_line_ = absl::ZeroDuration();
  int64_t late_unwritten_ = 0;

  std::thread thread_;
};

}  // namespace heliotrope::daemon
