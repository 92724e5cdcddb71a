#include "agent/daemon/records.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "scheduler/base/limits.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/files.h"
#include "scheduler/os/kept_file.h"

namespace heliotrope::agent::daemon {
namespace {

constexpr char kOrderFile[] = "/order";
constexpr char kOutcomeFile[] = "/outcome";
constexpr char kDoneFile[] = "/done";
constexpr size_t kInstanceBytes = 16;
constexpr int64_t kSmallFile = 64;

template <class Message>
absl::StatusOr<Message> ReadMessage(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::string bytes, os::ReadKeptFile(path, kMaxGrpcMessageBytes));
  Message message;
  if (bytes.empty() || !message.ParseFromString(bytes)) {
    return absl::DataLossError(absl::StrCat(path, " is damaged"));
  }
  return message;
}

}  // namespace

absl::Status WriteOrder(const std::string& root, const v1::AttemptOrder& order) {
  // A power cut ends the attempt anyway.
  return os::WriteFileAtomically(root + kOrderFile, order.SerializeAsString(), {.sync = false});
}

absl::Status SyncOrder(const std::string& root) {
  HT_ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenFile(root + kOrderFile, O_RDONLY));
  if (fsync(fd.get()) != 0) return os::FileError(errno, "sync", root + kOrderFile);
  return absl::OkStatus();
}

absl::StatusOr<v1::AttemptOrder> ReadOrder(const std::string& root) {
  return ReadMessage<v1::AttemptOrder>(root + kOrderFile);
}

absl::Status WriteOutcome(const std::string& root, const v1::AttemptStatus& status) {
  HT_RETURN_IF_ERROR(SyncOrder(root));
  return os::WriteFileAtomically(root + kOutcomeFile, status.SerializeAsString());
}

absl::StatusOr<v1::AttemptStatus> ReadOutcome(const std::string& root) {
  return ReadMessage<v1::AttemptStatus>(root + kOutcomeFile);
}

absl::Status MarkDone(const std::string& root) {
  const std::string done = root + kDoneFile;
  if (rename((root + kOrderFile).c_str(), done.c_str()) != 0) {
    return os::FileError(errno, "rename to", done);
  }
  return absl::OkStatus();
}

bool IsDone(const std::string& root) {
  struct stat info;
  return lstat((root + kDoneFile).c_str(), &info) == 0;
}

absl::StatusOr<Done> ReadDone(const std::string& root) {
  const std::string path = root + kDoneFile;
  HT_ASSIGN_OR_RETURN(v1::AttemptOrder order, ReadMessage<v1::AttemptOrder>(path));
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return os::FileError(errno, "stat", path);
  // The change time is that of the rename.
  return Done{.order = std::move(order), .time = absl::TimeFromTimespec(info.st_ctim)};
}

absl::StatusOr<std::string> InstanceId(const std::string& state_directory) {
  const std::string path = state_directory + "/instance";
  const auto known = os::ReadFile(path, kSmallFile);
  if (known.ok()) {
    std::string id(absl::StripAsciiWhitespace(*known));
    // The scheduler would refuse an empty one for ever.
    if (!id.empty() && absl::c_all_of(id, absl::ascii_isalnum)) return id;
    return absl::DataLossError(absl::StrCat(
        path, " holds no instance id: remove it, and this agent counts as another one"));
  }
  if (!absl::IsNotFound(known.status())) return known.status();
  std::string bytes(kInstanceBytes, '\0');
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return absl::ErrnoToStatus(errno, "getrandom");
  }
  const std::string id = absl::BytesToHexString(bytes);
  HT_RETURN_IF_ERROR(os::WriteFileAtomically(path, id + "\n"));
  return id;
}

}  // namespace heliotrope::agent::daemon
