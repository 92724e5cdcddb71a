#include "scheduler/os/notify.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace heliotrope::os {
namespace {

// Failure is nobody's loss: systemd acts on silence by itself.
void Notify(const std::string& state) { (void)sd_notify(0, state.c_str()); }

}  // namespace

void NotifyReady() { Notify("READY=1"); }
void NotifyReloading() { Notify("RELOADING=1"); }
void NotifyStopping() { Notify("STOPPING=1"); }
void NotifyWatchdog() { Notify("WATCHDOG=1"); }

void NotifyStatus(absl::string_view text) {
  std::string line = absl::StrCat("STATUS=", text);
  // A new line would begin another assignment.
  std::replace(line.begin(), line.end(), '\n', ' ');
  Notify(line);
}

void NotifyExtendTimeout(absl::Duration more) {
  Notify(absl::StrCat("EXTEND_TIMEOUT_USEC=", absl::ToInt64Microseconds(more)));
}

std::optional<absl::Duration> WatchdogInterval() {
  uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return absl::Microseconds(static_cast<int64_t>(microseconds));
}

}  // namespace heliotrope::os
