#include "scheduler/os/log.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"
#include "scheduler/base/errors.h"
#include "scheduler/base/names.h"
#include "spdlog/logger.h"
#include "spdlog/sinks/stdout_sinks.h"

namespace heliotrope::os {
namespace {

// systemd says by JOURNAL_STREAM that stderr is its journal.
bool StderrIsJournal() { return std::getenv("JOURNAL_STREAM") != nullptr; }  // NOLINT: read once

spdlog::logger& Logger() {
  // Never destroyed: threads may log while the process ends.
  static spdlog::logger* const kLogger = [] {
    auto* made =
        new spdlog::logger("heliotrope", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *kLogger;
}

spdlog::level::level_enum SpdlogLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// sd-daemon(3)'s priority, or time and name for people.
std::string Prefix(LogLevel level) {
  static const bool kJournal = StderrIsJournal();
  const auto pick = [&](absl::string_view priority, absl::string_view name) {
    if (kJournal) return std::string(priority);
    const std::string time =
        absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone());
    return absl::StrCat(time, " ", name, " ");
  };
  switch (level) {
    case LogLevel::kDebug:
      return pick("<7>", "debug  ");
    case LogLevel::kInfo:
      return pick("<6>", "info   ");
    case LogLevel::kWarning:
      return pick("<4>", "warning");
    case LogLevel::kError:
      return pick("<3>", "error  ");
  }
  return "";
}

bool IsPlain(char c) {
  return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"' && c != '=' && c != '\\';
}

// Bytes beyond ASCII stay: names of people and places are UTF-8.
void AppendEscaped(std::string& out, absl::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
}

void Write(LogLevel level, absl::string_view event, LogFields fields) {
  spdlog::logger& logger = Logger();
  if (!logger.should_log(SpdlogLevel(level))) return;
  const std::string line = Prefix(level) + LogLine(event, fields);
  logger.log(SpdlogLevel(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

std::string LogLine(absl::string_view event, LogFields fields) {
  std::string line;
  AppendEscaped(line, event);
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=");
    if (!field.value.empty() && std::all_of(field.value.begin(), field.value.end(), IsPlain)) {
      line += field.value;
      continue;
    }
    line += '"';
    AppendEscaped(line, field.value);
    line += '"';
  }
  return line;
}

void SetLogLevel(LogLevel level) { Logger().set_level(SpdlogLevel(level)); }

absl::Status SetLogLevel(absl::string_view name) {
  if (name == "debug") {
    SetLogLevel(LogLevel::kDebug);
  } else if (name == "info" || name.empty()) {
    SetLogLevel(LogLevel::kInfo);
  } else if (name == "warning") {
    SetLogLevel(LogLevel::kWarning);
  } else if (name == "error") {
    SetLogLevel(LogLevel::kError);
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" is not a log level: use debug, info, warning or error",
                     DidYouMean(name, {"debug", "info", "warning", "error"})));
  }
  return absl::OkStatus();
}

void LogDebug(absl::string_view event, LogFields fields) { Write(LogLevel::kDebug, event, fields); }
void LogInfo(absl::string_view event, LogFields fields) { Write(LogLevel::kInfo, event, fields); }
void LogWarning(absl::string_view event, LogFields fields) {
  Write(LogLevel::kWarning, event, fields);
}
void LogError(absl::string_view event, LogFields fields) { Write(LogLevel::kError, event, fields); }

}  // namespace heliotrope::os
