#include "agent/checkpoint/file_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/checkpoint/sha256.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/kept_file.h"

namespace heliotrope::agent::checkpoint {
namespace {

constexpr int64_t kReserveBytes = int64_t{64} << 20;
constexpr size_t kBufferBytes = size_t{256} << 10;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

using Folder = std::unique_ptr<DIR, int (*)(DIR*)>;

absl::StatusOr<Folder> OpenFolder(int parent, const std::string& name, const std::string& path) {
  os::UniqueFd fd(openat(parent, name.c_str(), kFolderFlags));
  if (!fd.valid()) return os::FileError(errno, "open", path);
  DIR* stream = fdopendir(fd.get());
  if (stream == nullptr) return os::FileError(errno, "read", path);
  fd.Release();
  return Folder(stream, &closedir);
}

class Finder {
 public:
  explicit Finder(std::string root) : root_(std::move(root)) {}

  absl::Status Walk(int parent, const std::string& name, const std::string& relative,
                    size_t depth) {
    if (depth > kMaxPathDepth) return TooLarge("folders are too deep", relative);
    HT_ASSIGN_OR_RETURN(const Folder folder,
                        OpenFolder(parent, name, absl::StrCat(root_, "/", relative)));
    while (true) {
      errno = 0;
      const dirent* entry = readdir(folder.get());
      if (entry == nullptr) {
        return errno == 0 ? absl::OkStatus()
                          : os::FileError(errno, "read", absl::StrCat(root_, "/", relative));
      }
      const std::string child = entry->d_name;
      if (child == "." || child == "..") continue;
      HT_RETURN_IF_ERROR(Take(dirfd(folder.get()), child,
                              relative.empty() ? child : absl::StrCat(relative, "/", child),
                              depth));
    }
  }

  std::vector<FoundFile> files;

 private:
  static absl::Status TooLarge(absl::string_view what, const std::string& path) {
    return ResourceExhausted("CHECKPOINT_TOO_LARGE",
                             absl::StrCat("checkpoint: ", what, " at ", path));
  }

  absl::Status Take(int folder, const std::string& name, const std::string& relative,
                    size_t depth) {
    // Empty folders count too: a walk through them must end.
    if (++entries_ > kMaxFiles) return TooLarge("more than 100000 files and folders", relative);
    struct stat info;
    if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return os::FileError(errno, "stat", absl::StrCat(root_, "/", relative));
    }
    if (S_ISDIR(info.st_mode)) return Walk(folder, name, relative, depth + 1);
    if (!S_ISREG(info.st_mode)) {
      return PreconditionFailed(
          "CHECKPOINT_NOT_PLAIN",
          absl::StrCat("checkpoint has \"", relative,
                       "\", which is neither a file nor a folder: save plain files only"));
    }
    HT_RETURN_IF_ERROR(CheckRelativePath(relative));
    files.push_back({.path = relative,
                     .size_bytes = info.st_size,
                     .mode = static_cast<uint32_t>(info.st_mode & 0777)});
    return absl::OkStatus();
  }

  const std::string root_;
  size_t entries_ = 0;
};

// What an error of the system is for the caller.
using ErrorOf = absl::Status (*)(int error_number, absl::string_view action,
                                 absl::string_view path);

// The folder that `path` is in, and its last component.
absl::StatusOr<std::pair<os::UniqueFd, std::string>> Descend(const std::string& root,
                                                             const std::string& path,
                                                             const CreateOptions* create,
                                                             ErrorOf error = &os::FileError) {
  HT_RETURN_IF_ERROR(CheckRelativePath(path));
  os::UniqueFd folder(open(root.c_str(), kFolderFlags));
  if (!folder.valid()) return error(errno, "open", root);
  std::vector<std::string> components = absl::StrSplit(path, '/');
  for (size_t i = 0; i + 1 < components.size(); ++i) {
    const char* name = components[i].c_str();
    if (create != nullptr && mkdirat(folder.get(), name, 0700) == 0) {
      if (create->owner.has_value() && fchownat(folder.get(), name, create->owner->first,
                                                create->owner->second, AT_SYMLINK_NOFOLLOW) != 0) {
        return os::FileError(errno, "chown", path);
      }
    } else if (create != nullptr && errno != EEXIST) {
      return os::FileError(errno, "mkdir", path);
    }
    os::UniqueFd next(openat(folder.get(), name, kFolderFlags));
    if (!next.valid()) return error(errno, "open", path);
    folder = std::move(next);
  }
  return std::make_pair(std::move(folder), std::move(components.back()));
}

// FAILED_PRECONDITION, beside what `error` makes, for what is not a file.
absl::StatusOr<os::UniqueFd> OpenPlain(const std::string& root, const std::string& path,
                                       ErrorOf error) {
  HT_ASSIGN_OR_RETURN(auto place, Descend(root, path, nullptr, error));
  // O_NONBLOCK: a pipe that took the file's place must not hang us.
  os::UniqueFd fd(openat(place.first.get(), place.second.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return error(errno, "open", path);
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return error(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a file"));
  }
  return fd;
}

}  // namespace

absl::StatusOr<std::vector<FoundFile>> FindFiles(const std::string& root) {
  Finder finder(root);
  HT_RETURN_IF_ERROR(finder.Walk(AT_FDCWD, root, "", 0));
  std::sort(finder.files.begin(), finder.files.end(),
            [](const FoundFile& a, const FoundFile& b) { return a.path < b.path; });
  return std::move(finder.files);
}

absl::Status ReadError(int error_number, absl::string_view action, absl::string_view path) {
  const std::string message(os::FileError(error_number, action, path).message());
  if (error_number == ENOENT || os::IsDamage(error_number)) return absl::DataLossError(message);
  return absl::UnavailableError(message);
}

absl::StatusOr<os::UniqueFd> OpenBelow(const std::string& root, const std::string& path) {
  return OpenPlain(root, path, &os::FileError);
}

absl::StatusOr<os::UniqueFd> OpenSealed(const std::string& root, const std::string& path) {
  auto opened = OpenPlain(root, path, &ReadError);
  if (!absl::IsFailedPrecondition(opened.status())) return opened;
  return absl::DataLossError(opened.status().message());
}

absl::Status UnlinkBelow(const std::string& root, const std::string& path) {
  HT_ASSIGN_OR_RETURN(const auto place, Descend(root, path, nullptr));
  if (unlinkat(place.first.get(), place.second.c_str(), 0) == 0 || errno == ENOENT) {
    return absl::OkStatus();
  }
  return os::FileError(errno, "remove", path);
}

absl::StatusOr<os::UniqueFd> CreateBelow(const std::string& root, const std::string& path,
                                         const CreateOptions& options) {
  HT_ASSIGN_OR_RETURN(auto place, Descend(root, path, &options));
  os::UniqueFd fd(openat(place.first.get(), place.second.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return os::FileError(errno, "create", path);
  if (options.owner.has_value() &&
      fchown(fd.get(), options.owner->first, options.owner->second) != 0) {
    return os::FileError(errno, "chown", path);
  }
  if (fchmod(fd.get(), options.mode & 0777) != 0) return os::FileError(errno, "chmod", path);
  return fd;
}

absl::StatusOr<CopyResult> HashAndCopy(int source, int target, const std::string& name) {
  Sha256 sha;
  CopyResult result;
  std::string buffer(kBufferBytes, '\0');
  while (true) {
    const ssize_t size = read(source, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return ReadError(errno, "read", name);
    if (size == 0) break;
    const absl::string_view bytes(buffer.data(), static_cast<size_t>(size));
    sha.Add(bytes);
    result.size_bytes += size;
    if (target >= 0) HT_RETURN_IF_ERROR(os::WriteAll(target, bytes, name));
  }
  result.sha256 = sha.Finish();
  return result;
}

absl::Status SyncFolders(const std::string& root) {
  HT_ASSIGN_OR_RETURN(const Folder folder, OpenFolder(AT_FDCWD, root, root));
  while (const dirent* entry = readdir(folder.get())) {
    const std::string child = entry->d_name;
    if (child == "." || child == "..") continue;
    struct stat info;
    if (fstatat(dirfd(folder.get()), child.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(info.st_mode)) {
      HT_RETURN_IF_ERROR(SyncFolders(absl::StrCat(root, "/", child)));
    }
  }
  if (fsync(dirfd(folder.get())) != 0) return os::FileError(errno, "fsync", root);
  return absl::OkStatus();
}

absl::Status CheckRoom(const std::string& folder, int64_t size_bytes) {
  struct statvfs info;
  if (statvfs(folder.c_str(), &info) != 0) return os::FileError(errno, "stat", folder);
  const auto free = units_internal::SaturatingMultiply(static_cast<int64_t>(info.f_bavail),
                                                       static_cast<int64_t>(info.f_frsize));
  if (size_bytes <= free - kReserveBytes) return absl::OkStatus();
  return ResourceExhausted(
      "NO_DISK_SPACE", absl::StrCat("checkpoint of ", size_bytes, " bytes, the disk has ", free,
                                    " free, of which ", kReserveBytes, " stay free: make room"));
}

}  // namespace heliotrope::agent::checkpoint
