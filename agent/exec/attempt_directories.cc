#include "agent/exec/attempt_directories.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/exec/directory_tree.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"
#include "scheduler/os/log.h"

namespace heliotrope::agent::exec {
namespace {

constexpr char kRemovedPrefix[] = ".removed-";

std::string Attempts(const std::string& state_directory) { return state_directory + "/attempts"; }

absl::Status MakeOwnedDirectory(const std::string& path, const std::optional<JobUser>& user) {
  if (mkdir(path.c_str(), 0700) == 0) {
    if (!user.has_value() || lchown(path.c_str(), user->uid, user->gid) == 0) {
      return absl::OkStatus();
    }
    return os::FileError(errno, "give away", path);
  }
  if (errno != EEXIST) return os::FileError(errno, "make", path);
  if (!user.has_value()) return absl::OkStatus();
  // The directory itself, never what was put in its place.
  HT_ASSIGN_OR_RETURN(const os::UniqueFd fd,
                      os::OpenFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (fchown(fd.get(), user->uid, user->gid) != 0) return os::FileError(errno, "give away", path);
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeAttemptDirectories(const AttemptPaths& paths, const std::optional<JobUser>& user) {
  // Others may pass through it to what is theirs, but see nothing of it: launch, logs and records
  // are ours, so a job cannot forge its own outcome.
  if (mkdir(paths.root.c_str(), 0711) != 0) {
    if (errno != ENOENT && errno != EEXIST) return os::FileError(errno, "make", paths.root);
    HT_RETURN_IF_ERROR(os::EnsureDirectory(paths.root, 0711));
  }
  for (const std::string& path : {paths.work, paths.checkpoint, paths.output}) {
    HT_RETURN_IF_ERROR(MakeOwnedDirectory(path, user));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AttemptKey>> ListAttempts(const std::string& state_directory) {
  std::vector<AttemptKey> keys;
  std::error_code error;
  const std::string attempts = Attempts(state_directory);
  for (const auto& entry : std::filesystem::directory_iterator(attempts, error)) {
    const auto key = ParseDirectoryName(entry.path().filename().c_str());
    if (key.ok()) keys.push_back(*key);
  }
  if (error) return os::FileError(error.value(), "list", attempts);
  std::sort(keys.begin(), keys.end());
  return keys;
}

absl::Status RemoveAttempt(const std::string& state_directory, const AttemptKey& key) {
  const std::string root = PathsOf(state_directory, key).root;
  const std::string removed =
      absl::StrCat(Attempts(state_directory), "/", kRemovedPrefix, DirectoryName(key));
  // What an earlier call has left there.
  HT_RETURN_IF_ERROR(RemoveTree(removed));
  if (rename(root.c_str(), removed.c_str()) != 0) {
    return errno == ENOENT ? absl::OkStatus() : os::FileError(errno, "rename", root);
  }
  return RemoveTree(removed);
}

void FinishRemovals(const std::string& state_directory) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(Attempts(state_directory), error)) {
    if (!absl::StartsWith(entry.path().filename().c_str(), kRemovedPrefix)) continue;
    const absl::Status removed = RemoveTree(entry.path());
    if (!removed.ok()) os::LogWarning("attempt not removed", {{"error", removed}});
  }
}

}  // namespace heliotrope::agent::exec
