// heliotrope-shim ATTEMPT_DIR: runs the one job described by ATTEMPT_DIR/launch, outlives the
// agent, and leaves ATTEMPT_DIR/exit. The agent starts it; README.md says how the two talk.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/shim/launch_format.h"
#include "agent/shim/supervisor.h"

namespace heliotrope::agent::shim {
namespace {

constexpr int kExitDone = 0;
constexpr int kExitUsage = 2;
constexpr int kExitNoLaunch = 70;  // No launch file, not a whole one, or another shim has it.
constexpr int kExitNoRecord = 71;  // The exit record could not be written.

Launch launch;

// Nothing of the agent's leaks into the job: neither its files nor a broken standard stream.
void PrepareProcess() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  int fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= 2) fd = open("/dev/null", O_RDWR);
  syscall(SYS_close_range, 3U, ~0U, 0U);
  // Out of the terminal's foreground. Not a session: each would be a scheduling group of its own,
  // made and destroyed, and nothing of a session reaches a process that has all signals blocked.
  setpgid(0, 0);
}

// Where the agent lets us: to it when it starts us, this is /dev/null, and our exit code says it
// all.
void Complain(const char* directory, const char* why) {
  const char* const words[] = {"heliotrope-shim: ", directory, ": ", why, "\n"};
  for (const char* word : words) {
    [[maybe_unused]] const ssize_t put = write(2, word, strlen(word));
  }
}

// Opens `launch` and locks it for the life of this process. Whoever holds the lock is the only one
// that may start this launch, so an agent that holds it can void a launch (Promise 3).
int LockLaunch(int dir_fd) {
  const int fd = openat(dir_fd, kLaunchFile, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  struct stat opened;
  struct stat named;
  if (fcntl(fd, F_SETLK, &whole) != 0 || fstat(fd, &opened) != 0 ||
      fstatat(dir_fd, kLaunchFile, &named, AT_SYMLINK_NOFOLLOW) != 0) {
    return -1;
  }
  // It was voided, or replaced by the next one, between our open and our lock.
  if (opened.st_ino != named.st_ino || opened.st_dev != named.st_dev) return -1;
  return fd;
}

// Null, or why not.
const char* ReadLaunch(int fd) {
  struct stat info;
  if (fstat(fd, &info) != 0) return strerror(errno);
  if (info.st_size <= 0 || info.st_size > static_cast<off_t>(kLaunchBytesMax)) return "bad size";
  const size_t size = static_cast<size_t>(info.st_size);
  // Private: parsing writes into our copy only.
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return strerror(errno);
  return ParseLaunch(static_cast<char*>(data), size, &launch);
}

int Main(const char* directory) {
  const int dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int launch_fd = dir_fd < 0 ? -1 : LockLaunch(dir_fd);
  if (launch_fd < 0) {
    Complain(directory, "no launch that is ours to start");
    return kExitNoLaunch;
  }
  const char* error = ReadLaunch(launch_fd);
  if (error != nullptr) {
    Complain(directory, error);
    return kExitNoLaunch;
  }
  Supervisor supervisor(dir_fd, launch);
  return supervisor.Supervise() ? kExitDone : kExitNoRecord;
}

}  // namespace
}  // namespace heliotrope::agent::shim

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] == '-') {
    heliotrope::agent::shim::Complain("usage", "heliotrope-shim ATTEMPT_DIR");
    return heliotrope::agent::shim::kExitUsage;
  }
  heliotrope::agent::shim::PrepareProcess();
  return heliotrope::agent::shim::Main(argv[1]);
}
