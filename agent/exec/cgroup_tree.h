// The cgroup v2 of this agent, one child per attempt: whole-tree kill and freeze, CPU accounting,
// and where the controllers are there, weight and memory limit.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/base/units.h"

namespace heliotrope::agent::exec {

struct CgroupLimits {
  MilliCores cores;  // The share among attempts; zero: the kernel's default.
  Bytes memory;      // Zero: no limit.
};

// Thread-safe: it holds no state that changes.
class CgroupTree {
 public:
  struct Options {
    std::string agent;           // One of a kind: the directory is "heliotrope-agent-<agent>".
    std::string proc = "/proc";  // Another in tests.
  };

  // Takes the first of these places where the directory can be made and the cpu controller be had:
  // above our own cgroup if that is delegated to us (systemd's DelegateSubgroup), our own cgroup,
  // the root; else the first where it can be made at all. FAILED_PRECONDITION with the reasons when
  // there is none: then attempts run in process trees alone.
  static absl::StatusOr<std::unique_ptr<CgroupTree>> Open(const Options& options);
  // Takes the directory away again unless attempts are left in it, which go on.
  ~CgroupTree();
  CgroupTree(const CgroupTree&) = delete;
  CgroupTree& operator=(const CgroupTree&) = delete;

  const std::string& directory() const { return directory_; }
  bool has_cpu() const { return has_cpu_; }
  bool has_memory() const { return has_memory_; }
  // One clause for the log: what cannot be done here and what follows. Empty if nothing.
  std::string Shortfall() const;

  std::string PathOf(absl::string_view name) const;
  // A fresh cgroup: an old one of this name must be empty. The path.
  absl::StatusOr<std::string> Create(absl::string_view name, const CgroupLimits& limits) const;

  // CPU used by all attempts since the directory was made, ended ones included.
  absl::StatusOr<absl::Duration> CpuUsed() const;
  // Memory used now. UNAVAILABLE without the memory controller.
  absl::StatusOr<Bytes> MemoryUsed() const;

 private:
  CgroupTree() = default;
  void EnableControllers();
  void RemoveEmpty() const;

  std::string directory_;
  bool has_cpu_ = false;
  bool has_memory_ = false;
};

// The same for one cgroup by its path, as a restarted agent finds it in a launch.

// Kills everything in it. NOT_FOUND when it is gone.
absl::Status KillCgroup(const std::string& path);
// Whether there is no process left in it, or it is gone.
bool IsCgroupEmpty(const std::string& path);
// Removes it. OK when it is gone; FAILED_PRECONDITION when it is not empty.
absl::Status RemoveCgroup(const std::string& path);
absl::StatusOr<absl::Duration> CgroupCpuUsed(const std::string& path);
absl::StatusOr<Bytes> CgroupMemoryUsed(const std::string& path);

}  // namespace heliotrope::agent::exec
