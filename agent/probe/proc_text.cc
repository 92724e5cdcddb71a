#include "agent/probe/proc_text.h"

#include <initializer_list>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace heliotrope::agent::probe {
namespace {

// Fields of a "cpu" line (proc(5)). guest and guest_nice follow; they are within user and nice.
enum Field { kUser, kNice, kSystem, kIdle, kIoWait, kIrq, kSoftIrq, kSteal, kFields };

// "cpu 1 2 3 ...". Old kernels have fewer fields; those are 0.
bool ParseCpuLine(absl::string_view line, CpuTimes* times) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  int64_t values[kFields] = {};
  if (words.size() <= kIdle + 1) return false;
  for (size_t i = 0; i < kFields && i + 1 < words.size(); ++i) {
    if (!absl::SimpleAtoi(words[i + 1], &values[i]) || values[i] < 0) return false;
  }
  const auto sum = [&values](std::initializer_list<Field> fields) {
    int64_t ticks = 0;
    for (const Field field : fields) {
      ticks = units_internal::SaturatingAdd(ticks, values[field]);
    }
    return ticks;
  };
  times->busy = sum({kUser, kNice, kSystem, kIrq, kSoftIrq, kSteal});
  times->total = units_internal::SaturatingAdd(times->busy, sum({kIdle, kIoWait}));
  return true;
}

// "MemTotal:       16306988 kB"
bool TakeKiB(absl::string_view line, absl::string_view name, std::optional<Bytes>* bytes) {
  if (!absl::ConsumePrefix(&line, name)) return false;
  line = absl::StripSuffix(absl::StripAsciiWhitespace(line), " kB");
  int64_t kib = 0;
  if (absl::SimpleAtoi(line, &kib) && kib >= 0) *bytes = Bytes::FromKiB(kib);
  return true;
}

}  // namespace

absl::StatusOr<CpuTimes> ParseCpuTimes(absl::string_view proc_stat) {
  CpuTimes times;
  bool found = false;
  for (absl::string_view line : absl::StrSplit(proc_stat, '\n')) {
    if (absl::StartsWith(line, "cpu ")) {
      found = ParseCpuLine(line, &times);
    } else if (absl::StartsWith(line, "cpu")) {
      ++times.cpus;
    }
  }
  if (!found || times.cpus == 0) {
    return absl::DataLossError("no CPU times where /proc/stat has them");
  }
  return times;
}

absl::StatusOr<HostMemory> ParseHostMemory(absl::string_view proc_meminfo) {
  std::optional<Bytes> total;
  std::optional<Bytes> available;
  for (absl::string_view line : absl::StrSplit(proc_meminfo, '\n')) {
    if (TakeKiB(line, "MemTotal:", &total)) continue;
    TakeKiB(line, "MemAvailable:", &available);
  }
  if (!total.has_value() || !available.has_value()) {
    return absl::DataLossError("no MemTotal and MemAvailable where /proc/meminfo has them");
  }
  return HostMemory{.total = *total, .available = *available};
}

std::optional<double> ParsePressure(absl::string_view proc_pressure) {
  for (absl::string_view line : absl::StrSplit(proc_pressure, '\n')) {
    if (!absl::ConsumePrefix(&line, "some avg10=")) continue;
    const absl::string_view number = line.substr(0, line.find(' '));
    double percent = 0;
    if (absl::SimpleAtod(number, &percent) && percent >= 0 && percent <= 100) return percent;
  }
  return std::nullopt;
}

}  // namespace heliotrope::agent::probe
