#include "agent/shim/launch_format.h"

#include <string.h>

namespace heliotrope::agent::shim {
namespace {

// The bytes that are still to be parsed.
struct Cursor {
  char* at;
  char* end;

  size_t left() const { return static_cast<size_t>(end - at); }
};

struct Field {
  const char* name;
  char* value;  // NUL-terminated.
  size_t length;
};

// At most 18 digits, so that nothing overflows.
bool ParseDigits(const char* text, size_t length, int64_t* number) {
  if (length == 0 || length > 18) return false;
  int64_t value = 0;
  for (size_t i = 0; i < length; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  *number = value;
  return true;
}

bool ParseNumber(const Field& field, int64_t min, int64_t max, int64_t* number) {
  const bool negative = field.length > 0 && field.value[0] == '-';
  const size_t skip = negative ? 1 : 0;
  if (!ParseDigits(field.value + skip, field.length - skip, number)) return false;
  if (negative) *number = -*number;
  return *number >= min && *number <= max;
}

// Takes one field off the cursor. The byte after the value, a newline, becomes its NUL.
const char* TakeField(Cursor* cursor, Field* field) {
  char* space = static_cast<char*>(memchr(cursor->at, ' ', cursor->left()));
  if (space == nullptr) return "field without a name, or no end";
  char* length_at = space + 1;
  char* colon =
      static_cast<char*>(memchr(length_at, ':', static_cast<size_t>(cursor->end - length_at)));
  int64_t length = 0;
  if (colon == nullptr ||
      !ParseDigits(length_at, static_cast<size_t>(colon - length_at), &length)) {
    return "field without a length";
  }
  char* value = colon + 1;
  if (length >= cursor->end - value) return "field longer than the file";
  if (value[length] != '\n') return "field not ended by a newline";
  if (memchr(value, '\0', static_cast<size_t>(length)) != nullptr) return "NUL in a field";
  *space = '\0';
  value[length] = '\0';
  *field = {.name = cursor->at, .value = value, .length = static_cast<size_t>(length)};
  cursor->at = value + length + 1;
  return nullptr;
}

bool Append(char** list, size_t* count, size_t max, char* value) {
  if (*count >= max) return false;
  list[(*count)++] = value;
  return true;
}

bool IsAbsoluteOrEmpty(const Field& field) { return field.length == 0 || field.value[0] == '/'; }

// Fields that are text. Null when taken, or why not; `*known` is false when there is no such field.
const char* TakeText(const Field& field, Launch* launch, bool* known) {
  *known = true;
  if (strcmp(field.name, "arg") == 0) {
    return Append(launch->argv, &launch->argc, kLaunchArgsMax, field.value) ? nullptr
                                                                            : "too many arguments";
  }
  if (strcmp(field.name, "env") == 0) {
    if (strchr(field.value, '=') == nullptr) return "environment entry without \"=\"";
    return Append(launch->env, &launch->envc, kLaunchEnvMax, field.value)
               ? nullptr
               : "too many environment entries";
  }
  const char** path = strcmp(field.name, "cwd") == 0      ? &launch->working_directory
                      : strcmp(field.name, "cgroup") == 0 ? &launch->cgroup
                      : strcmp(field.name, "lease") == 0  ? &launch->lease
                                                          : nullptr;
  if (path == nullptr) {
    *known = false;
    return nullptr;
  }
  if (!IsAbsoluteOrEmpty(field)) return "path that is not absolute";
  *path = field.value;
  return nullptr;
}

constexpr int64_t kIdMax = 0xfffffffe;  // The largest one means "unchanged" to the kernel.
constexpr int64_t kDurationMsMax = int64_t{7} * 24 * 3600 * 1000;
constexpr int64_t kBytesMax = int64_t{1} << 40;

// A number, its range, and where it goes. One entry per field keeps range and place together.
struct NumberField {
  const char* name;
  int64_t min;
  int64_t max;
  void (*set)(Launch*, int64_t);
};

constexpr NumberField kNumbers[] = {
    {"uid", 0, kIdMax,
     [](Launch* l, int64_t v) { l->change_user = true, l->uid = static_cast<uid_t>(v); }},
    {"gid", 0, kIdMax, [](Launch* l, int64_t v) { l->gid = static_cast<gid_t>(v); }},
    {"stop_signal", 1, 31, [](Launch* l, int64_t v) { l->stop_signal = static_cast<int>(v); }},
    {"grace_ms", 0, kDurationMsMax, [](Launch* l, int64_t v) { l->grace_ms = v; }},
    {"stop_grace_ms", 0, kDurationMsMax, [](Launch* l, int64_t v) { l->stop_grace_ms = v; }},
    {"kill_margin_ms", 0, kDurationMsMax, [](Launch* l, int64_t v) { l->kill_margin_ms = v; }},
    {"checkpoint_exit_code", -1, 255,
     [](Launch* l, int64_t v) { l->checkpoint_exit_code = static_cast<int>(v); }},
    {"log_bytes", 1, kBytesMax, [](Launch* l, int64_t v) { l->log_bytes = v; }},
    {"log_files", 0, kLogFilesMax, [](Launch* l, int64_t v) { l->log_files = v; }},
    {"umask", 0, 0777, [](Launch* l, int64_t v) { l->umask = static_cast<mode_t>(v); }},
    {"nice", -20, 19, [](Launch* l, int64_t v) { l->nice = static_cast<int>(v); }},
    {"idle_scheduling", 0, 1, [](Launch* l, int64_t v) { l->idle_scheduling = v != 0; }},
    {"no_new_privileges", 0, 1, [](Launch* l, int64_t v) { l->no_new_privileges = v != 0; }},
    {"oom_score_adj", 0, 1000,
     [](Launch* l, int64_t v) { l->oom_score_adj = static_cast<int>(v); }},
    {"durable_exit", 0, 1, [](Launch* l, int64_t v) { l->durable_exit = v != 0; }},
    {"incarnation", 1, 1'000'000'000'000,
     [](Launch* l, int64_t v) { l->incarnation = static_cast<uint64_t>(v); }},
};

const char* TakeNumber(const Field& field, Launch* launch) {
  int64_t number = 0;
  if (strcmp(field.name, "group") == 0) {
    if (launch->group_count >= kLaunchGroupsMax) return "too many groups";
    if (!ParseNumber(field, 0, kIdMax, &number)) return "group that is none";
    launch->groups[launch->group_count++] = static_cast<gid_t>(number);
    return nullptr;
  }
  for (const NumberField& entry : kNumbers) {
    if (strcmp(field.name, entry.name) != 0) continue;
    if (!ParseNumber(field, entry.min, entry.max, &number)) return "number out of its range";
    entry.set(launch, number);
    return nullptr;
  }
  return "unknown field";
}

void SetDefaults(Launch* launch) {
  memset(launch, 0, sizeof(*launch));
  launch->working_directory = "";
  launch->cgroup = "";
  launch->lease = "";
  launch->stop_signal = 15;
  launch->kill_margin_ms = 1000;
  launch->checkpoint_exit_code = 85;
  launch->log_bytes = int64_t{4} << 20;
  launch->log_files = 3;
  launch->umask = 022;
  launch->durable_exit = true;
  launch->incarnation = 1;
}

}  // namespace

const char* ParseLaunch(char* data, size_t size, Launch* launch) {
  SetDefaults(launch);
  const size_t magic = sizeof(kLaunchMagic) - 1;
  if (size > kLaunchBytesMax) return "file too large";
  if (size < magic || memcmp(data, kLaunchMagic, magic) != 0) return "not a launch file";
  Cursor cursor{.at = data + magic, .end = data + size};
  while (true) {
    Field field{};
    const char* error = TakeField(&cursor, &field);
    if (error != nullptr) return error;
    if (strcmp(field.name, "end") == 0) break;
    bool known = false;
    error = TakeText(field, launch, &known);
    if (!known) error = TakeNumber(field, launch);
    if (error != nullptr) return error;
  }
  if (cursor.left() != 0) return "bytes after the end";
  if (launch->argc == 0) return "no program";
  if (launch->working_directory[0] == '\0') return "no working directory";
  return nullptr;
}

}  // namespace heliotrope::agent::shim
