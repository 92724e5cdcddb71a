// The batch work of the next days, as the planner needs it: how much, where it may be, how long its
// tasks run and how long they can wait. What one account submits is arrivals.h's business.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heliotrope::curve {

// Work that is expected to be submitted around a moment. Tasks that are alike in what they leave to
// the planner are one entry.
struct ExpectedWork {
  std::string residency;
  absl::Time release;
  double core_seconds = 0;
  absl::Duration each;   // What one task usually runs.
  absl::Duration slack;  // How long it can usually wait.
};

// By residency and hour of the UTC week what was submitted, an exponential mean that weighs the last
// week by half; an hour of the week that was not seen yet is as that of the day before. How it
// divides into classes by slack is learned by residency alone, with a half-life of a week. For the
// first kMaxDemandResidencies; the work of others is not foreseen. Not thread-safe; concurrent
// reading is fine. Constant work to add; Ahead costs some microseconds a residency.
class Demand {
 public:
  // Submitted at `now`: core_seconds of all its tasks, expected of one. `slack` is what remains of
  // the time to the deadline after the work itself; infinite without a deadline, and counts as a
  // week then. `residency` is what its caller makes of it.
  void Add(absl::string_view residency, absl::Time now, double core_seconds,
           absl::Duration expected, absl::Duration slack);

  // The next 60 hours: eight groups of 3 hours, then six of 6, each released in its middle; by
  // residency, release and slack. Leaves out what is less than a core-hour.
  std::vector<ExpectedWork> Ahead(absl::Time now) const;

  size_t size() const { return streams_.size(); }

 private:
  static constexpr size_t kHours = 168;
  static constexpr size_t kSlacks = 6;

  // One class by slack; sums that fade.
  struct Share {
    double work = 0;           // Core-seconds.
    double work_expected = 0;  // Times the seconds that one task is expected to run.
    double work_slack = 0;     // Times the seconds that it can wait.
  };
  // The work of one residency.
  struct Stream {
    int64_t hour = 0;      // The one under way, counted from 1970.
    double this_hour = 0;  // Core-seconds so far.
    std::array<double, kHours> means{};
    std::array<bool, kHours> seen{};
    std::array<Share, kSlacks> shares;
  };

  static void Advance(Stream& stream, int64_t hour);
  static double ExpectedIn(const Stream& stream, int64_t hour);
  static double ExpectedBetween(const Stream& stream, absl::Time from, absl::Time to);
  static void AppendAhead(const std::string& residency, const Stream& stream, absl::Time now,
                          std::vector<ExpectedWork>& out);

  std::map<std::string, Stream, std::less<>> streams_;
};

}  // namespace heliotrope::curve
