#include "scheduler/curve/demand.h"

#include <algorithm>
#include <cmath>

#include "scheduler/base/limits.h"

namespace heliotrope::curve {
namespace {

constexpr double kGain = 0.5;             // of an hour's mean, a week
constexpr double kWeek = 168;             // hours
constexpr int64_t kLongestGap = 8 * 168;  // hours; after a longer one nothing is expected
constexpr double kLeastWork = 3600;       // core-seconds
constexpr absl::Duration kNoDeadline = absl::Hours(168);
constexpr int kSlackHours[] = {3, 8, 16, 30, 54};  // up to; the last class is of more
constexpr int kGroupHours[] = {3, 3, 3, 3, 3, 3, 3, 3, 6, 6, 6, 6, 6, 6};

size_t SlackClassOf(absl::Duration slack) {
  size_t index = 0;
  for (const int hours : kSlackHours) {
    if (slack <= absl::Hours(hours)) break;
    ++index;
  }
  return index;
}

int64_t HourOf(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  return seconds / 3600 - (seconds % 3600 < 0 ? 1 : 0);
}

absl::Time StartOf(int64_t hour) { return absl::FromUnixSeconds(hour * 3600); }

size_t SlotOf(int64_t hour) { return static_cast<size_t>((hour % 168 + 168) % 168); }

}  // namespace

// The hours up to this one have ended, those without work too.
void Demand::Advance(Stream& stream, int64_t hour) {
  if (hour <= stream.hour) return;
  const int64_t hours = hour - stream.hour;
  if (hours > kLongestGap) {
    stream = Stream{};
    stream.hour = hour;
    return;
  }
  for (; stream.hour < hour; ++stream.hour) {
    const size_t slot = SlotOf(stream.hour);
    const double gain = stream.seen[slot] ? kGain : 1;
    stream.means[slot] += gain * (stream.this_hour - stream.means[slot]);
    stream.seen[slot] = true;
    stream.this_hour = 0;
  }
  const double kept = std::exp2(-static_cast<double>(hours) / kWeek);
  for (Share& share : stream.shares) {
    share.work *= kept;
    share.work_expected *= kept;
    share.work_slack *= kept;
  }
}

void Demand::Add(absl::string_view residency, absl::Time now, double core_seconds,
                 absl::Duration expected, absl::Duration slack) {
  if (!(core_seconds > 0) || !std::isfinite(core_seconds)) return;
  auto stream = streams_.find(residency);
  if (stream == streams_.end()) {
    if (streams_.size() >= kMaxDemandResidencies) return;
    stream = streams_.emplace(std::string(residency), Stream{}).first;
    stream->second.hour = HourOf(now);
  }
  Advance(stream->second, HourOf(now));
  stream->second.this_hour += core_seconds;
  const absl::Duration wait = std::clamp(slack, absl::ZeroDuration(), kNoDeadline);
  Share& share = stream->second.shares[SlackClassOf(wait)];
  share.work += core_seconds;
  share.work_expected += core_seconds * absl::ToDoubleSeconds(expected);
  share.work_slack += core_seconds * absl::ToDoubleSeconds(wait);
}

double Demand::ExpectedIn(const Stream& stream, int64_t hour) {
  for (int64_t back = 0; back < 7; ++back) {
    const size_t slot = SlotOf(hour - 24 * back);
    if (stream.seen[slot]) return stream.means[slot];
  }
  return 0;
}

double Demand::ExpectedBetween(const Stream& stream, absl::Time from, absl::Time to) {
  double sum = 0;
  for (int64_t hour = HourOf(from); StartOf(hour) < to; ++hour) {
    const absl::Duration part = std::min(to, StartOf(hour + 1)) - std::max(from, StartOf(hour));
    sum += ExpectedIn(stream, hour) * absl::ToDoubleHours(part);
  }
  return sum;
}

void Demand::AppendAhead(const std::string& residency, const Stream& stream, absl::Time now,
                         std::vector<ExpectedWork>& out) {
  double all = 0;
  for (const Share& share : stream.shares) all += share.work;
  if (!(all > 0)) return;
  absl::Time from = now;
  for (const int hours : kGroupHours) {
    const absl::Duration length = absl::Hours(hours);
    const double work = ExpectedBetween(stream, from, from + length);
    for (const Share& share : stream.shares) {
      const double core_seconds = work * share.work / all;
      if (core_seconds < kLeastWork) continue;
      out.push_back({.residency = residency,
                     .release = from + length / 2,
                     .core_seconds = core_seconds,
                     .each = absl::Seconds(std::round(share.work_expected / share.work)),
                     .slack = absl::Seconds(std::round(share.work_slack / share.work))});
    }
    from += length;
  }
}

std::vector<ExpectedWork> Demand::Ahead(absl::Time now) const {
  std::vector<ExpectedWork> ahead;
  for (const auto& [residency, stream] : streams_) {
    Stream current = stream;
    Advance(current, HourOf(now));
    AppendAhead(residency, current, now, ahead);
  }
  return ahead;
}

}  // namespace heliotrope::curve
