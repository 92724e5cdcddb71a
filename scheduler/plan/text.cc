#include "scheduler/plan/text.h"

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "scheduler/base/duration.h"

namespace heliotrope::plan {
namespace {

constexpr absl::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// value / unit with one decimal, rounded to the nearest, ".0" left out.
std::string OneDecimal(int64_t value, int64_t unit) {
  const bool negative = value < 0;
  const int64_t magnitude = negative ? -value : value;
  const int64_t tenths = (magnitude + unit / 20) / (unit / 10);
  const absl::string_view sign = negative && tenths > 0 ? "-" : "";
  if (tenths % 10 == 0) return absl::StrCat(sign, tenths / 10);
  return absl::StrCat(sign, tenths / 10, ".", tenths % 10);
}

}  // namespace

std::string AtText(absl::Time time, absl::Time now) {
  if (time == absl::InfiniteFuture()) return "never";
  const absl::CivilMinute minute = absl::ToCivilMinute(time, absl::UTCTimeZone());
  const std::string clock = absl::StrCat(absl::Dec(minute.hour(), absl::kZeroPad2), ":",
                                         absl::Dec(minute.minute(), absl::kZeroPad2), " UTC");
  const absl::Duration away = time > now ? time - now : now - time;
  if (away < absl::Hours(24)) return clock;
  return absl::StrCat(kMonths[minute.month() - 1], " ", minute.day(), " ", clock);
}

std::string CoresText(int64_t milli_cores) {
  const std::string number = OneDecimal(milli_cores, 1000);
  return absl::StrCat(number, number == "1" ? " core" : " cores");
}

std::string PriceText(int64_t micro) { return OneDecimal(micro, 1'000'000); }

std::string SpanText(int64_t seconds) {
  const int64_t shown = seconds >= 3600 ? seconds - seconds % 60 : seconds;
  return ShortDuration(absl::Seconds(shown));
}

std::string MemoryText(const Site& site, Bytes asked, Bytes left) {
  return absl::StrCat("a task asks ", ToString(asked), ", and in ", site.id.value(), " ",
                      ToString(left), " of ", ToString(site.memory), " is left (foreground ",
                      ToString(site.foreground_memory), ", batch ",
                      ToString(site.memory - site.foreground_memory - left), ")");
}

}  // namespace heliotrope::plan
