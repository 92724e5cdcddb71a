// What one batch of commands comes to, and in which order it may leave: the part of the core loop's
// duties (core/README.md) that needs no thread. The daemon's loop drives it, and the fault
// simulation of tests/sim drives the same code, so that what is tested there is what runs.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/core/machine.h"
#include "scheduler/store/store.h"

namespace heliotrope::daemon {

// What one batch of commands came to.
struct CommitUnit {
  store::Batch records;  // Empty: nothing to write, but it keeps its place behind what came before.
  // Called in order after the commit with OK; with the error when the store was given up.
  std::vector<std::function<void(const absl::Status&)>> releases;
  std::vector<core::Effect> effects;  // After the releases; dropped when the store was given up.

  // Only readings and refusals: with nothing before them on its way, they need not wait.
  bool NothingToKeep() const { return records.Empty() && effects.empty(); }
};

// Collects what commands do until the batch is closed. Core thread only.
class Batch {
 public:
  explicit Batch(core::Machine& machine);

  // Applies it. The reply is for the caller to hold back where it promises something durable: see
  // Release. The effects are kept for the unit.
  core::Reply Apply(const core::Command& command, absl::Time now);
  // To be called when all that was applied so far is durable.
  void Release(std::function<void(const absl::Status&)> release);

  // Whether there is anything to close.
  bool used() const { return used_; }
  // Commands that were applied.
  size_t commands() const { return commands_; }

  // Ends the batch with a Tick and begins a new one: the changes as one commit, with all that waits
  // for it.
  CommitUnit Close(absl::Time now);

  // While a stuck store keeps batches from being closed: merges effects that repeat each other,
  // when there are many.
  void LimitHeldEffects();

 private:
  core::Machine& machine_;
  CommitUnit open_;
  bool used_ = false;
  size_t commands_ = 0;
  size_t effects_limit_;
};

}  // namespace heliotrope::daemon
