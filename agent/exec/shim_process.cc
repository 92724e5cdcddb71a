#include "agent/exec/shim_process.h"

#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/shim/proc_stat.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"

namespace heliotrope::agent::exec {
namespace {

absl::StatusOr<os::UniqueFd> OpenPidfd(pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot watch process ", pid));
  return os::UniqueFd(fd);
}

// A pid means something only together with its start time and the boot.
bool NamesProcess(const shim::StatusRecord& status, pid_t pid) {
  shim::ProcStat stat{};
  return status.shim_pid == pid && IsOfThisBoot(status) && shim::ReadProcStat(pid, &stat) &&
         stat.start_ticks == status.shim_start_ticks;
}

}  // namespace

bool IsOfThisBoot(const shim::StatusRecord& status) {
  char boot_id[shim::kBootIdBytes];
  shim::ReadBootId(boot_id);
  return boot_id[0] != '\0' && strcmp(status.boot_id, boot_id) == 0;
}

absl::StatusOr<ShimProcess> SpawnShim(const std::string& shim, const std::string& directory,
                                      int null_fd) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t files;
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_init(&files);
  const auto cleanup = absl::MakeCleanup([&] {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
  });
  sigset_t all;
  sigfillset(&all);
  // Blocked: what we wish of it before it listens then waits for it.
  posix_spawnattr_setsigmask(&attributes, &all);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  for (int fd = 0; fd <= 2; ++fd) posix_spawn_file_actions_adddup2(&files, null_fd, fd);
  char* argv[] = {const_cast<char*>(shim.c_str()), const_cast<char*>(directory.c_str()), nullptr};
  char* environment[] = {nullptr};
  ShimProcess process;
  const int error = posix_spawn(&process.pid, shim.c_str(), &files, &attributes, argv, environment);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("cannot start \"", shim, "\""));
  auto pidfd = OpenPidfd(process.pid);
  if (!pidfd.ok()) {
    // Not to be left unwatched; it is our child and not reaped, so the pid is still its own.
    kill(process.pid, SIGKILL);
    waitpid(process.pid, nullptr, 0);
    return pidfd.status();
  }
  process.pidfd = *std::move(pidfd);
  return process;
}

std::string ReapShim(int pidfd) {
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0) {
    return "is gone";
  }
  return absl::StrCat(info.si_code == CLD_EXITED ? "exited with " : "was killed by signal ",
                      info.si_status);
}

absl::StatusOr<ShimProcess> FindHolder(const LaunchLock& lock) {
  const pid_t holder = lock.Holder();
  if (holder == 0) return absl::NotFoundError("no shim");
  auto pidfd = OpenPidfd(holder);
  // Still the holder after it was pinned: so the pidfd is of the process that has the lock.
  if (lock.Holder() != holder) return absl::NotFoundError("the shim ended just now");
  HT_RETURN_IF_ERROR(pidfd.status());
  return ShimProcess{.pid = holder, .pidfd = *std::move(pidfd)};
}

absl::StatusOr<ShimProcess> FindShim(const AttemptPaths& paths, const LaunchLock& lock,
                                     uint32_t incarnation) {
  HT_ASSIGN_OR_RETURN(ShimProcess shim, FindHolder(lock));
  const auto status = ReadStatusRecord(paths, incarnation);
  // Without a record yet it is only just starting; a damaged one does not contradict the kernel.
  if (absl::IsNotFound(status.status()) || absl::IsDataLoss(status.status())) return shim;
  HT_RETURN_IF_ERROR(status.status());
  if (!NamesProcess(*status, shim.pid)) {
    return PreconditionFailed(
        "STATUS_MISMATCH", absl::StrCat("process ", shim.pid, " holds the launch of \"", paths.root,
                                        "\", but the status there names process ", status->shim_pid,
                                        ": neither is touched, its lease will end it"));
  }
  return shim;
}

}  // namespace heliotrope::agent::exec
