#include "agent/shim/log_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/shim/files.h"
#include "agent/shim/launch_format.h"
#include "agent/shim/proc_stat.h"

namespace heliotrope::agent::shim {
namespace {

// As much as a pipe holds.
constexpr int64_t kChunkBytes = 64 << 10;
constexpr int kChunksPerTurn = 16;
constexpr size_t kNameMax = 64;

char chunk[kChunkBytes];  // The shim has one thread.

}  // namespace

void LogStream::Start(const Options& options, int pipe_fd) {
  options_ = options;
  pipe_fd_ = pipe_fd;
}

void LogStream::Pump() {
  for (int i = 0; i < kChunksPerTurn && PumpOnce(); ++i) {
  }
}

void LogStream::Drain() {
  while (PumpOnce()) {
  }
}

bool LogStream::PumpOnce() {
  if (pipe_fd_ < 0) return false;
  const ssize_t got = read(pipe_fd_, chunk, sizeof(chunk));
  if (got > 0) {
    Write(chunk, got);
    return true;
  }
  if (got < 0 && errno == EINTR) return true;
  if (got < 0 && errno == EAGAIN) return false;
  close(pipe_fd_);
  pipe_fd_ = -1;
  return false;
}

void LogStream::Write(const char* data, int64_t size) {
  while (size > 0) {
    if ((file_fd_ < 0 && !OpenFile()) || (file_size_ >= options_.file_bytes && !Rotate())) break;
    const int64_t room = options_.file_bytes - file_size_;
    const int64_t part = size < room ? size : room;
    const ssize_t put = write(file_fd_, data, static_cast<size_t>(part));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) break;
    file_size_ += put;
    data += put;
    size -= put;
  }
  lost_bytes_ += size;
}

bool LogStream::OpenFile() {
  file_fd_ = openat(options_.dir_fd, options_.name,
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  struct stat info;
  if (file_fd_ < 0 || fstat(file_fd_, &info) != 0) return false;
  file_size_ = info.st_size;
  char name[kNameMax];
  char text[32];
  snprintf(name, sizeof(name), "%s%s", options_.name, kLogBaseSuffix);
  if (ReadSmallFile(options_.dir_fd, name, text, sizeof(text)) > 0) {
    base_ = strtoll(text, nullptr, 10);
  }
  return true;
}

bool LogStream::Rotate() {
  char from[kNameMax];
  char to[kNameMax];
  for (int64_t i = options_.rotated_files; i > 0; --i) {
    snprintf(to, sizeof(to), "%s.%" PRId64, options_.name, i);
    if (i > 1) snprintf(from, sizeof(from), "%s.%" PRId64, options_.name, i - 1);
    const char* source = i > 1 ? from : options_.name;
    if (renameat(options_.dir_fd, source, options_.dir_fd, to) != 0 && errno != ENOENT) {
      return false;
    }
  }
  if (options_.rotated_files == 0) unlinkat(options_.dir_fd, options_.name, 0);
  close(file_fd_);
  file_fd_ = -1;
  base_ += file_size_;
  char base[kNameMax];
  char text[32];
  snprintf(base, sizeof(base), "%s%s", options_.name, kLogBaseSuffix);
  const int length = snprintf(text, sizeof(text), "%" PRId64 "\n", base_);
  ReplaceFile(options_.dir_fd, base, {text, static_cast<size_t>(length), Durability::kNone});
  return OpenFile();
}

}  // namespace heliotrope::agent::shim
