// The grain of every load curve: the five-minute bin, and where it lies in a data center's local
// week. Bins are aligned to the Unix epoch in UTC; slots are local civil time, so that the 09:00
// ramp stays at 09:00 across a change of the clocks.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace heliotrope::curve {

constexpr int64_t kBinSeconds = 300;
constexpr int kBinsPerHour = 12;
constexpr int kSlotsPerDay = 288;
constexpr int kSlotsPerWeek = 7 * kSlotsPerDay;

inline absl::Duration BinLength() { return absl::Seconds(kBinSeconds); }

// The foreground of one data center in [start, start + 5 min) as a fraction of its capacity. 0 is
// idle; a little over 1 can be measured where capacity was taken away while it was in use.
struct Bin {
  absl::Time start;
  double load = 0;
  friend bool operator==(const Bin&, const Bin&) = default;
};

// Number of the bin that holds `time`, counted from the Unix epoch; floors, also before it. Times
// more than 2^40 s from it, infinite ones too, count as that.
int64_t BinIndex(absl::Time time);
absl::Time BinStart(int64_t index);

// Where a bin lies in the local week.
struct CivilSlot {
  int week = 0;          // [0, 2016), 0 is Monday 00:00
  int day = 0;           // [0, 288), 0 is midnight
  int hour = 0;          // [0, 24)
  bool weekend = false;  // Saturday or Sunday
  int64_t date = 0;      // local days from 1970-01-01
};

CivilSlot SlotAt(const absl::TimeZone& zone, int64_t index);

// True in the hour that the clocks show twice in autumn, on both passes.
bool ShownTwice(const absl::TimeZone& zone, int64_t index);

// The bin `days` local days before `index`: the same civil time, hence 23 or 25 hours before over a
// change of the clocks.
int64_t SameCivilTimeBefore(const absl::TimeZone& zone, int64_t index, int64_t days);

// Days since the zone's last change of its clocks before or at `index`; infinite if it had none.
double DaysSinceClockChange(const absl::TimeZone& zone, int64_t index);

}  // namespace heliotrope::curve
