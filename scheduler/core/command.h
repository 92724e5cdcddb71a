// Everything that can happen to the core, as plain values. Durations and times are scheduling time:
// whoever makes a command from a message has converted real time already.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"
#include "scheduler/curve/bin.h"
#include "scheduler/curve/special_days.h"
#include "scheduler/model/account.h"
#include "scheduler/model/fleet.h"
#include "scheduler/model/job.h"
#include "scheduler/model/task.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::core {

// A client's job. The shell has made the id if the client gave none.
struct SubmitJob {
  std::shared_ptr<const model::JobSpec> spec;
  JobId id;
  RequestId request;         // Empty: no replay protection was asked for.
  uint64_t fingerprint = 0;  // Of the request's content: the same id with another is refused.
  bool validate_only = false;
};

struct CancelJob {
  JobId id;
};

struct DrainNode {
  NodeId node;
  bool drained = true;
};

// An operator's word that a silent node is gone, with what ran and what rested there.
struct DeclareNodeLost {
  NodeId node;
};

// A complete checkpoint as an agent reports it.
struct SealedCheckpoint {
  model::CheckpointKey key;
  std::string digest;
  Bytes size;
  absl::Duration run_time;  // Of its attempt alone, without what that was restored from.
};

struct AttemptStatus {
  model::AttemptKey key;
  model::AttemptPhase phase = model::AttemptPhase::kFetching;
  std::optional<absl::Time> start_time;
  std::optional<absl::Time> end_time;
  std::optional<int> exit_code;
  std::optional<int> exit_signal;
  std::string reason;  // The agent's constant.
  std::string detail;
  std::optional<SealedCheckpoint> checkpoint;
  double cpu_seconds = 0;
};

// A copy that a node holds, or (failure not empty) could not get.
struct HeldCheckpoint {
  model::CheckpointKey key;
  std::string digest;
  Bytes size;
  std::string failure;
};

// A stream has opened. `session` grows with each stream; what a stream of a lower session still
// says of its node is ignored.
struct NodeHello {
  NodeId node;
  uint64_t session = 0;
  std::string instance;
  std::string version;
  DataCenterId data_center;
  JurisdictionCode jurisdiction;
  model::Resources capacity;
  std::string address;
  std::vector<AttemptStatus> attempts;      // All that it has.
  std::vector<HeldCheckpoint> checkpoints;  // All that it holds.
};

struct NodeHeartbeat {
  NodeId node;
  uint64_t session = 0;
  std::vector<AttemptStatus> attempts;      // All that it has.
  std::vector<HeldCheckpoint> checkpoints;  // All that it holds.
};

// Only what changed.
struct NodeReport {
  NodeId node;
  uint64_t session = 0;
  std::vector<AttemptStatus> attempts;
  std::vector<HeldCheckpoint> checkpoints;
};

struct LoadSample {
  absl::Time time;
  MilliCores foreground;
  Bytes foreground_memory;
};
struct NodeLoad {
  NodeId node;
  uint64_t session = 0;
  std::vector<LoadSample> samples;
};

// Its stream has closed. Nothing is stopped for that (Promise 4).
struct NodeGone {
  NodeId node;
  uint64_t session = 0;
};

// What of the configuration the core decides by. Replaces what was before.
struct FleetConfig {
  std::vector<model::DataCenter> data_centers;  // Sorted by id; at most 64.
  std::map<DataCenterId, std::vector<curve::SpecialKind>> special_days;
  model::JurisdictionTable jurisdictions;
  std::optional<model::Residency> default_residency;
  absl::Duration default_expected_duration = absl::Hours(1);
  double headroom_quantile = 0.5;
  plan::Settings planning;
  // What saving and restoring cost beside the carrying.
  absl::Duration move_pause = absl::Seconds(40);
  absl::Duration ended_job_retention = absl::Hours(24 * 7);
  absl::Duration request_retention = absl::Hours(24);
  std::map<AccountId, model::AccountPolicy> accounts;
  model::AccountPolicy default_account;  // Of each that is not among them.
  // Without accounts in the configuration nobody is limited, and equals start in order of age.
  bool HasAccounts() const {
    return !accounts.empty() || default_account != model::AccountPolicy();
  }
};
struct SetFleet {
  FleetConfig config;
};

// New prices of the data centers that it names; the others keep theirs. What of the fleet's
// configuration changes by the hour, at the cost of the board alone.
struct SetPrices {
  std::map<DataCenterId, std::vector<std::pair<absl::Time, double>>> usd_per_mwh;
};

struct ImportCurve {
  DataCenterId data_center;
  std::vector<curve::Bin> bins;
  bool validate_only = false;
};

struct AdoptPlan {
  std::shared_ptr<const plan::Plan> plan;
};

// The shell was stopped or starved for so long that silence proves nothing: every lease counts
// from now on. Applied before due timers.
struct RefreshLeases {};

// Fires due timers and dispatches. The shell ends every batch with one.
struct Tick {};

using Command = std::variant<SubmitJob, CancelJob, DrainNode, DeclareNodeLost, NodeHello,
                             NodeHeartbeat, NodeReport, NodeLoad, NodeGone, SetFleet, SetPrices,
                             ImportCurve, AdoptPlan, RefreshLeases, Tick>;

// What the sender of a command is told.
struct Reply {
  absl::Status status;
  JobUid job;  // SubmitJob, CancelJob.
  // SubmitJob, unless replayed: the spec as it was or would be accepted, with what was left out.
  std::shared_ptr<const model::JobSpec> spec;
  absl::Time create_time = absl::InfinitePast();
  bool replayed = false;  // SubmitJob: the answer to an earlier request of the same id.
  // NodeHeartbeat: attempts that the node has and must not start any more. It is told to stop them
  // before it is told of its lease, and neither waits for the commit (Promise 3).
  std::vector<model::AttemptKey> stale;
  int64_t bins_learned = 0;
  int64_t bins_skipped = 0;
};

}  // namespace heliotrope::core
