#include "agent/link/outputs.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/checkpoint/file_tree.h"
#include "agent/checkpoint/manifest.h"
#include "agent/link/glob.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::agent::link {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxWalkedOutputs = 10 * kMaxListedOutputs;
// Of one walk, the bytes of the patterns times those of the paths: what matching takes at most. Some
// seconds; a hundred thousand paths of sixty bytes by sixty-four patterns of twenty are less.
constexpr size_t kMaxMatching = size_t{1} << 33;

bool Matches(const std::vector<std::string>& patterns, const std::string& path) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(),
                                         [&](const auto& p) { return GlobMatches(p, path); });
}

bool IsPrintable(const std::string& path) {
  return std::all_of(path.begin(), path.end(),
                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

// Calls `visit` with the relative path of every plain file; false when a bound was met. The walk
// itself does not follow links; what a visit opens goes through OpenBelow, which neither does.
template <class Visit>
bool Walk(const std::string& directory, const std::vector<std::string>& patterns, Visit visit) {
  std::error_code error;
  size_t entries = 0;
  size_t matching = 0;
  size_t pattern_bytes = 0;
  for (const std::string& pattern : patterns) pattern_bytes += pattern.size();
  fs::recursive_directory_iterator it(directory, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (++entries > kMaxWalkedOutputs) return false;
    const fs::file_status status = it->symlink_status(error);
    if (error || !fs::is_regular_file(status)) continue;
    const std::string path = it->path().string().substr(directory.size() + 1);
    matching += pattern_bytes * path.size();
    if (matching > kMaxMatching) return false;
    visit(path);
  }
  return true;
}

}  // namespace

absl::StatusOr<OutputList> ListOutputs(const std::string& directory,
                                       const std::vector<std::string>& patterns) {
  OutputList list;
  list.truncated = !Walk(directory, patterns, [&](const std::string& path) {
    struct stat info;
    if (!IsPrintable(path) || !Matches(patterns, path) ||
        lstat(absl::StrCat(directory, "/", path).c_str(), &info) != 0) {
      return;
    }
    list.files.push_back({.path = path,
                          .size_bytes = info.st_size,
                          .modify_time = absl::TimeFromTimespec(info.st_mtim)});
  });
  std::sort(list.files.begin(), list.files.end(),
            [](const OutputFile& a, const OutputFile& b) { return a.path < b.path; });
  if (list.files.size() > kMaxListedOutputs) {
    list.files.resize(kMaxListedOutputs);
    list.truncated = true;
  }
  return list;
}

absl::StatusOr<os::UniqueFd> OpenOutput(const std::string& directory, const std::string& path,
                                        const std::vector<std::string>& patterns) {
  if (!checkpoint::CheckRelativePath(path).ok()) {
    return InvalidField("path", "must be relative and stay in the output directory");
  }
  if (!Matches(patterns, path)) return NotFound("output", path);
  absl::StatusOr<os::UniqueFd> opened = checkpoint::OpenBelow(directory, path);
  // Whatever is in the way (a link, a pipe) is no output.
  if (!opened.ok()) return NotFound("output", path);
  return opened;
}

absl::Status PruneOutputs(const std::string& directory, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return absl::OkStatus();
  std::vector<std::string> unwanted;
  Walk(directory, patterns, [&](const std::string& path) {
    if (!Matches(patterns, path)) unwanted.push_back(path);
  });
  // Tasks of one user can reach each other's files: a folder may have become a link meanwhile.
  for (const std::string& path : unwanted) {
    HT_RETURN_IF_ERROR(checkpoint::UnlinkBelow(directory, path));
  }
  return absl::OkStatus();
}

}  // namespace heliotrope::agent::link
