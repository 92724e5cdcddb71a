// A task's journey in one line: where each attempt started, by that data center's own clock.
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "heliotrope/v1/fleet.pb.h"
#include "heliotrope/v1/jobs.pb.h"

namespace heliotrope::cli {

// By full name of the data center.
using Zones = std::map<std::string, absl::TimeZone>;

Zones ZonesOf(const google::protobuf::RepeatedPtrField<v1::DataCenter>& data_centers);

// "hangzhou 02:10 -> frankfurt-1 22:40 -> virginia 19:55". Attempts that never started are left
// out; "..." stands for older ones that the scheduler no longer keeps. An unknown data center's
// time is UTC and says so ("22:40Z").
std::string Journey(const v1::Task& task, const Zones& zones);

}  // namespace heliotrope::cli
