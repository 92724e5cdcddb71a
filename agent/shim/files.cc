#include "agent/shim/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

namespace heliotrope::agent::shim {
namespace {

bool WriteAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t put = write(fd, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    data += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

}  // namespace

bool ReplaceFile(int dir_fd, const char* name, const FileContent& content) {
  char temporary[128];
  snprintf(temporary, sizeof(temporary), ".%s.tmp", name);
  const int fd =
      openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return false;
  // One sync, after the rename: it makes content and name durable together, at half the price of
  // syncing both. A power cut in between may leave a name without content, so records end with a
  // line that tells whether they are whole.
  const bool done = WriteAll(fd, content.data, content.size) &&
                    renameat(dir_fd, temporary, dir_fd, name) == 0 &&
                    (content.durability == Durability::kNone || fsync(fd) == 0);
  const int error = errno;
  close(fd);
  if (!done) unlinkat(dir_fd, temporary, 0);
  errno = error;
  return done;
}

}  // namespace heliotrope::agent::shim
