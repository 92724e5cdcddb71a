// The file `launch` of an attempt's directory: what the agent tells the shim to start, and how.
// Both ends include this header; the shim parses in place, without allocating. This file must not
// know Abseil, because the shim is linked without it.
//
// The format: kLaunchMagic, then fields `NAME LENGTH:BYTES\n` in any order, `arg`, `env` and
// `group` repeatable, and last `end 0:\n`. LENGTH counts BYTES in decimal, so values may hold
// newlines; they may not hold NUL. An unknown name is an error: agent and shim are installed
// together.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace heliotrope::agent::shim {

inline constexpr char kLaunchMagic[] = "heliotrope-launch 1\n";

// Names of files in an attempt's directory that agent and shim share.
inline constexpr char kLaunchFile[] = "launch";
inline constexpr char kStatusFile[] = "status";
inline constexpr char kExitFile[] = "exit";
inline constexpr char kStdoutLog[] = "stdout.log";
inline constexpr char kStderrLog[] = "stderr.log";
// Beside a log that has been rotated: the decimal offset in the stream of the log's first byte.
inline constexpr char kLogBaseSuffix[] = ".base";

// The whole file. Arguments and environment are at most 128 KiB each (base/limits.h).
inline constexpr size_t kLaunchBytesMax = size_t{1} << 20;
inline constexpr size_t kLaunchArgsMax = 1024;
// The job's own 1024 variables and ours.
inline constexpr size_t kLaunchEnvMax = 1024 + 64;
inline constexpr size_t kLaunchGroupsMax = 64;
// Rotated files beside the log itself.
inline constexpr int64_t kLogFilesMax = 100;

// Everything of a launch. Pointers lead into the parsed buffer. Empty text means "none".
struct Launch {
  char* argv[kLaunchArgsMax + 1];  // Null-terminated; at least the program.
  size_t argc;
  char* env[kLaunchEnvMax + 1];  // Null-terminated, "NAME=value" each.
  size_t envc;
  const char* working_directory;  // Absolute.
  // Whether to change to uid, gid and groups; otherwise the job has the shim's own.
  bool change_user;
  uid_t uid;
  gid_t gid;
  gid_t groups[kLaunchGroupsMax];
  size_t group_count;
  // Absolute path of a cgroup v2 directory made for this job alone, or empty: process tree only.
  const char* cgroup;
  // What asks the job to save and leave.
  int stop_signal;
  // From the stop signal to the kill.
  int64_t grace_ms;
  // The same after a stop without checkpoint.
  int64_t stop_grace_ms;
  // Everything is killed this long before the lease's deadline.
  int64_t kill_margin_ms;
  // The job's exit code for "saved, to be continued".
  int checkpoint_exit_code;
  // Size of one log file, and how many rotated ones are kept beside it.
  int64_t log_bytes;
  int64_t log_files;
  // Absolute path of the node's lease file, or empty: no lease.
  const char* lease;
  mode_t umask;
  int nice;
  // SCHED_IDLE: only what nobody else wants of the CPU.
  bool idle_scheduling;
  // The job and its children can never gain privileges, through setuid programs for example.
  bool no_new_privileges;
  // 0 to 1000: how much rather the kernel kills the job than others when memory is short.
  int oom_score_adj;
  // The exit record is on disk, not only written, when the shim ends.
  bool durable_exit;
  // Which start of a process in this attempt this is, from 1: status and exit records repeat it.
  uint64_t incarnation;
};

// Parses `size` bytes at `data`, writing NULs into them, into `launch`, which is overwritten.
// Returns null, or why not, as text without a newline. `data` must outlive `launch`.
const char* ParseLaunch(char* data, size_t size, Launch* launch);

}  // namespace heliotrope::agent::shim
