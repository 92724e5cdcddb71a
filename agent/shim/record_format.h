// The files `status` and `exit` that a shim leaves in its attempt's directory for the agent.
// Shared by both; no Abseil here.
//
// Records are lines `NAME VALUE`, the first naming kind and version, the last `end`: a record that
// was cut short, by a power cut for example, does not parse.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace heliotrope::agent::shim {

// Room for any record.
inline constexpr size_t kRecordBytesMax = 2048;
inline constexpr size_t kErrorTextMax = 512;
// "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and a NUL.
inline constexpr size_t kBootIdBytes = 37;

// Who runs: written when the job's process is there. Together with the boot id a start time tells
// a process from a later one with the same pid.
struct StatusRecord {
  uint64_t incarnation;
  char boot_id[kBootIdBytes];
  pid_t shim_pid;
  uint64_t shim_start_ticks;  // Field 22 of /proc/PID/stat.
  pid_t job_pid;
  uint64_t job_start_ticks;
  int64_t started_ns;  // CLOCK_REALTIME.
};

enum class ExitKind { kExited, kSignaled, kFailedToStart };

// Why the shim ended the job; kNone when it ended by itself. The later ones are the stronger ones.
enum class StopCause { kNone, kLeaseExpired, kLeaveRequested, kStopRequested, kKillRequested };

// How it ended: written when no process of the job is left.
struct ExitRecord {
  uint64_t incarnation;
  ExitKind kind;
  int code;    // Only kExited.
  int signal;  // Only kSignaled.
  StopCause stop_cause;
  bool grace_exceeded;  // The job was asked to end and had to be killed.
  bool checkpointed;    // Exited with its checkpoint code.
  int64_t started_ns;   // CLOCK_REALTIME; 0 when it never started.
  int64_t ended_ns;
  int64_t user_us;  // CPU time of the whole tree.
  int64_t system_us;
  int64_t max_rss_bytes;      // Of the tree if its cgroup knows, else of its largest process.
  int64_t log_lost_bytes;     // Output that could not be written, the disk being full for example.
  char error[kErrorTextMax];  // Only kFailedToStart: what failed and why, one line.
};

const char* ToString(ExitKind kind);
const char* ToString(StopCause cause);

// Into `buffer` of kRecordBytesMax; the length.
size_t FormatStatus(const StatusRecord& record, char* buffer);
size_t FormatExit(const ExitRecord& record, char* buffer);

// False when the text is not a whole record of this version, with each of its fields once and within
// its range; `*record` is then not to be used.
bool ParseStatus(const char* text, size_t size, StatusRecord* record);
bool ParseExit(const char* text, size_t size, ExitRecord* record);

}  // namespace heliotrope::agent::shim
