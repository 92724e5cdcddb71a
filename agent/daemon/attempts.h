// Carries out what the core says about attempts and checkpoints: files, processes, carrying. What
// blocks goes to workers; each result comes back to the core as an event.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "agent/checkpoint/pull.h"
#include "agent/checkpoint/store.h"
#include "agent/core/effect.h"
#include "agent/core/event.h"
#include "agent/daemon/event_loop.h"
#include "agent/daemon/metrics.h"
#include "agent/daemon/records.h"
#include "agent/daemon/retention.h"
#include "agent/exec/attempt_runner.h"
#include "agent/link/attempt_index.h"
#include "agent/link/convert.h"
#include "agent/link/workers.h"
#include "heliotrope/v1/agent.grpc.pb.h"

namespace heliotrope::agent::daemon {

// Loop thread only, but for Recover, which comes before it.
class Attempts {
 public:
  struct World {
    exec::AttemptRunner& runner;
    const checkpoint::Store& store;
    link::AttemptIndex& index;
    Retention& retention;
    Metrics& metrics;
    EventLoop& loop;
    // Short work: starts, signals, small files. And long: seals, pulls, removals.
    link::Workers& hands;
    link::Workers& carriers;
    // Hands an event to the core, on the loop thread.
    std::function<void(Event)> apply;
  };
  struct Options {
    link::LaunchContext launch;
    std::string node;
    std::string jurisdiction;
    // A stub for another agent's address.
    std::function<absl::StatusOr<std::unique_ptr<v1::AgentService::StubInterface>>(
        const std::string&)>
        connect;
  };

  Attempts(World world, Options options) : world_(std::move(world)), options_(std::move(options)) {}

  // Tells the core of everything that is on the disk. Before the loop runs.
  absl::Status Recover();

  // A START that the core is about to be told: what it needs if it is accepted.
  void Expect(const v1::AttemptOrder& order);
  // All of them are decided.
  void ForgetExpected() { expected_.clear(); }

  void Do(const Effect& effect);
  // A process has ended. From any thread.
  void OnEnd(const exec::AttemptKey& key, const exec::AttemptEnd& end);
  // A checkpoint is damaged or gone. From any thread.
  void PostLost(const CheckpointKey& key, const std::string& digest, const absl::Status& why);
  // Removes what was kept long enough.
  void Sweep(absl::Time now);
  // Nothing that is being pulled is waited for.
  void CancelPulls();

 private:
  // What workers need of an attempt; they share it.
  struct Attempt {
    v1::AttemptOrder order;
    exec::AttemptLaunch launch;
    exec::AttemptPaths paths;
    // Why it could not be prepared. In the attempt's lane only.
    absl::Status prepared;
    std::stop_source fetching;
  };
  using Handle = std::shared_ptr<Attempt>;

  absl::Status RecoverOne(const exec::AttemptKey& key);
  absl::StatusOr<AttemptFound> Find(const AttemptKey& key, const Handle& attempt);
  // Whether what that process has saved is in the store.
  bool IsSealed(const AttemptKey& key, uint32_t incarnation) const;
  void RecoverDone(const AttemptKey& key, const Done& done);
  void SyncEnd(const AttemptKey& key);
  absl::Status RecoverUnknown(const exec::AttemptKey& key, const absl::Status& why);
  absl::Status AwaitEnd(const exec::AttemptKey& key) const;
  absl::StatusOr<Handle> MakeHandle(const v1::AttemptOrder& order) const;
  void Index(const AttemptKey& key, const Attempt& attempt, bool ended);

  void On(const Prepare& effect);
  void On(const Fetch& effect);
  void On(const CancelFetch& effect);
  void On(const Launch& effect);
  void On(const Steer& effect);
  void On(const Seal& effect);
  void On(const SaveOutcome& effect);
  void On(const Forget& effect);
  void On(const Hold& effect);
  void On(const Remove& effect);
  void On(const Note& effect);

  // On workers.
  absl::Status FetchInto(const Handle& attempt, const Fetch& effect);
  absl::Status RestoreInto(const Handle& attempt, const CheckpointKey& key,
                           const std::string& digest);
  absl::Status Start(const Handle& attempt, const AttemptKey& key, uint32_t incarnation);
  void Clear(const Handle& attempt, const AttemptKey& key);
  absl::StatusOr<CheckpointInfo> PullHere(const RestoreSource& source, const std::stop_token& stop);

  void Post(Event event);
  void InLane(const AttemptKey& key, std::function<void()> work);
  void Carry(const CheckpointKey& key, std::function<void()> work);

  const World world_;
  const Options options_;
  std::map<AttemptKey, v1::AttemptOrder> expected_;
  std::map<AttemptKey, Handle> attempts_;
  std::map<CheckpointKey, std::stop_source> holding_;
};

}  // namespace heliotrope::agent::daemon
