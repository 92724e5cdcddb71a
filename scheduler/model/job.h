// What a job asks for, as plain values. All durations and times are scheduling time unless the
// comment says real.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/base/ids.h"
#include "scheduler/base/units.h"

namespace heliotrope::model {

// Cores and memory, of a task or a node.
struct Resources {
  MilliCores cores;
  Bytes memory;

  friend bool operator==(const Resources&, const Resources&) = default;
  bool FitsIn(const Resources& room) const { return cores <= room.cores && memory <= room.memory; }
};

// How a task saves its work (design.md section 5).
struct CheckpointPolicy {
  int signal = 15;
  absl::Duration grace = absl::Seconds(20);  // Real time; at most half the lease.
  int exit_code = 85;
  absl::Duration interval = absl::ZeroDuration();  // Zero: no periodic checkpoints.
  Bytes expected_bytes = Bytes::FromMiB(64);
};

struct RetryPolicy {
  int max_retries = 0;
  absl::Duration initial_backoff = absl::Seconds(10);
  absl::Duration max_backoff = absl::Minutes(10);
};

// What becomes of an attempt whose node is cut off for longer than its lease (Promise 3,
// scheduler/design/0003-leases.md).
enum class OnDisconnect : unsigned char {
  kStop,      // It is dead before the lease is over, and the task is started elsewhere.
  kContinue,  // It goes on; nothing is started elsewhere until its node is back or declared lost.
};

// Where a job may be: jurisdiction codes and group names, or anywhere.
struct Residency {
  bool any = false;
  std::vector<std::string> words;  // Sorted, without duplicates; empty iff any.

  friend bool operator==(const Residency&, const Residency&) = default;
};

// An accepted job never changes its spec.
struct JobSpec {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  std::string working_directory;
  Resources request{MilliCores::FromMilli(1000), Bytes::FromMiB(256)};
  absl::Duration expected_duration = absl::ZeroDuration();  // Zero: the scheduler's default.
  std::optional<CheckpointPolicy> checkpoint;
  RetryPolicy retry;
  OnDisconnect on_disconnect = OnDisconnect::kStop;
  std::vector<std::string> outputs;
  uint32_t count = 1;
  absl::Time deadline = absl::InfiniteFuture();
  int priority = 0;
  AccountId account;
  std::optional<DataCenterId> home;
  Residency residency;
  bool allow_late = false;
};

}  // namespace heliotrope::model
