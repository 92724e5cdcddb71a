#include "agent/shim/process_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "agent/shim/proc_stat.h"

namespace heliotrope::agent::shim {
namespace {

// The kernel's highest pid (PID_MAX_LIMIT): 4 Mi, so half a MiB of bits, of which only the pages
// that are touched cost memory.
constexpr pid_t kPidMax = 4 << 20;
constexpr size_t kBitmapBytes = kPidMax / 8;
// Deeper than any real tree; a deeper one is still found once its upper part is dead.
constexpr int kDepthMax = 256;

class PidSet {
 public:
  PidSet()
      : bits_(static_cast<uint8_t*>(mmap(nullptr, kBitmapBytes, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {}
  ~PidSet() {
    if (ok()) munmap(bits_, kBitmapBytes);
  }
  PidSet(const PidSet&) = delete;
  PidSet& operator=(const PidSet&) = delete;

  bool ok() const { return bits_ != MAP_FAILED; }
  bool Has(pid_t pid) const {
    return pid > 0 && pid < kPidMax && (bits_[pid / 8] & (1 << (pid % 8))) != 0;
  }
  void Add(pid_t pid) {
    if (pid <= 0 || pid >= kPidMax) return;
    bits_[pid / 8] = static_cast<uint8_t>(bits_[pid / 8] | (1 << (pid % 8)));
  }

 private:
  uint8_t* bits_;
};

// Calls `visit(pid)` for each process.
template <class Visit>
void ForEachProcess(Visit visit) {
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return;
  alignas(dirent64) char entries[8192];
  while (true) {
    const long size = syscall(SYS_getdents64, proc, entries, sizeof(entries));
    if (size <= 0) break;
    for (long at = 0; at < size;) {
      const dirent64* entry = reinterpret_cast<const dirent64*>(entries + at);
      at += entry->d_reclen;
      if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
      visit(static_cast<pid_t>(strtol(entry->d_name, nullptr, 10)));
    }
  }
  close(proc);
}

// Adds what descends from `root` by one look at each process per round. A parent mostly has the
// lower pid and is seen first, so two rounds are the rule.
void FindDescendants(pid_t root, PidSet* found) {
  bool grew = true;
  for (int round = 0; grew && round < kDepthMax; ++round) {
    grew = false;
    ForEachProcess([&](pid_t pid) {
      ProcStat stat;
      if (found->Has(pid) || !ReadProcStat(pid, &stat)) return;
      if (stat.parent != root && !found->Has(stat.parent)) return;
      found->Add(pid);
      grew = true;
    });
  }
}

// The pids from `pid` up to, without, `root`. 0 when they do not lead there.
int Ancestry(pid_t root, pid_t pid, pid_t* chain) {
  int length = 0;
  while (pid != root) {
    ProcStat stat;
    if (length == kDepthMax || pid <= 1 || !ReadProcStat(pid, &stat)) return 0;
    chain[length++] = pid;
    pid = stat.parent;
  }
  return length;
}

}  // namespace

bool IsDescendant(pid_t root, pid_t pid) {
  // One walk could step from a process to a stranger that got its dead parent's pid in between. If
  // two walks see the same pids, each of them was the next one's parent all the time between its
  // two looks: a process changes its parent only when that parent dies, and not back.
  pid_t first[kDepthMax];
  pid_t second[kDepthMax];
  const int length = Ancestry(root, pid, first);
  if (length == 0 || Ancestry(root, pid, second) != length) return false;
  for (int i = 0; i < length; ++i) {
    if (first[i] != second[i]) return false;
  }
  return true;
}

int SignalDescendants(pid_t root, int signal) {
  PidSet found;
  if (!found.ok()) return 0;
  FindDescendants(root, &found);
  int signalled = 0;
  ForEachProcess([&](pid_t pid) {
    if (!found.Has(pid)) return;
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return;
    if (IsDescendant(root, pid) && syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0) {
      ++signalled;
    }
    close(pidfd);
  });
  return signalled;
}

}  // namespace heliotrope::agent::shim
