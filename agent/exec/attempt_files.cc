#include "agent/exec/attempt_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/shim/launch_format.h"
#include "agent/shim/launch_writer.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::agent::exec {
namespace {

constexpr char kVoidedLaunch[] = "launch.void";
constexpr char kDefaultPath[] = "/usr/local/bin:/usr/bin:/bin";
// Files beside the newest one of a log, each a quarter of the bound.
constexpr int64_t kRotatedLogs = 3;

std::map<std::string, std::string> Environment(const AttemptLaunch& launch,
                                               const AttemptPaths& paths, const std::string& mark) {
  std::map<std::string, std::string> environment = launch.environment;
  environment.emplace("PATH", kDefaultPath);
  environment.emplace("HOME", paths.work);
  environment.emplace("TMPDIR", paths.work);
  environment["HELIOTROPE_CHECKPOINT_DIR"] = paths.checkpoint;
  environment["HELIOTROPE_OUTPUT_DIR"] = paths.output;
  environment[kMarkVariable] = mark;
  return environment;
}

// Parses as the shim will, so that what it would refuse is refused here with a reason.
absl::Status CheckLaunch(std::string text) {
  auto parsed = std::make_unique<shim::Launch>();
  const char* error = shim::ParseLaunch(text.data(), text.size(), parsed.get());
  if (error == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("cannot be started: ", error));
}

absl::StatusOr<std::string> ReadRecord(const std::string& path) {
  return os::ReadFile(path, shim::kRecordBytesMax);
}

absl::Status NotWhole(const std::string& path) {
  return absl::DataLossError(absl::StrCat("\"", path, "\" is not a whole record"));
}

absl::Status OfAnother(const std::string& path, uint64_t incarnation) {
  return absl::NotFoundError(absl::StrCat("\"", path, "\" is of process ", incarnation));
}

absl::Status RemoveRecord(const AttemptPaths& paths, const char* name) {
  const std::string path = absl::StrCat(paths.root, "/", name);
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return os::FileError(errno, "remove", path);
}

AttemptEnd::Kind KindOf(shim::ExitKind kind) {
  switch (kind) {
    case shim::ExitKind::kExited:
      return AttemptEnd::Kind::kExited;
    case shim::ExitKind::kSignaled:
      return AttemptEnd::Kind::kSignaled;
    case shim::ExitKind::kFailedToStart:
      return AttemptEnd::Kind::kFailedToStart;
  }
  return AttemptEnd::Kind::kLost;
}

struct flock WholeFile() {
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return whole;
}

}  // namespace

absl::StatusOr<std::string> LaunchText(const AttemptLaunch& launch, const AttemptPaths& paths,
                                       const LaunchPlace& place) {
  shim::LaunchWriter writer;
  for (const std::string& argument : launch.command) writer.Text("arg", argument);
  for (const auto& [name, value] : Environment(launch, paths, place.mark)) {
    if (name.empty() || absl::StrContains(name, '=')) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\" is not the name of an environment variable"));
    }
    writer.Text("env", absl::StrCat(name, "=", value));
  }
  writer.Text("cwd", launch.working_directory.empty() ? paths.work : launch.working_directory);
  if (launch.user.has_value()) {
    writer.Number("uid", launch.user->uid).Number("gid", launch.user->gid);
    for (const gid_t group : launch.user->groups) writer.Number("group", group);
    // A batch job has no business becoming somebody else.
    writer.Number("no_new_privileges", 1);
  }
  writer.Text("cgroup", place.cgroup).Text("lease", place.lease);
  writer.Number("stop_signal", launch.checkpoint_signal);
  writer.Number("checkpoint_exit_code", launch.checkpoint_exit_code);
  writer.Number("grace_ms", absl::ToInt64Milliseconds(launch.grace));
  writer.Number("stop_grace_ms", absl::ToInt64Milliseconds(launch.stop_grace));
  writer.Number("kill_margin_ms", absl::ToInt64Milliseconds(place.kill_margin));
  writer.Number("log_bytes",
                std::max<int64_t>(1, launch.log_size / Bytes::FromBytes(1) / (kRotatedLogs + 1)));
  writer.Number("log_files", kRotatedLogs).Number("umask", 022).Number("nice", place.nice);
  writer.Number("idle_scheduling", place.idle_scheduling ? 1 : 0);
  writer.Number("oom_score_adj", place.oom_score_adj);
  writer.Number("durable_exit", place.durable_exit ? 1 : 0);
  writer.Number("incarnation", static_cast<int64_t>(place.incarnation));
  std::string text = writer.Finish();
  HT_RETURN_IF_ERROR(CheckLaunch(text));
  return text;
}

absl::StatusOr<LaunchFacts> ReadLaunchFacts(const AttemptPaths& paths) {
  std::string path = absl::StrCat(paths.root, "/", shim::kLaunchFile);
  auto text = os::ReadFile(path, shim::kLaunchBytesMax);
  if (absl::IsNotFound(text.status())) {
    path = absl::StrCat(paths.root, "/", kVoidedLaunch);
    text = os::ReadFile(path, shim::kLaunchBytesMax);
  }
  HT_RETURN_IF_ERROR(text.status());
  auto launch = std::make_unique<shim::Launch>();
  const char* error = shim::ParseLaunch(text->data(), text->size(), launch.get());
  if (error != nullptr) return absl::DataLossError(absl::StrCat("\"", path, "\": ", error));
  LaunchFacts facts{.cgroup = launch->cgroup,
                    .mark = "",
                    .incarnation = static_cast<uint32_t>(launch->incarnation)};
  const std::string prefix = absl::StrCat(kMarkVariable, "=");
  for (size_t i = 0; i < launch->envc; ++i) {
    if (absl::StartsWith(launch->env[i], prefix)) facts.mark = launch->env[i] + prefix.size();
  }
  return facts;
}

absl::Status WriteLaunch(const AttemptPaths& paths, absl::string_view text, uint32_t incarnation) {
  // A record that claims to be of the process that is only being started.
  if (ReadExitRecord(paths, incarnation).ok()) {
    HT_RETURN_IF_ERROR(RemoveRecord(paths, shim::kExitFile));
  }
  if (ReadStatusRecord(paths, incarnation).ok()) {
    HT_RETURN_IF_ERROR(RemoveRecord(paths, shim::kStatusFile));
  }
  HT_RETURN_IF_ERROR(os::WriteFileAtomically(absl::StrCat(paths.root, "/", shim::kLaunchFile), text,
                                             {.mode = 0600, .sync = false}));
  HT_RETURN_IF_ERROR(RemoveRecord(paths, shim::kExitFile));
  return RemoveRecord(paths, shim::kStatusFile);
}

absl::Status SyncExitRecord(const AttemptPaths& paths) {
  const std::string path = absl::StrCat(paths.root, "/", shim::kExitFile);
  HT_ASSIGN_OR_RETURN(const os::UniqueFd fd, os::OpenFile(path, O_RDONLY | O_NOFOLLOW));
  if (fsync(fd.get()) != 0) return os::FileError(errno, "sync", path);
  return os::SyncDirectory(paths.root);
}

absl::StatusOr<AttemptEnd> ReadExitRecord(const AttemptPaths& paths, uint32_t incarnation) {
  const std::string path = absl::StrCat(paths.root, "/", shim::kExitFile);
  HT_ASSIGN_OR_RETURN(const std::string text, ReadRecord(path));
  shim::ExitRecord record{};
  if (!shim::ParseExit(text.data(), text.size(), &record)) return NotWhole(path);
  if (record.incarnation != incarnation) return OfAnother(path, record.incarnation);
  return AttemptEnd{
      .kind = KindOf(record.kind),
      .incarnation = incarnation,
      .exit_code = record.code,
      .signal = record.signal,
      .stop_cause = record.stop_cause,
      .grace_exceeded = record.grace_exceeded,
      .checkpointed = record.checkpointed,
      .start_time =
          record.started_ns == 0 ? absl::InfinitePast() : absl::FromUnixNanos(record.started_ns),
      .end_time = absl::FromUnixNanos(record.ended_ns),
      .user_cpu = absl::Microseconds(record.user_us),
      .system_cpu = absl::Microseconds(record.system_us),
      .max_memory = Bytes::FromBytes(record.max_rss_bytes),
      .log_lost = Bytes::FromBytes(record.log_lost_bytes),
      .error = record.error,
  };
}

absl::StatusOr<shim::StatusRecord> ReadStatusRecord(const AttemptPaths& paths,
                                                    uint32_t incarnation) {
  const std::string path = absl::StrCat(paths.root, "/", shim::kStatusFile);
  HT_ASSIGN_OR_RETURN(const std::string text, ReadRecord(path));
  shim::StatusRecord record{};
  if (!shim::ParseStatus(text.data(), text.size(), &record)) return NotWhole(path);
  if (record.incarnation != incarnation) return OfAnother(path, record.incarnation);
  return record;
}

absl::StatusOr<LaunchLock> LaunchLock::Open(const AttemptPaths& paths) {
  HT_ASSIGN_OR_RETURN(
      os::UniqueFd fd,
      os::OpenFile(absl::StrCat(paths.root, "/", shim::kLaunchFile), O_RDWR | O_NOFOLLOW));
  return LaunchLock(std::move(fd));
}

pid_t LaunchLock::Holder() const {
  struct flock whole = WholeFile();
  if (fcntl(fd_.get(), F_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return 0;
  return whole.l_pid;
}

bool LaunchLock::Take() const {
  struct flock whole = WholeFile();
  return fcntl(fd_.get(), F_SETLK, &whole) == 0;
}

absl::Status LaunchLock::Void(const AttemptPaths& paths) const {
  const std::string from = absl::StrCat(paths.root, "/", shim::kLaunchFile);
  const std::string to = absl::StrCat(paths.root, "/", kVoidedLaunch);
  if (rename(from.c_str(), to.c_str()) != 0) return os::FileError(errno, "rename", from);
  return absl::OkStatus();
}

}  // namespace heliotrope::agent::exec
