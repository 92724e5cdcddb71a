// The files of a checkpoint directory: found, copied and hashed without ever following a symbolic
// link. The directory was written by a job, which may have put anything there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/checkpoint/manifest.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::checkpoint {

struct FoundFile {
  std::string path;  // Relative.
  int64_t size_bytes = 0;
  uint32_t mode = 0;
};

// Every regular file below `root`, sorted by path. FAILED_PRECONDITION for anything that is neither
// a file nor a folder (symbolic links, sockets, pipes): it names it. RESOURCE_EXHAUSTED beyond the
// bounds of manifest.h.
absl::StatusOr<std::vector<FoundFile>> FindFiles(const std::string& root);

// Opens `path` below `root` for reading; no component may be a symbolic link.
absl::StatusOr<os::UniqueFd> OpenBelow(const std::string& root, const std::string& path);
// Of a checkpoint: DATA_LOSS when it is not there or not a file, or its disk cannot give it;
// UNAVAILABLE for all that passes, such as descriptors, memory or rights that are missing just now:
// what is damaged is removed, and a good copy must not be.
absl::StatusOr<os::UniqueFd> OpenSealed(const std::string& root, const std::string& path);
// Which of both an error of open(2) or read(2) is there.
absl::Status ReadError(int error_number, absl::string_view action, absl::string_view path);
// Removes a file there, no link being followed on the way. OK when there is none.
absl::Status UnlinkBelow(const std::string& root, const std::string& path);

// Makes the folders above `path` below `root` and creates it; it must not be there yet.
struct CreateOptions {
  uint32_t mode = 0600;
  // Owner of the file and of the folders that were made.
  std::optional<std::pair<uid_t, gid_t>> owner = {};
};
absl::StatusOr<os::UniqueFd> CreateBelow(const std::string& root, const std::string& path,
                                         const CreateOptions& options);

// Reads `source` to its end, writes it to `target` if that is valid, and returns size and SHA-256.
// `name` is for the errors: that of ReadError when `source` cannot be read.
struct CopyResult {
  int64_t size_bytes = 0;
  std::string sha256;
};
absl::StatusOr<CopyResult> HashAndCopy(int source, int target, const std::string& name);

// fsync of every folder at and below `root`.
absl::Status SyncFolders(const std::string& root);
// RESOURCE_EXHAUSTED NO_DISK_SPACE unless so much fits on the folder's disk with a reserve left: a
// full one would stop everything else on the node.
absl::Status CheckRoom(const std::string& folder, int64_t size_bytes);

}  // namespace heliotrope::agent::checkpoint
