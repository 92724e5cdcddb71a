#include "scheduler/curve/bin.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace heliotrope::curve {
namespace {

constexpr int64_t kDaySeconds = 24 * 3600;

int64_t FloorDiv(int64_t value, int64_t divisor) {
  const int64_t quotient = value / divisor;
  return value % divisor < 0 ? quotient - 1 : quotient;
}

// A stretch between two changes of a zone's clocks, in seconds from the epoch: [from, to).
struct Span {
  absl::TimeZone zone;
  int64_t from = 0;
  int64_t to = 0;
  int64_t offset = 0;
};

int64_t ChangeSeconds(const absl::TimeZone& zone, const absl::TimeZone::CivilTransition& change) {
  // The earlier of the two is the first second that is skipped, or that is shown twice.
  return absl::ToUnixSeconds(zone.At(std::min(change.from, change.to)).trans);
}

Span SpanAround(const absl::TimeZone& zone, int64_t seconds) {
  Span span{zone, std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max(), 0};
  const absl::Time time = absl::FromUnixSeconds(seconds);
  span.offset = zone.At(time).offset;
  absl::TimeZone::CivilTransition change;
  if (zone.PrevTransition(time + absl::Seconds(1), &change)) {
    span.from = ChangeSeconds(zone, change);
  }
  if (zone.NextTransition(time, &change)) span.to = ChangeSeconds(zone, change);
  return span;
}

// Asking the zone costs a search and a whole calendar date, and an outlook asks three times a bin:
// nearly all of it within one stretch, so the last two are remembered. No result depends on that.
int64_t OffsetSeconds(const absl::TimeZone& zone, int64_t index) {
  thread_local std::array<Span, 2> recent;
  const int64_t seconds = index * kBinSeconds;
  for (const Span& span : recent) {
    if (seconds >= span.from && seconds < span.to && span.zone == zone) return span.offset;
  }
  recent[1] = std::exchange(recent[0], SpanAround(zone, seconds));
  return recent[0].offset;
}

}  // namespace

int64_t BinIndex(absl::Time time) {
  // Infinite times saturate; the cut keeps sums of bins and seconds far from overflow.
  constexpr int64_t kFarSeconds = int64_t{1} << 40;
  const int64_t seconds = std::clamp(absl::ToUnixSeconds(time), -kFarSeconds, kFarSeconds);
  return FloorDiv(seconds, kBinSeconds);
}

absl::Time BinStart(int64_t index) { return absl::FromUnixSeconds(index * kBinSeconds); }

CivilSlot SlotAt(const absl::TimeZone& zone, int64_t index) {
  const int64_t local = index * kBinSeconds + OffsetSeconds(zone, index);
  const int64_t day = FloorDiv(local, kDaySeconds);
  // The epoch fell on a Thursday, the fourth day of a week that starts on Monday.
  const int64_t weekday = (day + 3) - 7 * FloorDiv(day + 3, 7);
  CivilSlot slot;
  slot.day = static_cast<int>((local - day * kDaySeconds) / kBinSeconds);
  slot.week = static_cast<int>(weekday) * kSlotsPerDay + slot.day;
  slot.hour = slot.day / kBinsPerHour;
  slot.weekend = weekday >= 5;
  slot.date = day;
  return slot;
}

bool ShownTwice(const absl::TimeZone& zone, int64_t index) {
  const absl::TimeZone::CivilInfo civil = zone.At(BinStart(index));
  return zone.At(civil.cs).kind == absl::TimeZone::TimeInfo::REPEATED;
}

int64_t SameCivilTimeBefore(const absl::TimeZone& zone, int64_t index, int64_t days) {
  const int64_t plain = index - days * kSlotsPerDay;
  const int64_t shift = OffsetSeconds(zone, index) - OffsetSeconds(zone, plain);
  return plain + FloorDiv(shift, kBinSeconds);
}

double DaysSinceClockChange(const absl::TimeZone& zone, int64_t index) {
  absl::TimeZone::CivilTransition change;
  // The moment before the end of the bin, for a change at its start counts.
  if (!zone.PrevTransition(BinStart(index) + absl::Seconds(1), &change)) {
    return std::numeric_limits<double>::infinity();
  }
  // The earlier of the two is the first second that is skipped, or that is shown twice.
  const absl::Time at = zone.At(std::min(change.from, change.to)).trans;
  return absl::FDivDuration(BinStart(index) - at, absl::Hours(24));
}

}  // namespace heliotrope::curve
