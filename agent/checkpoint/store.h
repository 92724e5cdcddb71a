// The checkpoints of a node: complete ones under their names, whatever is not complete apart, so
// that a crash between any two steps leaves either the whole checkpoint or nothing that counts.
//
//   <root>/12.7-3.2/manifest, data/...   complete: attempt 3 of task 12/7, second checkpoint
//   <root>/.incoming/...                 being made; complete once manifest and data are both there
//   <root>/.trash/...                    being deleted
//
// A checkpoint comes into being by one rename of its folder out of .incoming, after everything in
// it was fsynced. What is in .incoming with manifest and data at the start is complete in the same
// way (the crash was just before that rename) and is taken; the rest is swept.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/checkpoint/manifest.h"

namespace heliotrope::agent::checkpoint {

struct SealOptions {
  CheckpointKey key;
  // The job's checkpoint directory. REQUIRES: no process uses it any more.
  std::string directory;
  std::vector<std::string> jurisdictions = {};
  absl::Duration run_time = absl::ZeroDuration();
  // The directory is needed on: its files are copied. Otherwise it is moved into the store.
  bool goes_on = false;
};

struct RestoreOptions {
  // An existing directory; what is in it already stays.
  std::string directory;
  // Whom the files will belong to; unset: the agent.
  std::optional<std::pair<uid_t, gid_t>> owner = {};
};

// Thread-safe for different checkpoints; it keeps no state of its own.
class Store {
 public:
  // Makes what is missing and sweeps what is incomplete. Call once, before any other use.
  static absl::StatusOr<Store> Open(std::string root);

  // Every complete checkpoint, by key. Left out are those whose manifest is missing, damaged or of
  // another, reported in `broken` if that is not null. An error when a manifest or the folder
  // cannot be read just now: what is not named is taken for lost.
  absl::StatusOr<std::vector<CheckpointInfo>> List(
      std::vector<std::string>* broken = nullptr) const;

  // Durable when it returns. FAILED_PRECONDITION or RESOURCE_EXHAUSTED when the job saved something
  // that cannot be carried; ALREADY_EXISTS for a second one of the same key.
  absl::StatusOr<CheckpointInfo> Seal(const SealOptions& options) const;

  // NOT_FOUND when it is not here, DATA_LOSS when its manifest is damaged, UNAVAILABLE when that
  // cannot be read just now.
  absl::StatusOr<Manifest> Find(const CheckpointKey& key) const;
  // The bytes of its manifest, whose SHA-256 is the digest. The same errors; DATA_LOSS when the
  // manifest is no file, is too large, or its disk cannot give it.
  absl::StatusOr<std::string> ReadManifest(const CheckpointKey& key) const;

  // Copies its files, checking each SHA-256. DATA_LOSS when one differs, is missing, or cannot be
  // read; UNAVAILABLE when that may be otherwise the next time.
  absl::Status Restore(const CheckpointKey& key, const std::string& digest,
                       const RestoreOptions& options) const;

  // OK also when it is not there.
  absl::Status Remove(const CheckpointKey& key) const;

  // For a receiver: an empty folder of .incoming to fill with data/ and, last, manifest.
  absl::StatusOr<std::string> Stage(const CheckpointKey& key) const;
  // Makes what was staged a checkpoint. OK when there is one of the key already.
  absl::Status Commit(const CheckpointKey& key, const std::string& staged) const;
  // Forgets what was staged.
  void Discard(const std::string& staged) const;

  std::string DataPath(const CheckpointKey& key) const;

  // Called between the steps of Seal and Commit, so that a test can crash there.
  void set_step_for_test(std::function<void(const char*)> step) {
    step_for_test_ = std::move(step);
  }

 private:
  explicit Store(std::string root) : root_(std::move(root)) {}
  std::string PathOf(const CheckpointKey& key) const;
  absl::Status Sweep() const;
  absl::StatusOr<Manifest> Describe(const SealOptions& options, const std::string& staged) const;
  void Step(const char* name) const {
    if (step_for_test_) step_for_test_(name);
  }

  std::string root_;
  std::function<void(const char*)> step_for_test_;
};

// "12.7-3.2".
std::string FolderName(const CheckpointKey& key);
std::optional<CheckpointKey> ParseFolderName(absl::string_view name);

}  // namespace heliotrope::agent::checkpoint
