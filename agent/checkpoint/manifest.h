// What a checkpoint consists of, as values. Its serialized form, made once by the sealing agent, is
// kept and carried unchanged; its SHA-256 is the checkpoint's digest.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/core/types.h"

namespace heliotrope::agent::checkpoint {

// Bounds of a checkpoint: whoever exceeds one saves fewer or larger files.
inline constexpr size_t kMaxFiles = 100'000;
// It travels as one message.
inline constexpr size_t kMaxManifestBytes = size_t{3} << 20;
inline constexpr Bytes kMaxCheckpointBytes = Bytes::FromTiB(4);
// RESOURCE_EXHAUSTED CHECKPOINT_TOO_LARGE above that.
absl::Status CheckCheckpointSize(int64_t size_bytes);
// Folders above a file.
inline constexpr size_t kMaxPathDepth = 64;

struct ManifestFile {
  std::string path;  // Relative to the checkpoint directory.
  int64_t size_bytes = 0;
  uint32_t mode = 0;  // Permission bits.
  std::string sha256;

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct Manifest {
  CheckpointKey key = {};
  std::vector<ManifestFile> files = {};  // Sorted by path, each once.
  std::vector<std::string> jurisdictions = {};
  int64_t size_bytes = 0;
  absl::Duration run_time = absl::ZeroDuration();

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// OK when it is relative and stays below its root: no empty, "." or ".." component, no NUL,
// bounded.
absl::Status CheckRelativePath(absl::string_view path);

// RESOURCE_EXHAUSTED when it is beyond a bound.
absl::StatusOr<std::string> Serialize(const Manifest& manifest);
// INVALID_ARGUMENT for bytes that are no manifest, or one that breaks a rule above: it may come
// from another machine.
absl::StatusOr<Manifest> ParseManifest(absl::string_view bytes);

// As the core knows it.
CheckpointInfo InfoOf(const Manifest& manifest, const std::string& digest);

}  // namespace heliotrope::agent::checkpoint
