#include "scheduler/os/clock.h"

#include <ctime>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "scheduler/base/check.h"
#include "scheduler/base/names.h"
#include "scheduler/os/files.h"

namespace heliotrope::os {
namespace {

// The zones that tzdata lists for people: the third column of its table.
std::vector<std::string> KnownTimeZones() {
  std::vector<std::string> names = {"UTC"};
  constexpr int64_t kMaxTableBytes = int64_t{1} << 20;
  for (const char* table : {"/usr/share/zoneinfo/zone.tab", "/usr/share/zoneinfo/zone1970.tab"}) {
    const auto content = ReadFile(table, kMaxTableBytes);
    if (!content.ok()) continue;
    for (const absl::string_view line : absl::StrSplit(*content, '\n')) {
      const std::vector<absl::string_view> columns = absl::StrSplit(line, '\t');
      if (columns.size() >= 3 && columns[0].substr(0, 1) != "#") names.emplace_back(columns[2]);
    }
  }
  return names;
}

}  // namespace

absl::Duration Boottime() {
  timespec now{};
  HT_CHECK_EQ(clock_gettime(CLOCK_BOOTTIME, &now), 0);
  return absl::DurationFromTimespec(now);
}

SchedulingClock::SchedulingClock(const ClockMapping& mapping)
    : mapping_(mapping), boottime_at_start_(Boottime()), real_at_start_(absl::Now()) {
  HT_CHECK_GT(mapping.speed, 0.0);
  scheduling_at_start_ = ToScheduling(real_at_start_);
}

absl::Time SchedulingClock::Now() const {
  const int64_t elapsed = absl::ToInt64Nanoseconds(Boottime() - boottime_at_start_);
  // One multiplication of a growing number: rounds, but never goes back.
  const double scaled = static_cast<double>(elapsed) * mapping_.speed;
  constexpr double kNanosecondsPerSecond = 1e9;
  constexpr double kMostNanoseconds = 9e18;
  if (scaled < kMostNanoseconds) {
    return scheduling_at_start_ + absl::Nanoseconds(static_cast<int64_t>(scaled));
  }
  return scheduling_at_start_ + absl::Seconds(scaled / kNanosecondsPerSecond);
}

absl::Time SchedulingClock::RealNow() const {
  return real_at_start_ + (Boottime() - boottime_at_start_);
}

absl::Duration SchedulingClock::ToReal(absl::Duration scheduling) const {
  return scheduling / mapping_.speed;
}

absl::Duration SchedulingClock::ToScheduling(absl::Duration real) const {
  return real * mapping_.speed;
}

absl::Time SchedulingClock::ToReal(absl::Time scheduling) const {
  return mapping_.anchor + ToReal(scheduling - mapping_.start);
}

absl::Time SchedulingClock::ToScheduling(absl::Time real) const {
  return mapping_.start + ToScheduling(real - mapping_.anchor);
}

absl::StatusOr<absl::TimeZone> LoadTimeZone(const std::string& name) {
  absl::TimeZone zone;
  // Absl takes "", paths and "file:PATH" too; a zone is a name.
  if (!name.empty() && name.front() != '/' && name.find("..") == std::string::npos &&
      name.find(':') == std::string::npos && absl::LoadTimeZone(name, &zone)) {
    return zone;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is not a time zone of this host (an IANA name such as ",
                   "\"Europe/Berlin\"; package tzdata)", DidYouMean(name, KnownTimeZones())));
}

}  // namespace heliotrope::os
