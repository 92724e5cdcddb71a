#include "agent/exec/process_usage.h"

#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <unordered_map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/exec/attempt_files.h"
#include "agent/exec/cgroup_tree.h"
#include "agent/shim/proc_stat.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {
namespace {

// A process's environment is at most a quarter of its stack's limit, mostly 2 MiB.
constexpr int64_t kEnvironmentBytesMax = 8 << 20;
// Chains of parents longer than this are not followed.
constexpr int kDepthMax = 256;

template <class Visit>
void ForEachProcess(Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (proc == nullptr) return;
  while (const dirent* entry = readdir(proc.get())) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(entry->d_name, &pid)) visit(pid);
  }
}

absl::Duration TicksToDuration(uint64_t ticks) {
  static const int64_t per_second = sysconf(_SC_CLK_TCK);
  return absl::Seconds(static_cast<int64_t>(ticks)) / per_second;
}

using Processes = std::unordered_map<pid_t, shim::ProcStat>;

// The root that `pid` descends from, or 0.
pid_t RootOf(const Processes& processes, const std::unordered_map<pid_t, size_t>& roots,
             pid_t pid) {
  auto found = processes.find(pid);
  for (int depth = 0; found != processes.end() && depth < kDepthMax; ++depth) {
    const pid_t parent = found->second.parent;
    if (roots.count(parent) != 0) return parent;
    found = processes.find(parent);
  }
  return 0;
}

std::vector<pid_t> PidsOfCgroup(const std::string& path) {
  std::vector<pid_t> pids;
  const auto text = os::ReadFile(path + "/cgroup.procs", 4 << 20);
  if (!text.ok()) return pids;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(line, &pid)) pids.push_back(pid);
  }
  return pids;
}

}  // namespace

Bytes ResidentMemory(const std::vector<pid_t>& pids) {
  static const int64_t page = sysconf(_SC_PAGESIZE);
  Bytes total;
  for (const pid_t pid : pids) {
    const auto text = os::ReadFile(absl::StrCat("/proc/", pid, "/statm"), 4096);
    if (!text.ok()) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(*text, ' ');
    int64_t pages = 0;
    if (words.size() > 1 && absl::SimpleAtoi(words[1], &pages)) {
      total += Bytes::FromBytes(pages * page);
    }
  }
  return total;
}

Bytes MemoryOfCgroup(const std::string& path) {
  const auto counted = CgroupMemoryUsed(path);
  return counted.ok() ? *counted : ResidentMemory(PidsOfCgroup(path));
}

std::vector<Usage> UsageOfTrees(const std::vector<pid_t>& roots) {
  std::vector<Usage> usage(roots.size());
  if (roots.empty()) return usage;
  std::unordered_map<pid_t, size_t> index;
  for (size_t i = 0; i < roots.size(); ++i) index[roots[i]] = i;
  Processes processes;
  ForEachProcess([&](pid_t pid) {
    shim::ProcStat stat{};
    if (shim::ReadProcStat(pid, &stat)) processes[pid] = stat;
  });
  for (const auto& [pid, stat] : processes) {
    if (const auto root = index.find(pid); root != index.end()) {
      // What it has waited for; its own time is ours, not the job's.
      usage[root->second].cpu += TicksToDuration(stat.children_cpu_ticks);
      continue;
    }
    const pid_t root = RootOf(processes, index, pid);
    if (root == 0) continue;
    Usage& of = usage[index[root]];
    of.cpu += TicksToDuration(stat.cpu_ticks + stat.children_cpu_ticks);
    of.memory += ResidentMemory({pid});
  }
  return usage;
}

int KillMarked(const std::string& mark) {
  if (mark.empty()) return 0;
  const std::string entry = absl::StrCat(kMarkVariable, "=", mark);
  int killed = 0;
  ForEachProcess([&](pid_t pid) {
    if (pid == getpid()) return;
    // Pinned before its environment is read: the signal can only meet the process that was read, or
    // nobody if it ended meanwhile.
    const os::UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!pidfd.valid()) return;
    const auto environment =
        os::ReadFile(absl::StrCat("/proc/", pid, "/environ"), kEnvironmentBytesMax);
    if (!environment.ok()) return;
    for (absl::string_view variable : absl::StrSplit(*environment, '\0')) {
      if (variable != entry) continue;
      if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) == 0) ++killed;
      return;
    }
  });
  return killed;
}

}  // namespace heliotrope::agent::exec
