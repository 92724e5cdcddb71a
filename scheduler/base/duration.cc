#include "scheduler/base/duration.h"

#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "scheduler/base/errors.h"

namespace heliotrope {
namespace {

struct DurationUnit {
  absl::string_view name;
  absl::Duration length;
};

// Largest first. "ms" stands before "m" for no reason but order: names are matched whole.
constexpr std::array<DurationUnit, 8> kUnits = {{{"w", absl::Hours(24 * 7)},
                                                 {"d", absl::Hours(24)},
                                                 {"h", absl::Hours(1)},
                                                 {"m", absl::Minutes(1)},
                                                 {"s", absl::Seconds(1)},
                                                 {"ms", absl::Milliseconds(1)},
                                                 {"us", absl::Microseconds(1)},
                                                 {"ns", absl::Nanoseconds(1)}}};

// Takes the digits, with at most one point, from the front of `text`; false when there are none.
bool ConsumeNumber(absl::string_view& text, double& number) {
  size_t length = 0;
  while (length < text.size() &&
         (absl::ascii_isdigit(static_cast<unsigned char>(text[length])) || text[length] == '.')) {
    ++length;
  }
  constexpr size_t kMostDigits = 20;
  if (length == 0 || length > kMostDigits || !absl::SimpleAtod(text.substr(0, length), &number)) {
    return false;
  }
  text.remove_prefix(length);
  return true;
}

absl::string_view ConsumeWord(absl::string_view& text) {
  size_t length = 0;
  while (length < text.size() && absl::ascii_isalpha(static_cast<unsigned char>(text[length]))) {
    ++length;
  }
  const absl::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

absl::Status NotA(absl::string_view kind, absl::string_view text, absl::string_view examples) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text.substr(0, 80), "\" is not a ", kind, ": write it like ", examples));
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  const absl::Status error = NotA("duration", text, "90s, 5m, 1h30m or 2d");
  absl::string_view rest = text;
  if (rest == "0") return absl::ZeroDuration();
  const bool negative = absl::ConsumePrefix(&rest, "-");
  if (rest.empty()) return error;
  absl::Duration total;
  while (!rest.empty()) {
    double number = 0;
    if (!ConsumeNumber(rest, number)) return error;
    const absl::string_view word = ConsumeWord(rest);
    const DurationUnit* unit = nullptr;
    for (const DurationUnit& known : kUnits) {
      if (known.name == word) unit = &known;
    }
    if (unit == nullptr) return error;
    total += number * unit->length;
  }
  if (total == absl::InfiniteDuration()) return error;
  return negative ? -total : total;
}

std::string ShortDuration(absl::Duration duration) {
  if (duration == absl::InfiniteDuration()) return "inf";
  if (duration == -absl::InfiniteDuration()) return "-inf";
  if (duration < absl::ZeroDuration()) return absl::StrCat("-", ShortDuration(-duration));
  if (duration < absl::Seconds(10)) {
    // Below ten seconds the fraction matters: "1.5s", "250ms".
    return duration == absl::ZeroDuration()
               ? "0s"
               : absl::FormatDuration(absl::Trunc(duration, duration < absl::Milliseconds(1)
                                                                ? absl::Nanoseconds(1)
                                                                : absl::Milliseconds(1)));
  }
  std::string text;
  int parts = 0;
  for (const DurationUnit& unit : kUnits) {
    if (unit.length < absl::Seconds(1) || unit.name == "w") continue;
    const int64_t count = absl::IDivDuration(duration, unit.length, &duration);
    if (count > 0) absl::StrAppend(&text, count, unit.name);
    if (count > 0 || parts > 0) ++parts;
    if (parts == 2) break;
  }
  return text;
}

absl::StatusOr<Bytes> ParseSize(absl::string_view text) {
  struct Suffix {
    absl::string_view name;
    double factor;
  };
  constexpr double kKi = 1024.0;
  constexpr std::array<Suffix, 18> kSuffixes = {{{"", 1},
                                                 {"b", 1},
                                                 {"k", kKi},
                                                 {"ki", kKi},
                                                 {"kib", kKi},
                                                 {"kb", 1e3},
                                                 {"m", kKi * kKi},
                                                 {"mi", kKi * kKi},
                                                 {"mib", kKi * kKi},
                                                 {"mb", 1e6},
                                                 {"g", kKi * kKi * kKi},
                                                 {"gi", kKi * kKi * kKi},
                                                 {"gib", kKi * kKi * kKi},
                                                 {"gb", 1e9},
                                                 {"t", kKi * kKi * kKi * kKi},
                                                 {"ti", kKi * kKi * kKi * kKi},
                                                 {"tib", kKi * kKi * kKi * kKi},
                                                 {"tb", 1e12}}};
  const absl::Status error = NotA("size", text, "512M, 4GiB or 1.5G");
  // Whole bytes are read as an integer: a double would round those above 2^53.
  int64_t whole = 0;
  if (absl::SimpleAtoi(text, &whole) && whole >= 0) return Bytes::FromBytes(whole);
  absl::string_view rest = text;
  double number = 0;
  if (!ConsumeNumber(rest, number)) return error;
  rest = absl::StripLeadingAsciiWhitespace(rest);
  const std::string suffix = absl::AsciiStrToLower(ConsumeWord(rest));
  if (!rest.empty()) return error;
  for (const Suffix& known : kSuffixes) {
    if (known.name != suffix) continue;
    const double bytes = std::round(number * known.factor);
    if (bytes >= 9.2e18) return error;
    return Bytes::FromBytes(static_cast<int64_t>(bytes));
  }
  return error;
}

absl::StatusOr<absl::Time> ParseTime(absl::string_view text) {
  absl::Time time;
  std::string why;
  constexpr size_t kLongest = 64;
  if (text.size() > kLongest || !absl::ParseTime(absl::RFC3339_full, text, &time, &why) ||
      time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    return NotA("time", text, "2026-01-31T08:00:00Z or 2026-01-31T08:00:00+08:00");
  }
  return time;
}

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

}  // namespace heliotrope
