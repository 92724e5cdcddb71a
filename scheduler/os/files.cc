#include "scheduler/os/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::os {
namespace {

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Writes and syncs a new file; the caller removes it on failure.
absl::Status WriteNewFile(const std::string& path, absl::string_view bytes,
                          const WriteOptions& options) {
  HT_ASSIGN_OR_RETURN(const UniqueFd fd,
                      OpenFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, options.mode));
  // The umask does not decide who may read our files.
  if (fchmod(fd.get(), options.mode) != 0) return FileError(errno, "set the mode of", path);
  HT_RETURN_IF_ERROR(WriteAll(fd.get(), bytes, path));
  if (options.sync && fdatasync(fd.get()) != 0) return FileError(errno, "sync", path);
  return absl::OkStatus();
}

}  // namespace

void UniqueFd::Reset(int fd) {
  // EINTR included: on Linux the descriptor is closed in any case.
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

absl::Status FileError(int error_number, absl::string_view action, absl::string_view path) {
  return absl::ErrnoToStatus(error_number, absl::StrCat("cannot ", action, " \"", path, "\""));
}

absl::StatusOr<UniqueFd> OpenFile(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return FileError(errno, "open", path);
  return UniqueFd(fd);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, int64_t max_bytes) {
  HT_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY));
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, "read", path);
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
    // Counted while reading: the size that stat(2) tells may be 0 or grow.
    if (static_cast<int64_t>(content.size()) > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("\"", path, "\" has more than the ", max_bytes, " bytes allowed"));
    }
  }
}

absl::Status WriteAll(int fd, absl::string_view bytes, absl::string_view path) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return FileError(errno, "write", path);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const UniqueFd fd, OpenFile(path, O_RDONLY | O_DIRECTORY));
  if (fsync(fd.get()) != 0) return FileError(errno, "sync", path);
  return absl::OkStatus();
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes,
                                 const WriteOptions& options) {
  // Unique among threads and processes; what a crash leaves of an earlier one is in nobody's way.
  static std::atomic<uint64_t> counter{0};
  const std::string temporary = absl::StrCat(path, ".tmp.", getpid(), ".", counter++);
  absl::Status status = WriteNewFile(temporary, bytes, options);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) {
    status = FileError(errno, "replace", path);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return options.sync ? SyncDirectory(DirectoryOf(path)) : absl::OkStatus();
}

absl::Status EnsureDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0) return absl::OkStatus();
  if (errno == ENOENT) {
    const std::string parent = DirectoryOf(path);
    if (parent == path) return FileError(ENOENT, "make directory", path);
    HT_RETURN_IF_ERROR(EnsureDirectory(parent, mode));
    if (mkdir(path.c_str(), mode) == 0) return absl::OkStatus();
  }
  const int error_number = errno;
  struct stat found {};
  if (error_number == EEXIST && stat(path.c_str(), &found) == 0) {
    return S_ISDIR(found.st_mode) ? absl::OkStatus()
                                  : FileError(ENOTDIR, "use as a directory", path);
  }
  return FileError(error_number, "make directory", path);
}

}  // namespace heliotrope::os
