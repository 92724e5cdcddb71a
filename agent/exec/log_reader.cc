#include "agent/exec/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/shim/launch_format.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"

namespace heliotrope::agent::exec {
namespace {

// A rotation between our looks makes them disagree; it takes a job's whole file to cause the next.
constexpr int kLooks = 100;

struct Segment {
  os::UniqueFd fd;
  int64_t size = 0;
  ino_t inode = 0;
};

// The open files of a log, newest first. Names move during a rotation, open files do not.
absl::StatusOr<std::vector<Segment>> OpenSegments(const std::string& path) {
  std::vector<Segment> segments;
  for (int64_t i = 0; i <= shim::kLogFilesMax; ++i) {
    auto fd = os::OpenFile(i == 0 ? path : absl::StrCat(path, ".", i), O_RDONLY | O_NOFOLLOW);
    if (absl::IsNotFound(fd.status())) {
      if (i == 0) continue;  // Being rotated right now, or nothing was written yet.
      break;
    }
    HT_RETURN_IF_ERROR(fd.status());
    struct stat info {};
    if (fstat(fd->get(), &info) != 0) return os::FileError(errno, "stat", path);
    segments.push_back({.fd = *std::move(fd), .size = info.st_size, .inode = info.st_ino});
  }
  return segments;
}

int64_t ReadBase(const std::string& path) {
  const auto text = os::ReadFile(absl::StrCat(path, shim::kLogBaseSuffix), 64);
  int64_t base = 0;
  // Beyond what any job writes: the sums below stay within their type.
  constexpr int64_t kMostBase = int64_t{1} << 60;
  if (!text.ok() || !absl::SimpleAtoi(*text, &base) || base < 0 || base > kMostBase) return 0;
  return base;
}

// Whether `path` is still the file that the first segment is.
bool IsCurrent(const std::string& path, const std::vector<Segment>& segments) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return segments.empty();
  return !segments.empty() && segments[0].inode == info.st_ino;
}

struct Snapshot {
  std::vector<Segment> segments;
  int64_t base = 0;  // Of the newest segment.
};

absl::StatusOr<Snapshot> Look(const std::string& path) {
  for (int i = 0; i < kLooks; ++i) {
    const int64_t before = ReadBase(path);
    HT_ASSIGN_OR_RETURN(std::vector<Segment> segments, OpenSegments(path));
    // The base is written before the new file is made.
    if (IsCurrent(path, segments) && ReadBase(path) == before) {
      return Snapshot{.segments = std::move(segments), .base = before};
    }
  }
  return absl::UnavailableError(absl::StrCat("\"", path, "\" is rotated faster than it is read"));
}

absl::Status AppendFrom(const Segment& segment, int64_t skip, int64_t max, std::string* data) {
  const int64_t wanted = std::min(max, segment.size - skip);
  const size_t had = data->size();
  data->resize(had + static_cast<size_t>(wanted));
  size_t length = 0;
  while (length < static_cast<size_t>(wanted)) {
    const ssize_t got =
        pread(segment.fd.get(), data->data() + had + length, static_cast<size_t>(wanted) - length,
              skip + static_cast<int64_t>(length));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os::FileError(errno, "read", "log");
    if (got == 0) break;
    length += static_cast<size_t>(got);
  }
  data->resize(had + length);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LogPart> ReadLog(const AttemptPaths& paths, LogName name, int64_t offset,
                                int64_t max_bytes) {
  const char* file = name == LogName::kStdout ? shim::kStdoutLog : shim::kStderrLog;
  HT_ASSIGN_OR_RETURN(const Snapshot log, Look(absl::StrCat(paths.root, "/", file)));
  if (log.segments.empty()) return LogPart{};
  int64_t older = 0;
  for (size_t i = 1; i < log.segments.size(); ++i) older += log.segments[i].size;
  // A base that was lost counts as if nothing had been rotated away yet.
  const int64_t base = std::max(log.base, older);
  LogPart part;
  part.end = base + log.segments[0].size;
  int64_t begin = base - older;  // Of the segment that is looked at, from the oldest on.
  part.offset = std::clamp(offset < 0 ? part.end + offset : offset, begin, part.end);
  int64_t at = part.offset;
  for (size_t i = log.segments.size(); i-- > 0; begin += log.segments[i].size) {
    const int64_t left = max_bytes - static_cast<int64_t>(part.data.size());
    if (left <= 0 || at < begin || at >= begin + log.segments[i].size) continue;
    HT_RETURN_IF_ERROR(AppendFrom(log.segments[i], at - begin, left, &part.data));
    at = part.offset + static_cast<int64_t>(part.data.size());
  }
  return part;
}

}  // namespace heliotrope::agent::exec
