// What a daemon tells systemd about itself, sd_notify(3). Without systemd each does nothing.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heliotrope::os {

// Recovered and listening; also the end of a reload.
void NotifyReady();
void NotifyReloading();
void NotifyStopping();
// One line for `systemctl status`.
void NotifyStatus(absl::string_view text);
// From the loop whose being stuck must be seen, at least twice per WatchdogInterval().
void NotifyWatchdog();
// Still starting or stopping: another `more` from now before systemd gives up.
void NotifyExtendTimeout(absl::Duration more);

// How long the watchdog lets pass without NotifyWatchdog; nullopt when it is off.
std::optional<absl::Duration> WatchdogInterval();

}  // namespace heliotrope::os
