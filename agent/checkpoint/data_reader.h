// The bytes of a checkpoint as they travel: its files one after the other, compressed from any
// offset on.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/checkpoint/manifest.h"
#include "agent/checkpoint/sha256.h"
#include "agent/checkpoint/store.h"
#include "agent/checkpoint/zstd_stream.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::checkpoint {

// Not thread-safe.
class DataReader {
 public:
  // From `offset` of the concatenation on. OUT_OF_RANGE when it is beyond the end.
  static absl::StatusOr<DataReader> Open(const Store& store, Manifest manifest, int64_t offset);

  // The next piece of the zstd stream, at most kStreamPartBytes; empty at the end. ABORTED when the
  // checkpoint is not there any more. DATA_LOSS when it is and a file of it is missing, cannot be
  // read, or is not what was sealed; of that file all but the last part may have been given out.
  // UNAVAILABLE when the agent could not read it just now.
  absl::StatusOr<std::string> Next();

 private:
  DataReader(std::string data, Manifest manifest)
      : data_(std::move(data)), manifest_(std::move(manifest)) {}
  // Up to `size` raw bytes; empty at the end of the last file.
  absl::StatusOr<std::string> ReadRaw(size_t size);
  // Up to `size` bytes of the file that is open, from `from` on; not empty.
  absl::StatusOr<std::string> ReadAt(int64_t from, size_t size);
  // The file at `file_`, with what is before `position_` hashed.
  absl::Status OpenFile();
  absl::Status Damaged(absl::string_view how) const;

  std::string data_;
  Manifest manifest_;
  size_t file_ = 0;
  int64_t position_ = 0;  // In that file.
  os::UniqueFd fd_;
  Sha256 sha_;  // Of the file that is open, up to `position_`.
  Compressor compressor_;
  std::string pending_;  // Compressed, not given out yet.
  bool ended_ = false;
};

}  // namespace heliotrope::agent::checkpoint
