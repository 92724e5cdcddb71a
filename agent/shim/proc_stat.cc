#include "agent/shim/proc_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/shim/record_format.h"

namespace heliotrope::agent::shim {

ssize_t ReadSmallFile(int dir_fd, const char* path, char* buffer, size_t size) {
  const int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return -1;
  size_t length = 0;
  while (length < size - 1) {
    const ssize_t got = read(fd, buffer + length, size - 1 - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      close(fd);
      errno = error;
      return -1;
    }
    if (got == 0) break;
    length += static_cast<size_t>(got);
  }
  close(fd);
  buffer[length] = '\0';
  return static_cast<ssize_t>(length);
}

bool ParseProcStat(char* text, ProcStat* stat) {
  // The name, in parentheses, may hold anything, also parentheses: numbers begin after the last.
  char* after_name = strrchr(text, ')');
  if (after_name == nullptr) return false;
  uint64_t fields[20];  // Field 3 (state) is fields[0], so field 22 is fields[19].
  size_t count = 0;
  char* save = nullptr;
  for (char* word = strtok_r(after_name + 1, " \n", &save); word != nullptr && count < 20;
       word = strtok_r(nullptr, " \n", &save)) {
    fields[count] = count == 0 ? static_cast<unsigned char>(word[0]) : strtoull(word, nullptr, 10);
    ++count;
  }
  if (count < 20) return false;
  stat->state = static_cast<char>(fields[0]);
  stat->parent = static_cast<pid_t>(fields[1]);
  stat->cpu_ticks = fields[11] + fields[12];
  stat->children_cpu_ticks = fields[13] + fields[14];
  stat->start_ticks = fields[19];
  return true;
}

bool ReadProcStat(pid_t pid, ProcStat* stat) {
  char path[40];
  snprintf(path, sizeof(path), "/proc/%d/stat", pid);
  char text[1024];
  return ReadSmallFile(AT_FDCWD, path, text, sizeof(text)) > 0 && ParseProcStat(text, stat);
}

void ReadBootId(char* boot_id) {
  char text[64];
  const ssize_t length =
      ReadSmallFile(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));
  boot_id[0] = '\0';
  if (length < static_cast<ssize_t>(kBootIdBytes) - 1) return;
  memcpy(boot_id, text, kBootIdBytes - 1);
  boot_id[kBootIdBytes - 1] = '\0';
}

}  // namespace heliotrope::agent::shim
