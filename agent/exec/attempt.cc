#include "agent/exec/attempt.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/shim/launch_format.h"
#include "scheduler/base/errors.h"

namespace heliotrope::agent::exec {
namespace {

// The number up to `separator`, taken off `rest`. Only what printing it gives again: one directory
// has one name.
template <class Number>
bool TakeNumber(absl::string_view* rest, absl::string_view separator, Number* number) {
  const size_t end = separator.empty() ? rest->size() : rest->find(separator);
  if (end == absl::string_view::npos) return false;
  const absl::string_view digits = rest->substr(0, end);
  if (!absl::SimpleAtoi(digits, number) || absl::StrCat(*number) != digits) return false;
  rest->remove_prefix(end + separator.size());
  return true;
}

}  // namespace

std::string DirectoryName(const AttemptKey& key) {
  return absl::StrCat(key.task.job.value(), ".", key.task.index, "-", key.attempt.value());
}

absl::StatusOr<AttemptKey> ParseDirectoryName(absl::string_view name) {
  absl::string_view rest = name;
  uint64_t job = 0;
  uint32_t index = 0;
  uint32_t attempt = 0;
  if (!TakeNumber(&rest, ".", &job) || !TakeNumber(&rest, "-", &index) ||
      !TakeNumber(&rest, "", &attempt)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is not the directory of an attempt"));
  }
  return AttemptKey{.task = {.job = JobUid(job), .index = index},
                    .attempt = AttemptNumber(attempt)};
}

AttemptPaths PathsOf(const std::string& state_directory, const AttemptKey& key) {
  const std::string root = absl::StrCat(state_directory, "/attempts/", DirectoryName(key));
  return {.root = root,
          .work = root + "/work",
          .checkpoint = root + "/checkpoint",
          .output = root + "/output"};
}

absl::StatusOr<JobUser> FindJobUser(const std::string& name) {
  std::vector<char> buffer(64 << 10);
  passwd entry{};
  passwd* found = nullptr;
  const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("looking up user \"", name, "\""));
  if (found == nullptr) return NotFound("user", name);
  JobUser user{.name = name, .uid = entry.pw_uid, .gid = entry.pw_gid, .groups = {}};
  user.groups.resize(shim::kLaunchGroupsMax);
  int count = static_cast<int>(user.groups.size());
  if (getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0) {
    return absl::InvalidArgumentError(absl::StrCat("user \"", name, "\" is in more than ",
                                                   shim::kLaunchGroupsMax,
                                                   " groups: choose another user"));
  }
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

std::string ToString(AttemptEnd::Kind kind) {
  switch (kind) {
    case AttemptEnd::Kind::kExited:
      return "exited";
    case AttemptEnd::Kind::kSignaled:
      return "signaled";
    case AttemptEnd::Kind::kFailedToStart:
      return "failed-to-start";
    case AttemptEnd::Kind::kLost:
      return "lost";
  }
  return "?";
}

std::string Describe(const AttemptEnd& end) {
  std::string text = ToString(end.kind);
  if (end.kind == AttemptEnd::Kind::kExited) absl::StrAppend(&text, " ", end.exit_code);
  if (end.kind == AttemptEnd::Kind::kSignaled) absl::StrAppend(&text, " ", end.signal);
  if (!end.error.empty()) absl::StrAppend(&text, " (", end.error, ")");
  if (end.stop_cause != StopCause::kNone) {
    absl::StrAppend(&text, " ", shim::ToString(end.stop_cause));
  }
  if (end.grace_exceeded) absl::StrAppend(&text, " grace-exceeded");
  if (end.checkpointed) absl::StrAppend(&text, " checkpointed");
  return text;
}

}  // namespace heliotrope::agent::exec
