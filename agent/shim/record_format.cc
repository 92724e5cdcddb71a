#include "agent/shim/record_format.h"

#include <inttypes.h>
#include <stdint.h>
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

// A field that is a number, its range, and where it goes.
template <class Record>
struct NumberField {
  const char* name;
  int64_t min;
  int64_t max;
  void (*set)(Record*, int64_t);
};

constexpr int64_t kMost = INT64_MAX;

// A pid that is not positive would, as a signal's target, mean a group or everybody.
constexpr NumberField<StatusRecord> kStatusNumbers[] = {
    {"incarnation", 1, kMost,
     [](StatusRecord* r, int64_t v) { r->incarnation = static_cast<uint64_t>(v); }},
    {"shim_pid", 1, INT32_MAX,
     [](StatusRecord* r, int64_t v) { r->shim_pid = static_cast<pid_t>(v); }},
    {"shim_start", 0, kMost,
     [](StatusRecord* r, int64_t v) { r->shim_start_ticks = static_cast<uint64_t>(v); }},
    {"job_pid", 1, INT32_MAX,
     [](StatusRecord* r, int64_t v) { r->job_pid = static_cast<pid_t>(v); }},
    {"job_start", 0, kMost,
     [](StatusRecord* r, int64_t v) { r->job_start_ticks = static_cast<uint64_t>(v); }},
    {"started_ns", 0, kMost, [](StatusRecord* r, int64_t v) { r->started_ns = v; }},
};

constexpr NumberField<ExitRecord> kExitNumbers[] = {
    {"incarnation", 1, kMost,
     [](ExitRecord* r, int64_t v) { r->incarnation = static_cast<uint64_t>(v); }},
    {"code", 0, 255, [](ExitRecord* r, int64_t v) { r->code = static_cast<int>(v); }},
    {"signal", 0, 64, [](ExitRecord* r, int64_t v) { r->signal = static_cast<int>(v); }},
    {"grace_exceeded", 0, 1, [](ExitRecord* r, int64_t v) { r->grace_exceeded = v != 0; }},
    {"checkpointed", 0, 1, [](ExitRecord* r, int64_t v) { r->checkpointed = v != 0; }},
    {"started_ns", 0, kMost, [](ExitRecord* r, int64_t v) { r->started_ns = v; }},
    {"ended_ns", 0, kMost, [](ExitRecord* r, int64_t v) { r->ended_ns = v; }},
    {"user_us", 0, kMost, [](ExitRecord* r, int64_t v) { r->user_us = v; }},
    {"system_us", 0, kMost, [](ExitRecord* r, int64_t v) { r->system_us = v; }},
    {"max_rss_bytes", 0, kMost, [](ExitRecord* r, int64_t v) { r->max_rss_bytes = v; }},
    {"log_lost_bytes", 0, kMost, [](ExitRecord* r, int64_t v) { r->log_lost_bytes = v; }},
};

// What a field was, if none of its record's.
constexpr int kBad = -1;
constexpr int kUnknown = -2;  // Of a later version: left alone.

// Takes `NAME VALUE` if it is one of the numbers: its index.
template <class Record, size_t N>
int TakeNumber(const NumberField<Record> (&fields)[N], const char* name, const char* value,
               Record* record) {
  for (size_t i = 0; i < N; ++i) {
    if (strcmp(fields[i].name, name) != 0) continue;
    int64_t number = 0;
    if (!ToInt(value, &number) || number < fields[i].min || number > fields[i].max) return kBad;
    fields[i].set(record, number);
    return static_cast<int>(i);
  }
  return kUnknown;
}

constexpr int kStatusFields = static_cast<int>(sizeof(kStatusNumbers) / sizeof(kStatusNumbers[0]));
constexpr int kExitFields = static_cast<int>(sizeof(kExitNumbers) / sizeof(kExitNumbers[0]));

// Takes one field: its number among those of its record.
int TakeStatusField(const char* name, const char* value, StatusRecord* record) {
  if (strcmp(name, "boot") != 0) return TakeNumber(kStatusNumbers, name, value, record);
  if (strlen(value) >= sizeof(record->boot_id)) return kBad;
  strcpy(record->boot_id, value);
  return kStatusFields;
}

int TakeExitField(const char* name, const char* value, ExitRecord* record) {
  if (strcmp(name, "kind") == 0) {
    return FindWord(kExitKinds, value, &record->kind) ? kExitFields : kBad;
  }
  if (strcmp(name, "stop_cause") == 0) {
    return FindWord(kStopCauses, value, &record->stop_cause) ? kExitFields + 1 : kBad;
  }
  if (strcmp(name, "error") == 0) {
    snprintf(record->error, sizeof(record->error), "%s", value);
    return kExitFields + 2;
  }
  return TakeNumber(kExitNumbers, name, value, record);
}

// Every one of `fields` fields once: a record that says nothing of how the job ended must not read
// as one that ended well.
template <class Record, class Take>
bool ParseRecord(const char* text, size_t size, const char* head, int fields, Record* record,
                 Take take) {
  memset(static_cast<void*>(record), 0, sizeof(*record));
  if (memchr(text, '\0', size) != nullptr) return false;
  Lines lines(text, size);
  const char* first = lines.Next();
  if (first == nullptr || strcmp(first, head) != 0) return false;
  unsigned seen = 0;
  while (char* line = lines.Next()) {
    if (strcmp(line, "end") == 0) return lines.AtEnd() && seen == (1u << fields) - 1;
    char* space = strchr(line, ' ');
    if (space == nullptr) return false;
    *space = '\0';
    const int field = take(line, space + 1, record);
    if (field == kUnknown) continue;
    if (field == kBad || (seen & 1u << field) != 0) return false;
    seen |= 1u << field;
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
  return ParseRecord(text, size, kStatusHead, kStatusFields + 1, record, TakeStatusField);
}

bool ParseExit(const char* text, size_t size, ExitRecord* record) {
  return ParseRecord(text, size, kExitHead, kExitFields + 3, record, TakeExitField) &&
         (record->kind != ExitKind::kSignaled || record->signal > 0);
}

}  // namespace heliotrope::agent::shim
