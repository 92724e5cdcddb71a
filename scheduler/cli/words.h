// Values as people read them: cores, sizes, shares, times, states. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "heliotrope/v1/jobs.pb.h"
#include "scheduler/cli/look.h"

namespace heliotrope::cli {

// A protobuf time or duration as it comes from the scheduler; out of range is the epoch or zero.
absl::Time TimeOf(const google::protobuf::Timestamp& proto);
absl::Duration DurationOf(const google::protobuf::Duration& proto);

// "1.5", "64".
std::string CoresWords(int64_t milli_cores);
// "1.5 GiB".
std::string SizeWords(int64_t bytes);
// "37%", and "-" when there is no whole.
std::string ShareWords(int64_t part, int64_t whole);
// "2026-03-02 09:00 UTC": scheduling time in one zone for everybody.
std::string TimeWords(absl::Time time);
// The same with " (in 2h10m)" or " (5m ago)".
std::string TimeWordsFrom(absl::Time time, absl::Time now);
// "in 2h10m", "5m ago", "now".
std::string Relative(absl::Time time, absl::Time now);
// The time zone of that name, or UTC when this machine does not know it.
absl::TimeZone ZoneOf(absl::string_view name);

// "RUNNING" of STATE_RUNNING.
std::string StateWords(v1::Job::State state);
std::string StateWords(v1::Task::State state);
Style StateStyle(v1::Job::State state);
Style StateStyle(v1::Task::State state);
bool HasEnded(v1::Job::State state);
bool HasEnded(v1::Task::State state);

// "2 running, 1 pending, 5 succeeded"; states without tasks are left out.
std::string CountsWords(const v1::TaskCounts& counts);

}  // namespace heliotrope::cli
