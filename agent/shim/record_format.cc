#include "agent/shim/record_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace heliotrope::agent::shim {
namespace {

constexpr char kStatusHead[] = "heliotrope-status 1";
constexpr char kExitHead[] = "heliotrope-exit 1";

constexpr ExitKind kExitKinds[] = {ExitKind::kExited, ExitKind::kSignaled,
                                   ExitKind::kFailedToStart};
constexpr StopCause kStopCauses[] = {StopCause::kNone, StopCause::kLeaseExpired,
                                     StopCause::kLeaveRequested, StopCause::kStopRequested,
                                     StopCause::kKillRequested};

template <class Enum, size_t N>
bool FindWord(const Enum (&values)[N], const char* word, Enum* found) {
  for (const Enum value : values) {
    if (strcmp(ToString(value), word) != 0) continue;
    *found = value;
    return true;
  }
  return false;
}

// A copy of a record whose lines are taken one by one.
class Lines {
 public:
  Lines(const char* text, size_t size) {
    if (size >= sizeof(copy_)) size = 0;
    if (size > 0) memcpy(copy_, text, size);
    copy_[size] = '\0';
  }

  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  // The next line, or null when there is none that a newline ends.
  char* Next() {
    char* newline = strchr(at_, '\n');
    if (newline == nullptr) return nullptr;
    char* line = at_;
    *newline = '\0';
    at_ = newline + 1;
    return line;
  }

  bool AtEnd() const { return *at_ == '\0'; }

 private:
  char copy_[kRecordBytesMax + 1];
  char* at_ = copy_;
};

bool ToInt(const char* text, int64_t* number) {
  char* end = nullptr;
  *number = strtoll(text, &end, 10);
  return end != text && *end == '\0';
}

// One `NAME VALUE` of a record; false when the value does not fit. Unknown names are left alone.
bool TakeStatusField(const char* name, const char* value, StatusRecord* record) {
  int64_t number = 0;
  if (strcmp(name, "boot") == 0) {
    if (strlen(value) >= sizeof(record->boot_id)) return false;
    strcpy(record->boot_id, value);
    return true;
  }
  if (!ToInt(value, &number) || number < 0) return false;
  if (strcmp(name, "incarnation") == 0) record->incarnation = static_cast<uint64_t>(number);
  if (strcmp(name, "shim_pid") == 0) record->shim_pid = static_cast<pid_t>(number);
  if (strcmp(name, "shim_start") == 0) record->shim_start_ticks = static_cast<uint64_t>(number);
  if (strcmp(name, "job_pid") == 0) record->job_pid = static_cast<pid_t>(number);
  if (strcmp(name, "job_start") == 0) record->job_start_ticks = static_cast<uint64_t>(number);
  if (strcmp(name, "started_ns") == 0) record->started_ns = number;
  return true;
}

bool TakeExitField(const char* name, const char* value, ExitRecord* record) {
  int64_t number = 0;
  if (strcmp(name, "kind") == 0) return FindWord(kExitKinds, value, &record->kind);
  if (strcmp(name, "stop_cause") == 0) return FindWord(kStopCauses, value, &record->stop_cause);
  if (strcmp(name, "error") == 0) {
    snprintf(record->error, sizeof(record->error), "%s", value);
    return true;
  }
  if (!ToInt(value, &number)) return false;
  if (strcmp(name, "incarnation") == 0) record->incarnation = static_cast<uint64_t>(number);
  if (strcmp(name, "code") == 0) record->code = static_cast<int>(number);
  if (strcmp(name, "signal") == 0) record->signal = static_cast<int>(number);
  if (strcmp(name, "grace_exceeded") == 0) record->grace_exceeded = number != 0;
  if (strcmp(name, "checkpointed") == 0) record->checkpointed = number != 0;
  if (strcmp(name, "started_ns") == 0) record->started_ns = number;
  if (strcmp(name, "ended_ns") == 0) record->ended_ns = number;
  if (strcmp(name, "user_us") == 0) record->user_us = number;
  if (strcmp(name, "system_us") == 0) record->system_us = number;
  if (strcmp(name, "max_rss_bytes") == 0) record->max_rss_bytes = number;
  if (strcmp(name, "log_lost_bytes") == 0) record->log_lost_bytes = number;
  return true;
}

template <class Record, class Take>
bool ParseRecord(const char* text, size_t size, const char* head, Record* record, Take take) {
  Lines lines(text, size);
  memset(static_cast<void*>(record), 0, sizeof(*record));
  const char* first = lines.Next();
  if (first == nullptr || strcmp(first, head) != 0) return false;
  while (char* line = lines.Next()) {
    if (strcmp(line, "end") == 0) return lines.AtEnd();
    char* space = strchr(line, ' ');
    if (space == nullptr) return false;
    *space = '\0';
    if (!take(line, space + 1, record)) return false;
  }
  return false;
}

}  // namespace

const char* ToString(ExitKind kind) {
  switch (kind) {
    case ExitKind::kExited:
      return "exited";
    case ExitKind::kSignaled:
      return "signaled";
    case ExitKind::kFailedToStart:
      return "failed-to-start";
  }
  return "?";
}

const char* ToString(StopCause cause) {
  switch (cause) {
    case StopCause::kNone:
      return "none";
    case StopCause::kLeaseExpired:
      return "lease-expired";
    case StopCause::kLeaveRequested:
      return "leave-requested";
    case StopCause::kStopRequested:
      return "stop-requested";
    case StopCause::kKillRequested:
      return "kill-requested";
  }
  return "?";
}

size_t FormatStatus(const StatusRecord& record, char* buffer) {
  const int length =
      snprintf(buffer, kRecordBytesMax,
               "%s\nincarnation %" PRIu64 "\nboot %s\nshim_pid %d\nshim_start %" PRIu64
               "\njob_pid %d\njob_start %" PRIu64 "\nstarted_ns %" PRId64 "\nend\n",
               kStatusHead, record.incarnation, record.boot_id, record.shim_pid,
               record.shim_start_ticks, record.job_pid, record.job_start_ticks, record.started_ns);
  return static_cast<size_t>(length);
}

size_t FormatExit(const ExitRecord& record, char* buffer) {
  char error[kErrorTextMax];
  snprintf(error, sizeof(error), "%s", record.error);
  for (char* c = error; *c != '\0'; ++c) {
    if (*c == '\n') *c = ' ';
  }
  const int length = snprintf(
      buffer, kRecordBytesMax,
      "%s\nincarnation %" PRIu64
      "\nkind %s\ncode %d\nsignal %d\nstop_cause %s\ngrace_exceeded %d\ncheckpointed %d\n"
      "started_ns %" PRId64 "\nended_ns %" PRId64 "\nuser_us %" PRId64 "\nsystem_us %" PRId64
      "\nmax_rss_bytes %" PRId64 "\nlog_lost_bytes %" PRId64 "\nerror %s\nend\n",
      kExitHead, record.incarnation, ToString(record.kind), record.code, record.signal,
      ToString(record.stop_cause), record.grace_exceeded ? 1 : 0, record.checkpointed ? 1 : 0,
      record.started_ns, record.ended_ns, record.user_us, record.system_us, record.max_rss_bytes,
      record.log_lost_bytes, error);
  return static_cast<size_t>(length);
}

bool ParseStatus(const char* text, size_t size, StatusRecord* record) {
  return ParseRecord(text, size, kStatusHead, record, TakeStatusField);
}

bool ParseExit(const char* text, size_t size, ExitRecord* record) {
  return ParseRecord(text, size, kExitHead, record, TakeExitField);
}

}  // namespace heliotrope::agent::shim
