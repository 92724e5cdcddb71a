#include "scheduler/sim/journal.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace heliotrope::sim {

std::string JournalCsv(const World& world, const Journal& journal) {
  std::vector<Segment> rows = journal.segments;
  std::sort(rows.begin(), rows.end(), [](const Segment& a, const Segment& b) {
    return std::tie(a.job, a.start, a.attempt) < std::tie(b.job, b.start, b.attempt);
  });
  std::string text = "job,attempt,data_center,start_s,end_s,cpus,useful_s\n";
  for (const Segment& row : rows) {
    absl::StrAppend(&text, row.job, ",", row.attempt, ",",
                    world.data_centers[row.data_center].id.value(), ",", row.start, ",", row.end);
    absl::StrAppend(&text, ",", world.jobs[row.job].cpus, ",", row.useful, "\n");
  }
  return text;
}

}  // namespace heliotrope::sim
