// How decisions speak of times and quantities. Plain and short: a job's owner reads them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "scheduler/base/units.h"
#include "scheduler/plan/plan.h"

namespace heliotrope::plan {

// "22:40 UTC", and with its day where that is not clear: "Jan 6 22:40 UTC".
std::string AtText(absl::Time time, absl::Time now);
// One decimal of a core: "12.5 cores", "1 core".
std::string CoresText(int64_t milli_cores);
// One decimal of a price: "31.2".
std::string PriceText(int64_t micro);
// "6h20m", to the minute from an hour on.
std::string SpanText(int64_t seconds);
// "a task asks 64GiB, and in dubai 12GiB of 256GiB is left (foreground 20GiB, batch 224GiB)".
std::string MemoryText(const Site& site, Bytes asked, Bytes left);

}  // namespace heliotrope::plan
