#include "agent/shim/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/shim/files.h"
#include "agent/shim/proc_stat.h"
#include "agent/shim/process_tree.h"
#include "agent/shim/wish.h"

namespace heliotrope::agent::shim {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
// A lease file without a deadline is looked at again after this; attempts are started under a
// lease, so this happens only when somebody tries the shim by hand.
constexpr int64_t kNoLeaseLookNs = 5'000 * kMillisecond;
// Between kills of a tree that forks while it is killed.
constexpr int64_t kFirstRetryNs = 20 * kMillisecond;
constexpr int64_t kLastRetryNs = 1'000 * kMillisecond;
// A full disk must not lose an outcome at once: the record is tried again this often, once a
// second.
constexpr int kExitRecordTries = 600;

bool WriteAt(int dir_fd, const char* name, const char* text) {
  const int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool done = write(fd, text, strlen(text)) > 0;
  close(fd);
  return done;
}

// The number after "NAME " at the beginning of a line, or -1.
int64_t FindNumber(const char* text, const char* name) {
  const size_t length = strlen(name);
  for (const char* line = text; line != nullptr && *line != '\0';) {
    if (strncmp(line, name, length) == 0 && line[length] == ' ') {
      return strtoll(line + length, nullptr, 10);
    }
    line = strchr(line, '\n');
    if (line != nullptr) ++line;
  }
  return -1;
}

int64_t Microseconds(const timeval& time) {
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

}  // namespace

bool Supervisor::Supervise() {
  exit_.incarnation = launch_.incarnation;
  exit_.kind = ExitKind::kFailedToStart;
  if (Prepare() && StartJob()) Loop();
  exit_.ended_ns = WallTimeNs();
  stdout_.Drain();
  stderr_.Drain();
  return WriteExit();
}

bool Supervisor::Prepare() {
  sigset_t all;
  sigfillset(&all);
  signal_fd_ = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
  timer_fd_ = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
  if (signal_fd_ < 0 || timer_fd_ < 0) return Fail("signalfd or timerfd", errno), false;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return Fail("subreaper", errno), false;
  if (launch_.cgroup[0] != '\0') {
    cgroup_fd_ = open(launch_.cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup_fd_ < 0) return Fail(launch_.cgroup, errno), false;
  }
  if (launch_.lease[0] != '\0' && !lease_.Map(launch_.lease, MappedLease::Access::kRead)) {
    return Fail(launch_.lease, errno), false;
  }
  // What was wished before we were here, and a lease that is over, come before the first process.
  HandleSignals();
  HandleTime();
  if (phase_ != Phase::kRunning) return Fail("stopped before the start", 0), false;
  return true;
}

bool Supervisor::StartJob() {
  SpawnError error;
  const SpawnedJob job = SpawnJob(launch_, cgroup_fd_, &error);
  if (job.pid < 0) return Fail(error.step, error.error), false;
  job_pid_ = job.pid;
  error_fd_ = job.error_fd;
  exit_.started_ns = WallTimeNs();
  const LogStream::Options log{.dir_fd = dir_fd_,
                               .name = kStdoutLog,
                               .file_bytes = launch_.log_bytes,
                               .rotated_files = launch_.log_files};
  stdout_.Start(log, job.stdout_fd);
  LogStream::Options error_log = log;
  error_log.name = kStderrLog;
  stderr_.Start(error_log, job.stderr_fd);
  // Without it a restarted agent could not find us. It would rightly take the attempt for lost.
  if (!WriteStatus()) {
    Fail("status", errno);
    BeginKill();
  }
  return true;
}

void Supervisor::Loop() {
  if (frozen_) SetFrozen(true);
  while (!main_done_ || !tree_done_) Turn();
  ReadSpawnError();
}

void Supervisor::Turn() {
  ArmTimer();
  // A negative fd is left out by poll().
  pollfd fds[] = {{.fd = signal_fd_, .events = POLLIN, .revents = 0},
                  {.fd = timer_fd_, .events = POLLIN, .revents = 0},
                  {.fd = error_fd_, .events = POLLIN, .revents = 0},
                  {.fd = stdout_.fd(), .events = POLLIN, .revents = 0},
                  {.fd = stderr_.fd(), .events = POLLIN, .revents = 0}};
  if (poll(fds, 5, -1) < 0) return;
  if (fds[0].revents != 0) HandleSignals();
  if (fds[1].revents != 0) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(timer_fd_, &count, sizeof(count));
    armed_ns_ = 0;
  }
  if (fds[2].revents != 0) ReadSpawnError();
  if (fds[3].revents != 0) stdout_.Pump();
  if (fds[4].revents != 0) stderr_.Pump();
  HandleTime();
}

void Supervisor::HandleSignals() {
  signalfd_siginfo info;
  while (read(signal_fd_, &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    switch (info.ssi_signo) {
      case SIGCHLD:
        Reap();
        break;
      case SIGTERM:
        // The machine shuts down, or somebody means the job and hits us: it may save.
        Leave(StopCause::kLeaveRequested);
        break;
      default:
        Wish wish = Wish::kRun;
        if (ReadWish(info, &wish)) Obey(wish);
        break;
    }
  }
}

void Supervisor::Reap() {
  while (true) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid > 0 && pid == job_pid_) {
      main_done_ = true;
      main_status_ = status;
    }
    if (pid > 0) continue;
    tree_done_ = pid < 0 && errno == ECHILD;
    break;
  }
  // What a job leaves behind must neither use the machine nor write into its directories.
  if (main_done_ && !tree_done_) BeginKill();
}

void Supervisor::ReadSpawnError() {
  if (error_fd_ < 0) return;
  SpawnError error;
  const ssize_t got = read(error_fd_, &error, sizeof(error));
  if (got < 0 && errno == EAGAIN) return;
  close(error_fd_);
  error_fd_ = -1;
  if (got == static_cast<ssize_t>(sizeof(error))) Fail(error.step, error.error);
}

void Supervisor::Obey(Wish wish) {
  switch (wish) {
    case Wish::kRun:
    case Wish::kFreeze:
      // What has been asked to leave must be able to.
      if (phase_ == Phase::kRunning) SetFrozen(wish == Wish::kFreeze);
      return;
    case Wish::kLeave:
      return Leave(StopCause::kLeaveRequested);
    case Wish::kStop:
      return Stop();
    case Wish::kKill:
      if (phase_ != Phase::kKilling) exit_.stop_cause = StopCause::kKillRequested;
      return BeginKill();
  }
}

void Supervisor::SetFrozen(bool frozen) {
  const bool thaws = frozen_ && !frozen;
  frozen_ = frozen;
  if (job_pid_ < 0) return;
  if (cgroup_fd_ >= 0) {
    WriteAt(cgroup_fd_, "cgroup.freeze", frozen ? "1" : "0");
    return;
  }
  if (!frozen && !thaws) return;
  // Twice, for what was forked during the first walk; what is stopped does not fork any more.
  SignalDescendants(getpid(), frozen ? SIGSTOP : SIGCONT);
  SignalDescendants(getpid(), frozen ? SIGSTOP : SIGCONT);
}

void Supervisor::Leave(StopCause cause) {
  if (phase_ >= Phase::kLeaving) return;
  SetFrozen(false);  // A frozen process does not handle its signal.
  phase_ = Phase::kLeaving;
  exit_.stop_cause = cause;
  kill_at_ns_ = BootTimeNs() + launch_.grace_ms * kMillisecond;
  // The main process alone: a checkpoint is the work of one that may need its children for it.
  if (job_pid_ > 0 && !main_done_) kill(job_pid_, launch_.stop_signal);
}

void Supervisor::Stop() {
  if (phase_ >= Phase::kStopping) return;
  SetFrozen(false);
  phase_ = Phase::kStopping;
  exit_.stop_cause = StopCause::kStopRequested;
  const int64_t kill_at = BootTimeNs() + launch_.stop_grace_ms * kMillisecond;
  if (kill_at < kill_at_ns_) kill_at_ns_ = kill_at;
  if (job_pid_ > 0) SignalDescendants(getpid(), SIGTERM);
}

void Supervisor::BeginKill() {
  if (phase_ == Phase::kKilling) return;
  phase_ = Phase::kKilling;
  retry_after_ns_ = kFirstRetryNs;
  KillTree();
}

void Supervisor::KillTree() {
  retry_at_ns_ = BootTimeNs() + retry_after_ns_;
  retry_after_ns_ = retry_after_ns_ * 2 < kLastRetryNs ? retry_after_ns_ * 2 : kLastRetryNs;
  if (job_pid_ > 0 && !main_done_) kill(job_pid_, SIGKILL);
  // The walk finds what left the cgroup, which takes privileges, and what an old kernel without
  // cgroup.kill (5.14) leaves alive; that is worth it only if the first kill was not enough.
  const bool killed = cgroup_fd_ >= 0 && WriteAt(cgroup_fd_, "cgroup.kill", "1");
  if (!killed || retry_after_ns_ > 2 * kFirstRetryNs) SignalDescendants(getpid(), SIGKILL);
}

void Supervisor::HandleTime() {
  const int64_t now = BootTimeNs();
  if (lease_.mapped() && lease_.deadline_ns() != kNoLease) {
    const int64_t last = lease_.deadline_ns() - launch_.kill_margin_ms * kMillisecond;
    if (now >= last - launch_.grace_ms * kMillisecond) Leave(StopCause::kLeaseExpired);
    if (now >= last && kill_at_ns_ > now) kill_at_ns_ = now;
  }
  if (phase_ == Phase::kKilling) {
    if (now >= retry_at_ns_) KillTree();
    return;
  }
  if (now < kill_at_ns_) return;
  exit_.grace_exceeded = job_pid_ > 0 && !main_done_;
  BeginKill();
}

int64_t Supervisor::NextWake() const {
  if (phase_ == Phase::kKilling) return retry_at_ns_;
  if (!lease_.mapped()) return kill_at_ns_;
  if (lease_.deadline_ns() == kNoLease) {
    const int64_t look = BootTimeNs() + kNoLeaseLookNs;
    return look < kill_at_ns_ ? look : kill_at_ns_;
  }
  const int64_t last = lease_.deadline_ns() - launch_.kill_margin_ms * kMillisecond;
  const int64_t wake = phase_ == Phase::kRunning ? last - launch_.grace_ms * kMillisecond : last;
  return wake < kill_at_ns_ ? wake : kill_at_ns_;
}

void Supervisor::ArmTimer() {
  const int64_t wake = NextWake();
  // An earlier alarm does no harm: then the deadline is read again. So a lease that is extended
  // costs a system call per alarm, not per turn.
  if (wake == INT64_MAX || (armed_ns_ != 0 && armed_ns_ <= wake)) return;
  const int64_t at = wake > 1 ? wake : 1;  // Zero would disarm.
  const itimerspec alarm{.it_interval = {},
                         .it_value = {.tv_sec = at / 1'000'000'000, .tv_nsec = at % 1'000'000'000}};
  timerfd_settime(timer_fd_, TFD_TIMER_ABSTIME, &alarm, nullptr);
  armed_ns_ = at;
}

void Supervisor::Fail(const char* step, int error) {
  exit_.kind = ExitKind::kFailedToStart;
  const bool names_program = strcmp(step, "exec") == 0;
  const bool names_directory = strcmp(step, "chdir") == 0;
  const char* object = names_program     ? launch_.argv[0]
                       : names_directory ? launch_.working_directory
                                         : "";
  snprintf(exit_.error, sizeof(exit_.error), "%s%s%.300s%s%s", step, *object == '\0' ? "" : " ",
           object, error == 0 ? "" : ": ", error == 0 ? "" : strerror(error));
}

bool Supervisor::WriteStatus() {
  StatusRecord status{};
  status.incarnation = launch_.incarnation;
  ReadBootId(status.boot_id);
  ProcStat shim{};
  ProcStat job{};
  status.shim_pid = getpid();
  status.job_pid = job_pid_;
  // Neither can be missing: we are alive, and the job, dead or not, is not reaped yet.
  if (!ReadProcStat(status.shim_pid, &shim) || !ReadProcStat(job_pid_, &job)) return false;
  status.shim_start_ticks = shim.start_ticks;
  status.job_start_ticks = job.start_ticks;
  status.started_ns = exit_.started_ns;
  char text[kRecordBytesMax];
  const size_t size = FormatStatus(status, text);
  return ReplaceFile(dir_fd_, kStatusFile, {text, size, Durability::kNone});
}

bool Supervisor::WriteExit() {
  if (main_done_ && exit_.error[0] == '\0') {
    exit_.kind = WIFSIGNALED(main_status_) ? ExitKind::kSignaled : ExitKind::kExited;
    exit_.code = WIFEXITED(main_status_) ? WEXITSTATUS(main_status_) : 0;
    exit_.signal = WIFSIGNALED(main_status_) ? WTERMSIG(main_status_) : 0;
    exit_.checkpointed =
        exit_.kind == ExitKind::kExited && exit_.code == launch_.checkpoint_exit_code;
  }
  exit_.log_lost_bytes = stdout_.lost_bytes() + stderr_.lost_bytes();
  CollectUsage(&exit_);
  char text[kRecordBytesMax];
  const size_t size = FormatExit(exit_, text);
  const Durability durability = launch_.durable_exit ? Durability::kSync : Durability::kNone;
  for (int i = 0; i < kExitRecordTries; ++i) {
    if (ReplaceFile(dir_fd_, kExitFile, {text, size, durability})) return true;
    sleep(1);
  }
  return false;
}

void Supervisor::CollectUsage(ExitRecord* record) const {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  record->user_us = Microseconds(usage.ru_utime);
  record->system_us = Microseconds(usage.ru_stime);
  record->max_rss_bytes = int64_t{usage.ru_maxrss} * 1024;
  if (cgroup_fd_ < 0) return;
  // The cgroup also counts children that nobody has waited for.
  char text[1024];
  if (ReadSmallFile(cgroup_fd_, "cpu.stat", text, sizeof(text)) > 0) {
    const int64_t user = FindNumber(text, "user_usec");
    const int64_t system = FindNumber(text, "system_usec");
    if (user >= 0 && system >= 0) record->user_us = user, record->system_us = system;
  }
  if (ReadSmallFile(cgroup_fd_, "memory.peak", text, sizeof(text)) > 0) {
    const int64_t peak = strtoll(text, nullptr, 10);
    if (peak > 0) record->max_rss_bytes = peak;
  }
}

}  // namespace heliotrope::agent::shim
