#include "scheduler/cli/journey.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scheduler/cli/look.h"
#include "scheduler/cli/names.h"
#include "scheduler/cli/words.h"

namespace heliotrope::cli {

Zones ZonesOf(const google::protobuf::RepeatedPtrField<v1::DataCenter>& data_centers) {
  Zones zones;
  for (const v1::DataCenter& data_center : data_centers) {
    absl::TimeZone zone;
    if (absl::LoadTimeZone(data_center.time_zone(), &zone)) zones[data_center.name()] = zone;
  }
  return zones;
}

std::string Journey(const v1::Task& task, const Zones& zones) {
  std::vector<std::string> steps;
  if (task.attempts_size() > 0 && task.attempts(0).number() > 1) steps.push_back("...");
  for (const v1::Attempt& attempt : task.attempts()) {
    if (!attempt.has_start_time()) continue;
    const absl::Time start = TimeOf(attempt.start_time());
    const auto zone = zones.find(attempt.data_center());
    const std::string clock = zone != zones.end()
                                  ? absl::FormatTime("%H:%M", start, zone->second)
                                  : absl::FormatTime("%H:%MZ", start, absl::UTCTimeZone());
    steps.push_back(absl::StrCat(Printable(ShortName(attempt.data_center())), " ", clock));
  }
  return absl::StrJoin(steps, " -> ");
}

}  // namespace heliotrope::cli
