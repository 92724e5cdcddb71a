#include "scheduler/os/signals.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>

#include "scheduler/base/check.h"
#include "scheduler/os/clock.h"

namespace heliotrope::os {
namespace {

sigset_t OurSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = OurSignals();
  HT_CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, nullptr), 0);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  HT_CHECK_EQ(sigaction(SIGPIPE, &ignore, nullptr), 0);
}

void UnblockSignals() {
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(SIGPIPE, &usual, nullptr);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

std::optional<int> WaitForSignal(absl::Duration timeout) {
  const sigset_t set = OurSignals();
  const absl::Duration end = Boottime() + timeout;
  while (true) {
    // The kernel takes a bounded time at once; a long wait is several.
    const absl::Duration left =
        std::clamp(end - Boottime(), absl::ZeroDuration(), absl::Duration(absl::Hours(1)));
    const timespec wait = absl::ToTimespec(left);
    const int number = sigtimedwait(&set, nullptr, &wait);
    if (number > 0) return number;
    HT_CHECK(errno == EAGAIN || errno == EINTR);
    if (Boottime() >= end) return std::nullopt;
  }
}

}  // namespace heliotrope::os
