#include "scheduler/os/kept_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "scheduler/os/files.h"

namespace heliotrope::os {
namespace {

absl::Status KeptError(int error_number, absl::string_view action, const std::string& path) {
  const absl::Status error = FileError(error_number, action, path);
  if (IsDamage(error_number)) return absl::DataLossError(error.message());
  return absl::UnavailableError(error.message());
}

}  // namespace

bool IsDamage(int error_number) {
  switch (error_number) {
    case ENOTDIR:
    case ELOOP:
    case ENXIO:  // A socket.
    case EIO:
    case EUCLEAN:  // The file system's own check has failed: ext4, XFS.
    case EBADMSG:
      return true;
    default:
      return false;
  }
}

absl::StatusOr<std::string> ReadKeptFile(const std::string& path, int64_t max_bytes) {
  int opened = -1;
  do {
    // O_NONBLOCK: a pipe that took the file's place must not hang us.
    opened = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  } while (opened < 0 && errno == EINTR);
  const UniqueFd fd(opened);
  if (!fd.valid()) {
    if (errno == ENOENT) return FileError(errno, "open", path);
    return KeptError(errno, "open", path);
  }
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return KeptError(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::DataLossError(absl::StrCat("\"", path, "\" is not a file"));
  }
  std::string content;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return KeptError(errno, "read", path);
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
    if (static_cast<int64_t>(content.size()) > max_bytes) {
      return absl::DataLossError(
          absl::StrCat("\"", path, "\" has more than the ", max_bytes, " bytes allowed"));
    }
  }
}

}  // namespace heliotrope::os
