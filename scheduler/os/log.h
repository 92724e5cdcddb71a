// Structured logs: one line per event on stderr, which systemd's journal keeps.
//
//   LogInfo("task started", {{"task", id}, {"attempt", attempt}, {"node", node}});
//
// gives `task started task=12/7 attempt=3 node=f1-a`, after `<6>` when stderr is the journal, else
// after time and level. An error is logged once, where it is handled. Thread-safe.
#pragma once

#include <initializer_list>
#include <sstream>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "scheduler/base/duration.h"

namespace heliotrope::os {

// A key and the text of its value: anything that prints.
struct LogField {
  template <class T>
  LogField(absl::string_view field_key, const T& field_value)  // NOLINT: made in braces
      : key(field_key), value(Text(field_value)) {}

  std::string key;
  std::string value;

 private:
  template <class T>
  static std::string Text(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
      return value ? "true" : "false";
    } else if constexpr (std::is_convertible_v<const T&, absl::string_view>) {
      return std::string(absl::string_view(value));
    } else if constexpr (std::is_arithmetic_v<T>) {
      return absl::StrCat(value);
    } else if constexpr (std::is_same_v<T, absl::Duration>) {
      return ShortDuration(value);
    } else if constexpr (std::is_same_v<T, absl::Time>) {
      return Rfc3339(value);
    } else if constexpr (std::is_same_v<T, absl::Status>) {
      return value.ok() ? "ok" : value.ToString(absl::StatusToStringMode::kWithNoExtraData);
    } else {
      std::ostringstream out;
      out << value;
      return out.str();
    }
  }
};

using LogFields = std::initializer_list<LogField>;

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// Lines below this level are dropped; at first kInfo.
void SetLogLevel(LogLevel level);
// "debug", "info", "warning", "error"; "" is info. INVALID_ARGUMENT for all else.
absl::Status SetLogLevel(absl::string_view name);

void LogDebug(absl::string_view event, LogFields fields = {});
void LogInfo(absl::string_view event, LogFields fields = {});
void LogWarning(absl::string_view event, LogFields fields = {});
void LogError(absl::string_view event, LogFields fields = {});

// The line without its prefix. Values with spaces, quotes, `=` or bytes that do not print are
// quoted, with those bytes as \xNN, so that one event is one line whatever a job calls itself.
std::string LogLine(absl::string_view event, LogFields fields);

}  // namespace heliotrope::os
