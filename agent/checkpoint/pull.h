// Gets a checkpoint from another agent, and goes on where it was after a broken stream, from the
// same holder or another.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/checkpoint/store.h"
#include "agent/core/types.h"
#include "heliotrope/v1/agent.grpc.pb.h"

namespace heliotrope::agent::checkpoint {

struct PullOptions {
  RestoreSource source;
  // Ours, which the holder and we ourselves check.
  std::string jurisdiction = {};
  std::string node = {};
  // A stub for an address, with the daemon's credentials.
  std::function<absl::StatusOr<std::unique_ptr<v1::AgentService::StubInterface>>(
      const std::string& address)>
      connect = {};
  // Tries in a row that bring not a byte before it gives up.
  int max_fruitless_tries = 6;
  // Between such tries, doubled each time.
  absl::Duration backoff = absl::Milliseconds(200);
};

// Blocks until the checkpoint is in the store (also when it was already), or it cannot be had; a
// stop request ends it soon with CANCELLED. PERMISSION_DENIED and NOT_FOUND of a holder are final
// for that holder. Thread-safe.
absl::StatusOr<CheckpointInfo> Pull(const Store& store, const PullOptions& options,
                                    const std::stop_token& stop);

}  // namespace heliotrope::agent::checkpoint
