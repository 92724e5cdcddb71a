#include "agent/exec/leftovers.h"

#include <poll.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/exec/attempt_files.h"
#include "agent/exec/cgroup_tree.h"
#include "agent/exec/process_usage.h"
#include "agent/exec/shim_process.h"
#include "agent/shim/wish.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/status_macros.h"
#include "scheduler/os/log.h"

namespace heliotrope::agent::exec {
namespace {

// Of what was killed only what the kernel itself cannot end takes longer.
constexpr int kKilledMs = 10'000;
constexpr int kLookEveryMs = 20;

absl::Status StillLives(absl::string_view what) {
  return PreconditionFailed(
      "DAMAGED_AND_LIVE", absl::StrCat(what, " was killed and has not ended in ", kKilledMs / 1000,
                                       " s: see what it waits for"));
}

// By the kernel's word alone: who has the launch is a shim, whatever is in its files. OK when
// nobody has it any more.
absl::Status EndHolder(const AttemptPaths& paths) {
  const auto lock = LaunchLock::Open(paths);
  // Voided: no shim can have it.
  if (absl::IsNotFound(lock.status())) return absl::OkStatus();
  HT_RETURN_IF_ERROR(lock.status());
  const auto shim = FindHolder(*lock);
  if (absl::IsNotFound(shim.status())) return absl::OkStatus();
  HT_RETURN_IF_ERROR(shim.status());
  if (!shim::SendWish(shim->pidfd.get(), shim::Wish::kKill) && errno != ESRCH) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot signal process ", shim->pid));
  }
  pollfd ended{.fd = shim->pidfd.get(), .events = POLLIN, .revents = 0};
  while (poll(&ended, 1, kKilledMs) < 0 && errno == EINTR) {
  }
  if (ended.revents != 0) return absl::OkStatus();
  return StillLives(absl::StrCat("the job of process ", shim->pid));
}

}  // namespace

bool CleanOnce(const std::string& cgroup, const std::string& mark) {
  if (cgroup.empty()) return KillMarked(mark) == 0;
  if (RemoveCgroup(cgroup).ok()) return true;
  // Removed at the next look, when what was killed is gone.
  if (const absl::Status killed = KillCgroup(cgroup); !killed.ok()) {
    os::LogWarning("cgroup not killed", {{"cgroup", cgroup}, {"error", killed}});
  }
  return false;
}

absl::Status EndDamaged(const AttemptPaths& paths, const std::string& cgroup,
                        const absl::Status& damaged) {
  if (!absl::IsDataLoss(damaged)) return damaged;
  HT_RETURN_IF_ERROR(EndHolder(paths), damaged.message());
  // Without one, what a dead shim has left cannot be found: its mark was in the damaged file.
  if (cgroup.empty()) return damaged;
  for (int i = 0; i < kKilledMs / kLookEveryMs; ++i) {
    if (CleanOnce(cgroup, "")) return damaged;
    absl::SleepFor(absl::Milliseconds(kLookEveryMs));
  }
  return StillLives(absl::StrCat(damaged.message(), ", and what is in \"", cgroup, "\""));
}

}  // namespace heliotrope::agent::exec
