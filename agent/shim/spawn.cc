#include "agent/shim/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace heliotrope::agent::shim {
namespace {

constexpr char kDefaultPath[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr size_t kPathMax = 4096;

struct Pipe {
  int read_fd = -1;
  int write_fd = -1;
};

bool Open(Pipe* made) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  // Only our end: a job that finds its own standard output non-blocking would lose output.
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  *made = {.read_fd = ends[0], .write_fd = ends[1]};
  return true;
}

void Close(Pipe* pipe) {
  if (pipe->read_fd >= 0) close(pipe->read_fd);
  if (pipe->write_fd >= 0) close(pipe->write_fd);
  *pipe = {};
}

// Everything below Child* happens in the job's process before exec.
[[noreturn]] void ChildFail(int error_fd, const char* step) {
  SpawnError failed{};
  failed.error = errno;
  snprintf(failed.step, sizeof(failed.step), "%s", step);
  [[maybe_unused]] const ssize_t put = write(error_fd, &failed, sizeof(failed));
  _exit(127);
}

// Best effort: files of /proc that may be missing or not ours to write.
void ChildWriteNumber(const char* path, int number) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  char text[16];
  const int length = snprintf(text, sizeof(text), "%d", number);
  [[maybe_unused]] const ssize_t put = write(fd, text, static_cast<size_t>(length));
  close(fd);
}

// Politeness that some systems refuse: the job works without.
void ChildLowerPriorities(const Launch& launch) {
  ChildWriteNumber("/proc/self/oom_score_adj", launch.oom_score_adj);
  // A session is a scheduling group of its own (autogroup): nice alone then only orders the job's
  // processes among themselves.
  ChildWriteNumber("/proc/self/autogroup", launch.nice);
  setpriority(PRIO_PROCESS, 0, launch.nice);
  if (launch.idle_scheduling) {
    const sched_param none{};
    sched_setscheduler(0, SCHED_IDLE, &none);
  }
}

void ChildJoinCgroup(int cgroup_fd, int error_fd) {
  const int procs = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write(procs, "0", 1) != 1) ChildFail(error_fd, "cgroup.procs");
  close(procs);
}

void ChildChangeUser(const Launch& launch, int error_fd) {
  if (launch.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    ChildFail(error_fd, "no_new_privileges");
  }
  if (!launch.change_user) return;
  if (setgroups(launch.group_count, launch.groups) != 0) ChildFail(error_fd, "setgroups");
  if (setresgid(launch.gid, launch.gid, launch.gid) != 0) ChildFail(error_fd, "setgid");
  if (setresuid(launch.uid, launch.uid, launch.uid) != 0) ChildFail(error_fd, "setuid");
}

void ChildRestoreSignals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  // Real-time signals have no use in which somebody would hand them down ignored.
  for (int signal = 1; signal < 32; ++signal) sigaction(signal, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void ChildExec(const Launch& launch) {
  const char* program = launch.argv[0];
  if (strchr(program, '/') != nullptr) {
    execve(program, launch.argv, launch.env);
    return;
  }
  // The job's own PATH, not the agent's.
  const char* path = kDefaultPath;
  for (size_t i = 0; i < launch.envc; ++i) {
    if (strncmp(launch.env[i], "PATH=", 5) == 0) path = launch.env[i] + 5;
  }
  int error = ENOENT;
  while (true) {
    const char* end = strchrnul(path, ':');
    char candidate[kPathMax];
    const int length = snprintf(candidate, sizeof(candidate), "%.*s/%s",
                                static_cast<int>(end - path), path, program);
    if (end > path && length < static_cast<int>(sizeof(candidate))) {
      execve(candidate, launch.argv, launch.env);
      if (errno != ENOENT && errno != ENOTDIR) error = errno;
    }
    if (*end == '\0') break;
    path = end + 1;
  }
  errno = error;
}

struct ChildFds {
  int cgroup_to_join;  // -1: none, or it is in there already.
  int stdout_fd;
  int stderr_fd;
  int error_fd;
};

[[noreturn]] void ChildMain(const Launch& launch, const ChildFds& fds, pid_t shim) {
  setsid();
  if (fds.cgroup_to_join >= 0) ChildJoinCgroup(fds.cgroup_to_join, fds.error_fd);
  ChildLowerPriorities(launch);
  umask(launch.umask);
  const int null_fd = open("/dev/null", O_RDONLY);
  if (null_fd < 0) ChildFail(fds.error_fd, "/dev/null");
  if (dup2(null_fd, 0) < 0 || dup2(fds.stdout_fd, 1) < 0 || dup2(fds.stderr_fd, 2) < 0) {
    ChildFail(fds.error_fd, "dup2");
  }
  if (null_fd > 2) close(null_fd);
  ChildChangeUser(launch, fds.error_fd);
  // After the change of user, which clears it. If the shim is dead already, nobody would kill us.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != shim) _exit(127);
  // As the job's user, who may not be allowed in there.
  if (chdir(launch.working_directory) != 0) ChildFail(fds.error_fd, "chdir");
  ChildRestoreSignals();
  ChildExec(launch);
  ChildFail(fds.error_fd, "exec");
}

// fork() into a cgroup if the kernel can (5.7), which is much cheaper than moving there afterwards:
// a move waits for an RCU grace period. `*joined` tells whether the child is there.
pid_t Fork(int cgroup_fd, bool* joined) {
  *joined = false;
  if (cgroup_fd >= 0) {
    clone_args arguments{};
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
    const pid_t pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof(arguments)));
    if (pid >= 0) {
      *joined = true;
      return pid;
    }
  }
  return fork();
}

}  // namespace

SpawnedJob SpawnJob(const Launch& launch, int cgroup_fd, SpawnError* error) {
  Pipe out;
  Pipe err;
  Pipe failure;
  *error = {.step = "pipe", .error = 0};
  SpawnedJob job{.pid = -1, .stdout_fd = -1, .stderr_fd = -1, .error_fd = -1};
  if (Open(&out) && Open(&err) && Open(&failure)) {
    strcpy(error->step, "fork");
    const pid_t shim = getpid();
    bool joined = false;
    job.pid = Fork(cgroup_fd, &joined);
    if (job.pid == 0) {
      ChildMain(launch,
                {.cgroup_to_join = joined ? -1 : cgroup_fd,
                 .stdout_fd = out.write_fd,
                 .stderr_fd = err.write_fd,
                 .error_fd = failure.write_fd},
                shim);
    }
  }
  if (job.pid < 0) {
    error->error = errno;
    Close(&out);
    Close(&err);
    Close(&failure);
    return job;
  }
  close(out.write_fd);
  close(err.write_fd);
  close(failure.write_fd);
  job.stdout_fd = out.read_fd;
  job.stderr_fd = err.read_fd;
  job.error_fd = failure.read_fd;
  return job;
}

}  // namespace heliotrope::agent::shim
