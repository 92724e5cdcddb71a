// What /proc says about one process. Shared by the shim and the agent; no Abseil here.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace heliotrope::agent::shim {

struct ProcStat {
  char state;  // 'Z' is a zombie.
  pid_t parent;
  uint64_t start_ticks;  // Since boot: a pid and its start time name one process until the reboot.
  // CPU time in clock ticks, of the process and of its children that it has waited for.
  uint64_t cpu_ticks;
  uint64_t children_cpu_ticks;
};

// False when there is no such process.
bool ReadProcStat(pid_t pid, ProcStat* stat);

// False when the text of /proc/PID/stat makes no sense.
bool ParseProcStat(char* text, ProcStat* stat);

// Fills `boot_id`, of kBootIdBytes (record_format.h); empty when unknown.
void ReadBootId(char* boot_id);

// Reads at most `size` - 1 bytes of a small file and ends them with NUL. The length, or -1 with
// errno set. Not for following symbolic links.
ssize_t ReadSmallFile(int dir_fd, const char* path, char* buffer, size_t size);

}  // namespace heliotrope::agent::shim
