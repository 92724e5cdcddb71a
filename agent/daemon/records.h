// What the agent itself keeps in an attempt's directory, beside the files that it shares with the
// shim: by these a restarted agent knows what it had accepted and what it had decided.
//
//   order     the START as it came: written before anything is started
//   outcome   a terminal status that the shim's exit record does not tell; durable until forgotten
//   done      what `order` is called once the scheduler has the outcome: only logs and outputs are
//             kept from then on
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heliotrope/v1/agent_stream.pb.h"

namespace heliotrope::agent::daemon {

absl::Status WriteOrder(const std::string& root, const v1::AttemptOrder& order);
// Durable: without its order an outcome would mean nothing after a power cut.
absl::Status SyncOrder(const std::string& root);
// All that read: NOT_FOUND when there is none, DATA_LOSS when it is damaged, UNAVAILABLE when it
// cannot be read just now.
absl::StatusOr<v1::AttemptOrder> ReadOrder(const std::string& root);

absl::Status WriteOutcome(const std::string& root, const v1::AttemptStatus& status);
absl::StatusOr<v1::AttemptStatus> ReadOutcome(const std::string& root);

// From now on it is done. Renames: a fleet of short attempts makes enough files as it is.
absl::Status MarkDone(const std::string& root);
struct Done {
  v1::AttemptOrder order;
  absl::Time time;  // When it was marked.
};
bool IsDone(const std::string& root);
// NOT_FOUND while it is not done.
absl::StatusOr<Done> ReadDone(const std::string& root);

// What tells this agent from another with the same node id: made once for a state directory.
absl::StatusOr<std::string> InstanceId(const std::string& state_directory);

}  // namespace heliotrope::agent::daemon
