// How the rpc room reaches the core, and how the core's effects reach it. Implemented by daemon
// (Post, Query) and by rpc (OnEffects): neither includes the other's room.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/core/command.h"
#include "scheduler/core/effect.h"
#include "scheduler/core/machine.h"
#include "scheduler/os/clock.h"

namespace heliotrope::rpc {

// Of this process's life; never change.
struct CoreFacts {
  Term term;            // Of this writer; goes into every message to an agent.
  std::string version;  // Of this daemon.
  int major_version = 0;
  absl::Duration lease;               // Real time.
  absl::Duration heartbeat_interval;  // Real time: a sixth of the lease.
  absl::Duration load_interval;       // Real time: how often agents are to send load.
};

// Callbacks run on threads of the shell and must be short: they may start gRPC operations and post
// again, but never wait. Each is called exactly once, also when stopping. Those of Post and Query
// never run at once with each other, those of PostFromAgent neither; refusals come from the
// caller's own thread, inside the call. Thread-safe.
class CorePort {
 public:
  using Replies = std::function<void(std::vector<core::Reply>)>;
  using OneReply = std::function<void(const core::Reply&)>;
  using Read = std::function<void(const core::Machine&)>;
  using ReadDone = std::function<void(absl::Status)>;

  virtual ~CorePort() = default;

  // Queues commands of a client as one unit, which becomes part of one batch. `done` gets one reply
  // for each, after the commit (Promise 1). At once, from inside this call, with the same status in
  // every reply: RESOURCE_EXHAUSTED when the queue is full; UNAVAILABLE when the daemon stops, or
  // while the store cannot write.
  virtual void Post(std::vector<core::Command> commands, Replies done) = 0;

  // Queues a Node* command of an agent's stream. `done` (may be empty) gets the reply right after
  // Apply, before the commit: what it answers, a lease or a Welcome, promises nothing that must be
  // durable, and a store that is stuck must not cost an agent its lease (Promise 4). All effects of
  // the command still wait for the commit, and come after `done`. Commands of one caller keep their
  // order. Refused as above when full or stopping, but not because of the store.
  virtual void PostFromAgent(core::Command command, OneReply done) = 0;

  // Runs `read` on the core thread between batches of commands; `done` is called after all that it
  // could have seen is durable (a linearizable read). The two never run at once. Keep `read` below
  // a millisecond: copy what is needed, convert in `done`. Refused as Post; `read` is not called
  // then.
  virtual void Query(Read read, ReadDone done) = 0;

  // The daemon's clock: scheduling time now, and real time to scheduling time and back.
  virtual const os::SchedulingClock& clock() const = 0;

  virtual const CoreFacts& facts() const = 0;
};

// Where the core's effects go. Called after the commit of what they came from, in order, from one
// thread, after the replies to the clients' commands of the same batch. May be called while nobody
// listens; PlanWanted is not passed on.
class EffectSink {
 public:
  virtual ~EffectSink() = default;
  virtual void OnEffects(std::vector<core::Effect> effects) = 0;
};

}  // namespace heliotrope::rpc
