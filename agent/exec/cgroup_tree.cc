#include "agent/exec/cgroup_tree.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/exec/cgroup_mount.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {
namespace {

// A control file; /proc/self/mountinfo of a host with many mounts is the largest.
constexpr int64_t kControlFileBytes = 4 << 20;

absl::Status WriteControl(const std::string& path, absl::string_view text) {
  HT_ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenFile(path, O_WRONLY));
  return os::WriteAll(fd.get(), text, path);
}

// The value of line "name value".
absl::StatusOr<int64_t> ReadKeyed(const std::string& path, absl::string_view name) {
  HT_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, kControlFileBytes));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    int64_t value = 0;
    if (absl::ConsumePrefix(&line, absl::StrCat(name, " ")) && absl::SimpleAtoi(line, &value)) {
      return value;
    }
  }
  return absl::NotFoundError(absl::StrCat("no \"", name, "\" in \"", path, "\""));
}

bool ListsWord(const std::string& path, absl::string_view word) {
  const auto text = os::ReadFile(path, kControlFileBytes);
  if (!text.ok()) return false;
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripAsciiWhitespace(*text), ' ');
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Has `controller` for the children of `directory`, if that may be. A group that has both processes
// and children, other than the root, is refused it by the kernel.
bool Enable(const std::string& directory, absl::string_view controller) {
  const std::string file = directory + "/cgroup.subtree_control";
  if (ListsWord(file, controller)) return true;
  return WriteControl(file, absl::StrCat("+", controller)).ok();
}

bool IsDelegated(const std::string& directory) {
  char value[8];
  // systemd marks what it gives away, for root and for others by two names.
  return getxattr(directory.c_str(), "trusted.delegate", value, sizeof value) > 0 ||
         getxattr(directory.c_str(), "user.delegate", value, sizeof value) > 0;
}

// Where our directory may be, best first.
std::vector<std::string> Candidates(const CgroupMount& mount,
                                    const std::optional<std::string>& own) {
  std::vector<std::string> places;
  if (own.has_value() && *own != mount.mount_point) {
    const std::string parent = own->substr(0, own->rfind('/'));
    if (IsDelegated(parent)) places.push_back(parent);
    places.push_back(*own);
  }
  places.push_back(mount.mount_point);
  return places;
}

// Makes the directory, or finds it there, and checks that it is one of cgroup v2 and ours to use.
absl::Status MakeDirectory(const std::string& directory) {
  if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return os::FileError(errno, "make", directory);
  }
  // What a process is put into, what kills and what freezes it.
  for (const char* file : {"cgroup.procs", "cgroup.kill", "cgroup.freeze"}) {
    const std::string path = absl::StrCat(directory, "/", file);
    if (access(path.c_str(), W_OK) != 0) return os::FileError(errno, "write", path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CgroupTree>> CgroupTree::Open(const Options& options) {
  const std::string self = options.proc + "/self";
  HT_ASSIGN_OR_RETURN(const std::string mountinfo,
                      os::ReadFile(self + "/mountinfo", kControlFileBytes));
  HT_ASSIGN_OR_RETURN(const std::string own_text,
                      os::ReadFile(self + "/cgroup", kControlFileBytes));
  const std::optional<CgroupMount> mount = FindCgroupMount(mountinfo);
  if (!mount.has_value()) {
    return PreconditionFailed("NO_CGROUP", "no cgroup version 2 is mounted");
  }
  std::unique_ptr<CgroupTree> best;
  std::vector<std::string> reasons;
  for (const std::string& place : Candidates(*mount, OwnCgroupDirectory(own_text, *mount))) {
    auto tree = std::unique_ptr<CgroupTree>(new CgroupTree);
    tree->directory_ = absl::StrCat(place, "/heliotrope-agent-", options.agent);
    if (const absl::Status made = MakeDirectory(tree->directory_); !made.ok()) {
      reasons.emplace_back(made.message());
      continue;
    }
    tree->EnableControllers();
    const bool better = best == nullptr || (tree->has_cpu_ && !best->has_cpu_);
    if (better) best = std::move(tree);
  }
  if (best == nullptr) {
    return PreconditionFailed(
        "NO_CGROUP", absl::StrCat("no cgroup can be made: ", absl::StrJoin(reasons, "; ")));
  }
  best->RemoveEmpty();
  return best;
}

CgroupTree::~CgroupTree() { rmdir(directory_.c_str()); }

void CgroupTree::EnableControllers() {
  const std::string parent = directory_.substr(0, directory_.rfind('/'));
  has_cpu_ = Enable(parent, "cpu") && Enable(directory_, "cpu") &&
             WriteControl(directory_ + "/cpu.weight", "1").ok();
  has_memory_ = Enable(parent, "memory") && Enable(directory_, "memory");
}

// What an agent before us has left; the kernel keeps those that are in use.
void CgroupTree::RemoveEmpty() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    if (entry.is_directory(error)) rmdir(entry.path().c_str());
  }
}

std::string CgroupTree::Shortfall() const {
  if (has_cpu_ && has_memory_) return "";
  if (has_memory_) return "no cpu controller: batch is weighted by SCHED_IDLE and nice alone";
  if (has_cpu_) return "no memory controller: memory limits are not enforced";
  return "neither cpu nor memory controller: batch is weighted by SCHED_IDLE and nice alone, "
         "memory "
         "limits are not enforced";
}

std::string CgroupTree::PathOf(absl::string_view name) const {
  return absl::StrCat(directory_, "/", name);
}

absl::StatusOr<std::string> CgroupTree::Create(absl::string_view name,
                                               const CgroupLimits& limits) const {
  const std::string path = PathOf(name);
  if (mkdir(path.c_str(), 0755) != 0) {
    // Not the old one: its counters are those of another process, and it may be frozen.
    if (errno != EEXIST) return os::FileError(errno, "make", path);
    HT_RETURN_IF_ERROR(RemoveCgroup(path));
    if (mkdir(path.c_str(), 0755) != 0) return os::FileError(errno, "make", path);
  }
  if (has_cpu_ && limits.cores > MilliCores::Zero()) {
    // The kernel takes 1 to 10,000; a core is 100, its default.
    const int64_t weight = std::clamp<int64_t>(limits.cores.value() / 10, 1, 10'000);
    HT_RETURN_IF_ERROR(WriteControl(path + "/cpu.weight", absl::StrCat(weight)));
  }
  if (has_memory_ && limits.memory > Bytes::Zero()) {
    HT_RETURN_IF_ERROR(WriteControl(path + "/memory.max", absl::StrCat(limits.memory.value())));
  }
  return path;
}

absl::StatusOr<absl::Duration> CgroupTree::CpuUsed() const { return CgroupCpuUsed(directory_); }

absl::StatusOr<Bytes> CgroupTree::MemoryUsed() const {
  if (!has_memory_) return Unavailable("NO_MEMORY_CONTROLLER", "no memory controller");
  return CgroupMemoryUsed(directory_);
}

absl::Status KillCgroup(const std::string& path) {
  return WriteControl(path + "/cgroup.kill", "1");
}

bool IsCgroupEmpty(const std::string& path) {
  const auto populated = ReadKeyed(path + "/cgroup.events", "populated");
  if (!populated.ok()) return access(path.c_str(), F_OK) != 0;
  return *populated == 0;
}

absl::Status RemoveCgroup(const std::string& path) {
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  if (errno == EBUSY) {
    return PreconditionFailed("CGROUP_NOT_EMPTY",
                              absl::StrCat("processes are left in \"", path, "\""));
  }
  return os::FileError(errno, "remove", path);
}

absl::StatusOr<absl::Duration> CgroupCpuUsed(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const int64_t us, ReadKeyed(path + "/cpu.stat", "usage_usec"));
  return absl::Microseconds(us);
}

absl::StatusOr<Bytes> CgroupMemoryUsed(const std::string& path) {
  const std::string file = path + "/memory.current";
  HT_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(file, kControlFileBytes));
  int64_t bytes = 0;
  if (!absl::SimpleAtoi(text, &bytes)) {
    return absl::DataLossError(absl::StrCat("\"", file, "\" is not a number"));
  }
  return Bytes::FromBytes(bytes);
}

}  // namespace heliotrope::agent::exec
