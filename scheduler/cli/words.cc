#include "scheduler/cli/words.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "scheduler/base/duration.h"
#include "scheduler/base/units.h"
#include "scheduler/wire/time.h"

namespace heliotrope::cli {
namespace {

// A share of a minute says nothing in "in 2h10m".
absl::Duration Rounded(absl::Duration duration) {
  return absl::Trunc(duration, duration >= absl::Minutes(10) ? absl::Minutes(1) : absl::Seconds(1));
}

}  // namespace

absl::Time TimeOf(const google::protobuf::Timestamp& proto) {
  return wire::FromProto(proto, "").value_or(absl::UnixEpoch());
}

absl::Duration DurationOf(const google::protobuf::Duration& proto) {
  return wire::FromProto(proto, "").value_or(absl::ZeroDuration());
}

std::string CoresWords(int64_t milli_cores) {
  return absl::StrFormat("%g", static_cast<double>(milli_cores) / 1000.0);
}

std::string SizeWords(int64_t bytes) { return ToString(Bytes::FromBytes(bytes)); }

std::string ShareWords(int64_t part, int64_t whole) {
  if (whole <= 0) return "-";
  return absl::StrFormat("%.0f%%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string TimeWords(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

std::string Relative(absl::Time time, absl::Time now) {
  const absl::Duration ahead = time - now;
  if (absl::AbsDuration(ahead) < absl::Seconds(1)) return "now";
  if (ahead > absl::ZeroDuration()) return absl::StrCat("in ", ShortDuration(Rounded(ahead)));
  return absl::StrCat(ShortDuration(Rounded(-ahead)), " ago");
}

std::string TimeWordsFrom(absl::Time time, absl::Time now) {
  return absl::StrCat(TimeWords(time), " (", Relative(time, now), ")");
}

absl::TimeZone ZoneOf(absl::string_view name) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!absl::LoadTimeZone(name, &zone)) return absl::UTCTimeZone();
  return zone;
}

std::string StateWords(v1::Job::State state) {
  return std::string(absl::StripPrefix(v1::Job::State_Name(state), "STATE_"));
}

std::string StateWords(v1::Task::State state) {
  return std::string(absl::StripPrefix(v1::Task::State_Name(state), "STATE_"));
}

Style StateStyle(v1::Job::State state) {
  if (state == v1::Job::STATE_SUCCEEDED) return Style::kGood;
  if (state == v1::Job::STATE_FAILED) return Style::kBad;
  if (state == v1::Job::STATE_RUNNING) return Style::kActive;
  return state == v1::Job::STATE_CANCELLED ? Style::kFaint : Style::kPlain;
}

Style StateStyle(v1::Task::State state) {
  if (state == v1::Task::STATE_SUCCEEDED) return Style::kGood;
  if (state == v1::Task::STATE_FAILED) return Style::kBad;
  if (state == v1::Task::STATE_RUNNING) return Style::kActive;
  if (state == v1::Task::STATE_CHECKPOINTING) return Style::kWarn;
  return state == v1::Task::STATE_CANCELLED ? Style::kFaint : Style::kPlain;
}

bool HasEnded(v1::Job::State state) {
  return state == v1::Job::STATE_SUCCEEDED || state == v1::Job::STATE_FAILED ||
         state == v1::Job::STATE_CANCELLED;
}

bool HasEnded(v1::Task::State state) {
  return state == v1::Task::STATE_SUCCEEDED || state == v1::Task::STATE_FAILED ||
         state == v1::Task::STATE_CANCELLED;
}

std::string CountsWords(const v1::TaskCounts& counts) {
  const std::array<std::pair<int, const char*>, 7> states = {{
      {counts.running(), "running"},
      {counts.checkpointing(), "checkpointing"},
      {counts.assigned(), "assigned"},
      {counts.pending(), "pending"},
      {counts.succeeded(), "succeeded"},
      {counts.failed(), "failed"},
      {counts.cancelled(), "cancelled"},
  }};
  std::vector<std::string> parts;
  for (const auto& [count, name] : states) {
    if (count > 0) parts.push_back(absl::StrCat(count, " ", name));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace heliotrope::cli
