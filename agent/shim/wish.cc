#include "agent/shim/wish.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace heliotrope::agent::shim {
namespace {

int WishSignal() { return SIGRTMIN + 1; }

}  // namespace

bool SendWish(int shim_pidfd, Wish wish) {
  siginfo_t info{};
  info.si_signo = WishSignal();
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_int = static_cast<int>(wish);
  return syscall(SYS_pidfd_send_signal, shim_pidfd, info.si_signo, &info, 0) == 0;
}

bool ReadWish(const signalfd_siginfo& info, Wish* wish) {
  if (static_cast<int>(info.ssi_signo) != WishSignal() || info.ssi_code != SI_QUEUE) return false;
  if (info.ssi_int < 0 || info.ssi_int > static_cast<int>(Wish::kKill)) return false;
  *wish = static_cast<Wish>(info.ssi_int);
  return true;
}

}  // namespace heliotrope::agent::shim
