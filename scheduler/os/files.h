// Files with bounds and fsync. Errors carry errno's canonical code (NOT_FOUND, PERMISSION_DENIED,
// RESOURCE_EXHAUSTED for a full disk) and name the path.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heliotrope::os {

// Owns a file descriptor. -1 is none.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Gives the descriptor away; the caller closes it.
  int Release() { return std::exchange(fd_, -1); }
  // Closes what it owns.
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// errno `error_number` of doing `action` ("open", "write") with `path`.
absl::Status FileError(int error_number, absl::string_view action, absl::string_view path);

// open(2) with O_CLOEXEC added.
absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, mode_t mode = 0600);

// The whole file. RESOURCE_EXHAUSTED when it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes);

// All of `bytes`, whatever write(2) takes at a time. `path` is for the error's text.
absl::Status WriteAll(int fd, absl::string_view bytes, absl::string_view path);

// fsync(2) of a directory: makes what was created, renamed or removed in it durable.
absl::Status SyncDirectory(const std::string& path);

struct WriteOptions {
  mode_t mode = 0600;
  // When false, a power cut may leave the old file, or none.
  bool sync = true;
};
// Replaces the file so that whoever reads it, also after a crash, sees the old or the new content,
// never a mix: a temporary file beside it, fdatasync, rename, fsync of the directory.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes,
                                 const WriteOptions& options = {});

// Makes the directory and those above it; `mode` is for those that it makes.
absl::Status EnsureDirectory(const std::string& path, mode_t mode = 0700);

}  // namespace heliotrope::os
