#include "agent/exec/directory_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {
namespace {

// Directories open at once. What is deeper is moved up to the top before it is removed.
constexpr int kDepthMax = 32;
// Names taken from a directory before they are handled: it changes under its own listing.
constexpr size_t kNamesAtOnce = 4096;
// Paths of directories that a measurement remembers; of more it counts only themselves.
constexpr size_t kMaxWaiting = 10'000;

absl::Status TooMany(const std::string& path, const TreeBounds& bounds) {
  return ResourceExhausted(
      "TREE_TOO_LARGE", absl::StrCat("\"", path, "\" has more than ", bounds.entries, " entries"));
}

// A directory of the job may lack permissions for its own owner, which is us when we are not root.
absl::StatusOr<os::UniqueFd> OpenDirectoryAt(int parent, const char* name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  int fd = openat(parent, name, kFlags);
  if (fd < 0 && errno == EACCES && fchmodat(parent, name, 0700, 0) == 0) {
    fd = openat(parent, name, kFlags);
  }
  if (fd < 0) return os::FileError(errno, "open", name);
  return os::UniqueFd(fd);
}

struct Entry {
  std::string name;
  bool directory;
};

// Up to kNamesAtOnce entries. `fd` stays open.
absl::StatusOr<std::vector<Entry>> List(int fd) {
  const int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return os::FileError(errno, "open", ".");
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(fdopendir(copy), closedir);
  std::vector<Entry> entries;
  errno = 0;
  while (const dirent* entry = entries.size() < kNamesAtOnce ? readdir(dir.get()) : nullptr) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    bool directory = entry->d_type == DT_DIR;
    if (entry->d_type == DT_UNKNOWN) {
      struct stat info {};
      directory =
          fstatat(fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
    }
    entries.push_back({.name = entry->d_name, .directory = directory});
  }
  if (errno != 0 && entries.empty()) return os::FileError(errno, "list", "directory");
  return entries;
}

class Remover {
 public:
  Remover(int top, int64_t entries) : top_(top), left_(entries) {}

  // Empties the directory `fd`, `depth` below the top.
  absl::Status Empty(int fd, int depth) {
    while (true) {
      HT_ASSIGN_OR_RETURN(const std::vector<Entry> entries, List(fd));
      if (entries.empty()) return absl::OkStatus();
      for (const Entry& entry : entries) {
        if (left_-- <= 0) return absl::ResourceExhaustedError("bound met");
        HT_RETURN_IF_ERROR(entry.directory ? RemoveDirectory(fd, entry.name, depth)
                                           : Unlink(fd, entry.name, 0));
      }
    }
  }

 private:
  absl::Status RemoveDirectory(int parent, const std::string& name, int depth) {
    if (depth >= kDepthMax) {
      return MoveUp(parent, name);
    }
    {
      HT_ASSIGN_OR_RETURN(const os::UniqueFd fd, OpenDirectoryAt(parent, name.c_str()));
      HT_RETURN_IF_ERROR(Empty(fd.get(), depth + 1));
    }
    return Unlink(parent, name, AT_REMOVEDIR);
  }

  // There it is found again: the loop over the top ends only when that is empty.
  absl::Status MoveUp(int parent, const std::string& name) {
    while (true) {
      const std::string up = absl::StrCat(".deep.", moved_++);
      if (renameat(parent, name.c_str(), top_, up.c_str()) == 0) return absl::OkStatus();
      // The name is taken, by the job itself or by a removal that met its bound.
      if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) continue;
      // To move a directory its owner must be allowed to write into it: it names its parent.
      if (errno != EACCES || fchmodat(parent, name.c_str(), 0700, 0) != 0 ||
          fchmod(parent, 0700) != 0 || renameat(parent, name.c_str(), top_, up.c_str()) != 0) {
        return os::FileError(errno, "move", name);
      }
      return absl::OkStatus();
    }
  }

  // In a directory that forbids it to its owner, once more after allowing it.
  static absl::Status Unlink(int parent, const std::string& name, int flags) {
    if (unlinkat(parent, name.c_str(), flags) == 0 || errno == ENOENT) return absl::OkStatus();
    if (errno == EACCES && fchmod(parent, 0700) == 0 &&
        unlinkat(parent, name.c_str(), flags) == 0) {
      return absl::OkStatus();
    }
    return os::FileError(errno, "remove", name);
  }

  int top_;
  int64_t left_;
  int64_t moved_ = 0;
};

class Meter {
 public:
  explicit Meter(int64_t entries) : left_(entries) {}

  // Directories wait in a list of paths relative to the top, so depth costs memory, not open files.
  void Measure(int top) {
    std::vector<std::string> waiting = {"."};
    while (!waiting.empty() && left_ > 0) {
      const std::string path = std::move(waiting.back());
      waiting.pop_back();
      auto fd = OpenBelow(top, path);
      if (!fd.ok()) continue;  // Gone, or beyond the longest path: not counted.
      MeasureOne(*std::move(fd), path, &waiting);
    }
  }

  Bytes total() const { return total_; }

 private:
  // Paths are made of real directories as just listed; O_NOFOLLOW guards the last step, and a job
  // that swaps an upper one for a link can make us count wrongly but not write anywhere.
  static absl::StatusOr<os::UniqueFd> OpenBelow(int top, const std::string& path) {
    const int fd = openat(top, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return os::FileError(errno, "open", path);
    return os::UniqueFd(fd);
  }

  void MeasureOne(os::UniqueFd directory, const std::string& path,
                  std::vector<std::string>* waiting) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(fdopendir(directory.Release()), closedir);
    const int fd = dirfd(dir.get());
    while (const dirent* entry = readdir(dir.get())) {
      const std::string name = entry->d_name;
      struct stat info {};
      if (name == ".." || fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (name == ".") {
        total_ += Bytes::FromBytes(info.st_blocks * 512);
        continue;
      }
      if (left_-- <= 0) return;
      if (S_ISDIR(info.st_mode) && waiting->size() < kMaxWaiting) {
        waiting->push_back(absl::StrCat(path, "/", name));
      } else {
        total_ += Bytes::FromBytes(info.st_blocks * 512);
      }
    }
  }

  int64_t left_;
  Bytes total_;
};

}  // namespace

absl::Status RemoveTree(const std::string& path, const TreeBounds& bounds) {
  {
    auto top = OpenDirectoryAt(AT_FDCWD, path.c_str());
    if (absl::IsNotFound(top.status())) return absl::OkStatus();
    HT_RETURN_IF_ERROR(top.status());
    const absl::Status emptied = Remover(top->get(), bounds.entries).Empty(top->get(), 0);
    if (absl::IsResourceExhausted(emptied)) return TooMany(path, bounds);
    HT_RETURN_IF_ERROR(emptied, absl::StrCat("removing \"", path, "\""));
  }
  if (rmdir(path.c_str()) != 0 && errno != ENOENT) return os::FileError(errno, "remove", path);
  return absl::OkStatus();
}

absl::StatusOr<Bytes> MeasureTree(const std::string& path, const TreeBounds& bounds) {
  HT_ASSIGN_OR_RETURN(const os::UniqueFd top, OpenDirectoryAt(AT_FDCWD, path.c_str()));
  Meter meter(bounds.entries);
  meter.Measure(top.get());
  return meter.total();
}

}  // namespace heliotrope::agent::exec
