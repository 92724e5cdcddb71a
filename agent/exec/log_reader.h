// Reads a log that a shim writes and rotates, by its offset in the job's whole output.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "agent/exec/attempt.h"

namespace heliotrope::agent::exec {

enum class LogName { kStdout, kStderr };

struct LogPart {
  // Where `data` begins: as asked, or later when what was asked is rotated away already.
  int64_t offset = 0;
  std::string data;
  // The offset behind the newest byte at that moment.
  int64_t end = 0;
};

// At most `max_bytes` from `offset` on; from that many before the end when `offset` is negative:
// -100 means the last 100 bytes. No data at the end, and for a job that has written nothing.
absl::StatusOr<LogPart> ReadLog(const AttemptPaths& paths, LogName name, int64_t offset,
                                int64_t max_bytes);

}  // namespace heliotrope::agent::exec
