// The receiving end of a checkpoint: takes manifest and pieces as they come from the network,
// checks everything, and makes a checkpoint of the store of it at the end. Trusts nothing that it
// is sent.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/checkpoint/manifest.h"
#include "agent/checkpoint/sha256.h"
#include "agent/checkpoint/store.h"
#include "agent/checkpoint/zstd_stream.h"
#include "agent/core/types.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::checkpoint {

// Not thread-safe.
class Receiver {
 public:
  // What is expected, and where we are. `store` must outlive the receiver.
  Receiver(const Store& store, RestoreSource expected, std::string jurisdiction);
  // Forgets what is not complete.
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  // A stream begins, at offset().
  void BeginStream();
  // The manifest's bytes, once per stream. DATA_LOSS: another digest than expected;
  // PERMISSION_DENIED: it may not be in our jurisdiction; INVALID_ARGUMENT: it breaks a rule.
  absl::Status TakeManifest(const std::string& bytes);
  // A piece of the zstd stream. DATA_LOSS: more bytes than the manifest says, or a wrong SHA-256;
  // then offset() is 0 again.
  absl::Status TakeData(absl::string_view piece);

  // How many uncompressed bytes are safely here: where the next stream goes on.
  int64_t offset() const { return offset_; }
  bool complete() const;

  // Makes it durable and visible. REQUIRES: complete().
  absl::StatusOr<CheckpointInfo> Commit();

 private:
  absl::Status Write(absl::string_view bytes);
  absl::Status FinishFiles();
  absl::Status OpenNext();
  void StartOver();

  const Store& store_;
  const RestoreSource expected_;
  const std::string jurisdiction_;
  std::string manifest_bytes_;
  Manifest manifest_;
  std::string staged_;
  Decompressor decompressor_;
  int64_t offset_ = 0;
  size_t file_ = 0;  // The one that is being written.
  int64_t file_offset_ = 0;
  os::UniqueFd fd_;
  Sha256 sha_;
};

}  // namespace heliotrope::agent::checkpoint
